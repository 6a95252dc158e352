"""Grids: one config, many runs, each of them an ordinary fit."""
