"""What every artifact shares: its header, how it is written and checked; and tables of one row per sample."""
