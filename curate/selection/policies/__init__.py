"""Policies: one file each. A policy decides, checkpoint by checkpoint, which samples are trained on."""
