"""Embedding methods: one file each, from images to vectors."""
