"""Features of clips, computed once: hidden states and acoustic references."""

from crossemo.features.hidden import Features, keep_features

__all__ = ["Features", "keep_features"]
