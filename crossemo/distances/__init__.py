"""Distances between sets of embeddings, in float64."""
