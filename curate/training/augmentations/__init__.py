"""Augmentations: one file each, from images to the images that are trained on."""
