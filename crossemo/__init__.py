"""Emotion in speech and in music through self-supervised encoders."""

__version__ = "0.1.0"
