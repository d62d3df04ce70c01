"""Scores: what training saw of each sample, and the scorers that make numbers of it."""
