"""Dataset sources: one file each. A source finds samples; dataset.py decodes and checks them."""
