"""Studies: what many runs say together."""
