"""What a fit imports, imported once by the server that the runs of a grid fork from.

Nothing here may start a thread or touch a GPU, which no fork has. Libraries that a fit
imports where it uses them are named, so that each run needn't.
"""

from contextlib import suppress
from importlib import import_module

from crossemo.commands.imports import load

LATER = ("crossemo.callbacks.progress",)

load("launch")
for name in LATER:
    with suppress(ImportError):
        import_module(name)
