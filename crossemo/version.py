"""The version, apart from the public names, so that nobody loads these for it."""

__version__ = "0.1.0"
