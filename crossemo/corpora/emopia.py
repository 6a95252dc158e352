"""EMOPIA: pop piano in the four quadrants of valence and arousal."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import CorpusError, check_choice
from crossemo.corpora.emopia_splits import SOURCES, SplitName, published_parts
from crossemo.corpora.rows import Row, RowError, read_rows
from crossemo.corpora.tree import Tree
from crossemo.errors import listed
from crossemo.files import expanded, printable

Group = Literal["song", "channel"]

logger = logging.getLogger(__name__)

_COLUMNS = ("ID", "4Q")
_CLIP = re.compile(r"Q[1-4]_.+_\d+")
# fmt: off
_CHANNEL = (  # keys of a video's metadata, the surest first
    "channel_id", "channelid", "uploader_id", "channel", "channeltitle", "uploader",
    "author", "author_name",
)
# fmt: on


class EMOPIA(AnnotatedCorpus):
    """EMOPIA, pop piano for emotion recognition.

    Content:

    * 1078 released clips (of 1087 in the paper) of 387 songs, 32 to 40 s on average
    * a quadrant each: Q1 250, Q2 265, Q3 253, Q4 310; 72 songs have clips in several

    Format:

    * `label.csv`: `ID,4Q,annotator`; an id such as `Q1_0vLPYiPN7qY_0` is quadrant, id
      of a video (which may hold `_` and `-`) and number of the clip
    * the release holds MIDI and no audio: `timestamps.json` or `tagging_lists` says
      what to cut from the videos. Clips are read from `audios/seg/<id>.mp3`, where the
      authors' script puts them, or wherever files bear these names. Many videos are
      gone, so that not every clip has audio; a warning counts those that have.

    Clips of a song are never on two sides of a split. There are two official splits,
    and neither shares a song; 21 of 30 test songs of the first whose performers are
    known are by performers in its training part (`group` prevents that in splits of
    one's own).

    Licence: CC BY 4.0 on Zenodo, CC BY-NC-SA 4.0 in the authors' repository. Release
    1.0 is https://zenodo.org/records/5090631, 2.2 is https://zenodo.org/records/5257995.

    If you use this corpus, please cite:

    * Hung et al. (2021), EMOPIA: A Multi-Modal Pop Piano Dataset for Emotion
      Recognition and Emotion-based Music Generation, ISMIR

    Args:
        root: The unpacked folder, or one above it.
        split: Which of the authors' splits: `cls`, of their classifiers (EMOPIA_cls,
            `dataset/split/{train,val,test}.csv`: 767, 198 and 86 clips, 27 in none), or
            `release`, which is in release 1.0 (`split/{train,val,test}_clip.csv`: 876,
            114 and 88). 88 of the first's validation clips are trained on in the
            second. Where its tables are not below the root, clips have no part, which a
            log line says, and `official` deals songs into folds.
        split_file: Another place of the split: a folder with the three tables of either
            format, or one table with a column of clips (`ID`, `fname`, `clip_name`,
            `clip`, `file` or `name`) and one of parts (`split`, `part` or `set`).
        group: What is kept together in splits of one's own: the `song`, or all songs of
            a YouTube `channel`, which the release's `metadata/Qx_<video>.json` name
            for most.

    Raises:
        CorpusError: There is no such split or group.
    """

    name = "emopia"
    domain = "music"
    citation = """
    @inproceedings{hung2021emopia,
      author = {Hung, Hsiao-Tzu and Ching, Joann and Doh, Seungheon and Kim, Nabin and
                Nam, Juhan and Yang, Yi-Hsuan},
      title = {{EMOPIA}: A Multi-Modal Pop Piano Dataset for Emotion Recognition and
               Emotion-based Music Generation},
      booktitle = {Proceedings of the 22nd International Society for Music Information
                   Retrieval Conference (ISMIR)},
      year = {2021},
    }
    """
    licence = "CC BY 4.0 (Zenodo) or CC BY-NC-SA 4.0 (the authors' repository)"
    expected = MappingProxyType(
        {"clips": 1078, "Q1": 250, "Q2": 265, "Q3": 253, "Q4": 310}
    )
    window = 10.0
    advice = (
        "give the unpacked folder of EMOPIA, with label.csv and the clips that you cut "
        "in audios/seg"
    )

    def __init__(
        self,
        root: str | Path,
        split: SplitName = "cls",
        split_file: str | Path | None = None,
        group: Group = "song",
    ) -> None:
        super().__init__(root)
        check_choice("EMOPIA", "split", split, ("cls", "release"))
        check_choice("EMOPIA", "group", group, ("song", "channel"))
        self.split, self.group = split, group
        self.split_file = None if split_file is None else expanded(split_file)

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the labelled clips in the order of `label.csv`."""
        path = tree.table("label.csv", columns=_COLUMNS)
        labels = read_rows(path, _label, _COLUMNS)
        parts = published_parts(tree, self.split, self.split_file)
        if parts and parts.keys().isdisjoint(stem for stem, _ in labels):
            raise CorpusError(
                f"The split of emopia names none of its clips, but {listed(parts, 2)}: "
                "give clips by their ids, such as Q1_0vLPYiPN7qY_0."
            )
        if not parts:
            logger.warning(
                "No tables of emopia's split %s (%s) lie under %s, so songs are dealt "
                "into folds: give their place as split_file, or another split.",
                self.split,
                SOURCES[self.split],
                printable(self.root),
            )
        channels = _channels(tree) if self.group == "channel" else {}
        for stem, label in labels:
            song = song_of(stem)
            channel = channels.get(song)
            groups = [f"emopia/{song}"]
            groups += [f"emopia/channel/{channel}"] if channel else []
            yield Annotation(
                stem,
                tuple(groups),
                label=label,
                part=parts.get(stem),
                about=(("song", song),),
            )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the audio of clips, but not that of whole songs."""
        return {
            stem: path
            for stem, path in tree.audio.items()
            if path.parent.name == "seg" or _CLIP.fullmatch(stem)
        }


def song_of(stem: str) -> str:
    """Return the id of the video that a clip is of.

    >>> song_of("Q1__kJtgm1OUNA_0"), song_of("Q4_-_FjI4bT2Wo_2")
    ('_kJtgm1OUNA', '-_FjI4bT2Wo')
    """
    return stem[3:].rsplit("_", 1)[0]


def _label(row: Row) -> tuple[str, str]:
    stem = row["ID"].removesuffix(".mid")
    if not _CLIP.fullmatch(stem):
        raise RowError(f'column ID: "{stem}" is not such as Q1_0vLPYiPN7qY_0')
    if row["4Q"] not in ("1", "2", "3", "4"):
        raise RowError(f'column 4Q: "{row["4Q"]}" is no number from 1 to 4')
    return stem, f"Q{row['4Q']}"


def _channels(tree: Tree) -> dict[str, str]:
    """Return the channel of each video whose metadata name one."""
    files = (
        p for p in tree.files if (p.suffix, p.parent.name) == (".json", "metadata")
    )
    named = ((path.stem.partition("_")[2], _channel(path)) for path in files)
    return {video: channel for video, channel in named if channel}


def _channel(path: Path) -> str | None:
    """Return the channel that a video's metadata name.

    Raises:
        CorpusError: The file is no JSON.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"{printable(path)} can't be read as JSON: {error}."
        ) from error
    values = dict(_leaves(facts))
    return next((values[key] for key in _CHANNEL if values.get(key)), None)


def _leaves(facts: object) -> Iterator[tuple[str, str]]:
    """Yield the texts of nested metadata by their keys in lower case."""
    if isinstance(facts, Mapping):
        for key, value in facts.items():
            if isinstance(value, str):
                yield str(key).lower(), value
            yield from _leaves(value)
    elif isinstance(facts, list):
        for value in facts:
            yield from _leaves(value)
