"""Vectors: embeddings, k-means and nearest neighbours."""
