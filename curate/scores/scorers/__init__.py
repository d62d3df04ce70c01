"""Scores: one file per scorer. A score is a number per sample, and each scorer says which side is hard."""
