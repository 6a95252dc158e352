"""Scores of recognition with their intervals, and distances of embeddings."""
