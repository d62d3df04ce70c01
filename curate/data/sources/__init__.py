"""Dataset sources: one file each. A source finds samples; scan.py reads and checks them."""
