"""Datasets: where samples come from, who they are, and their pixels."""
