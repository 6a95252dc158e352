"""Recordings of a user: what a model says of them."""
