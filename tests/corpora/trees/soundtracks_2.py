"""Set 2 of the Soundtracks, beside set 1 with files of the same names."""

from functools import partial
from pathlib import Path

from crossemo.corpora.soundtracks import Soundtracks
from tests.corpora.trees.base import OfficialTree
from tests.corpora.trees.soundtracks import write_set_1, write_set_2


def write(root: Path) -> dict[str, Path]:
    """Write both sets, and return the audio of set 2 by stem."""
    write_set_1(root)
    return write_set_2(root)


TREE = OfficialTree(
    partial(Soundtracks, set=2),
    write,
    table="mean_ratings_set2.csv",
    cell=("010,2.44,", "010,9.44,"),
    row="095,3.01,6.28,5.5,1,1,2,1,1,5,5,TENSION POS HIGH,Night Train,009,",
    too_low="mp3/Soundtrack110_mp3",
)
