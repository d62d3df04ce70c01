"""Sharing: what lies on the Hub, how it is laid out there, and what was fetched from it."""
