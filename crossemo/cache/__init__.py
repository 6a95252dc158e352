"""What crossemo makes once: where it lies, how it gets there whole, and whether it is.

Everything below the cache folder has its sums beside it. What is not as it was written
is as good as absent: it is made again.
"""

from crossemo.cache.entries import KINDS, Entry, clear, entries
from crossemo.cache.publishing import (
    FORSAKEN,
    UNFINISHED,
    cache_dir,
    free_bytes,
    in_bytes,
    new_folder,
    unwritable,
)
from crossemo.cache.sums import SUMS, is_whole, sums_of, write_sums

__all__ = [
    "FORSAKEN",
    "KINDS",
    "SUMS",
    "UNFINISHED",
    "Entry",
    "cache_dir",
    "clear",
    "entries",
    "free_bytes",
    "in_bytes",
    "is_whole",
    "new_folder",
    "sums_of",
    "unwritable",
    "write_sums",
]
