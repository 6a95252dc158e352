"""What of an encoder is trained, and the adapters on it."""
