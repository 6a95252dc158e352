"""Scores of recognition with their intervals and tests."""
