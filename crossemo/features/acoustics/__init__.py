"""Acoustic features that hidden states are compared with, a file each."""
