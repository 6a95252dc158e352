"""CREMA-D once more, with the votes of its table as labels."""

from functools import partial
from pathlib import Path

from crossemo.corpora.cremad import CREMAD
from tests.corpora.trees import cremad
from tests.corpora.trees.base import OfficialTree


def write(root: Path) -> dict[str, Path]:
    """Write the folder CREMA-D, whose clips come in the order of their votes."""
    audio = cremad.write(root)
    return {stem: audio[stem] for stem, *_ in cremad.CLIPS if stem in audio}


TREE = OfficialTree(
    partial(CREMAD, labels="voice"),
    write,
    table="CREMA-D/processedResults/summaryTable.csv",
    row='"2","1001_IEO_HAP_HI","N",51.5,"A",60.25,"H",70',
    too_low="CREMA-D/AudioWAV",
)
