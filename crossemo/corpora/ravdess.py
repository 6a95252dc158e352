"""RAVDESS: the same actors speak and sing the same two sentences."""

import logging
import os
import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Literal

from crossemo.corpora.base import (
    Archive,
    Clip,
    Corpus,
    CorpusError,
    CorpusNotFoundError,
)
from crossemo.corpora.listing import check_folder, walk_files
from crossemo.files import expanded, printable

logger = logging.getLogger(__name__)

Channel = Literal["speech", "song"]

_CHANNELS = {"speech": "01", "song": "02"}
_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
_EXAMPLE = "03-01-06-01-02-01-12.wav"
# modality, channel, emotion, intensity, statement, repetition, actor
_NAME = re.compile(
    r"(?P<modality>0[1-3])-(?P<channel>0[12])-(?P<emotion>0[1-8])"
    r"-0[12]-0[12]-0[12]-(?P<actor>0[1-9]|1\d|2[0-4])"
)
_MELODIES = (("calm", "happy"), ("sad", "angry", "fearful"))
_SONG_NOTE = (
    "RAVDESS song: the emotions are confounded with the melodies (calm and happy share "
    "one, sad, angry and fearful another, and neutral has its own), so that part of a "
    "score on song is melody."
)
_AUDIO = "03"  # 01 and 02 are the sound tracks of the same takes' videos

_TEST_ACTORS = (
    (1, 11, 20, 21),
    (4, 10, 12, 14),
    (8, 9, 19, 23),
    (3, 5, 7, 24),
    (2, 15, 16, 18),
    (6, 13, 17, 22),
)


class RAVDESS(Corpus):
    """Ryerson Audio-Visual Database of Emotional Speech and Song, audio only.

    Content:

    * 24 professional actors (odd numbers men, even numbers women), North American
      English, two sentences spoken and sung twice each, in normal and strong
      intensity (neutral in normal only)
    * speech: 1440 clips, neutral, calm, happy, sad, angry, fearful, disgust and
      surprised (192 each, neutral 96), 2.9 to 5.3 s, 1.48 h
    * song: 1012 clips, the first six of these (184 each, neutral 92), 3.5 to 6.4 s,
      1.31 h; actor 18 does not sing

    Format:

    * 16-bit WAV at 48 kHz, mono but for five speech clips and one song clip; a filler
      chunk stands before the samples
    * `03-01-06-01-02-01-12.wav`: modality (03 audio only), channel (01 speech, 02
      song), emotion, intensity, statement, repetition, actor
    * speech 03-01-03-01-02-01-07 and 03-01-03-01-02-02-07 are the same file, so that
      1439 of the 1440 clips of speech are used

    In song the emotions are confounded with the melodies: calm and happy share one,
    sad, angry and fearful another, and neutral has its own. The melody alone tells
    these three groups apart, which `note` says wherever results are shown.

    The folds are EmoBox's for speech, used for both channels so that no tested actor
    has been heard in either. Files are told apart by their names, wherever below
    `root` they lie: both archives together or apart, or either of them alone.

    Licence: CC BY-NC-SA 4.0. https://zenodo.org/records/1188976

    If you use this corpus, please cite:

    * Livingstone and Russo (2018), The Ryerson Audio-Visual Database of Emotional
      Speech and Song (RAVDESS), PLoS ONE 13(5): e0196391
    * Ma et al. (2024), EmoBox, Interspeech, for the folds

    Args:
        root: Folder that holds the clips at any depth.
        channel: `speech` or `song`.

    Raises:
        CorpusError: There is no such channel.
    """

    variants = ({"channel": "speech"}, {"channel": "song"})
    citation = """
    @article{livingstone2018ravdess,
      author = {Livingstone, Steven R. and Russo, Frank A.},
      title = {The {Ryerson} Audio-Visual Database of Emotional Speech and Song
               ({RAVDESS}): A Dynamic, Multimodal Set of Facial and Vocal Expressions
               in {North American English}},
      journal = {PLoS ONE},
      volume = {13},
      number = {5},
      pages = {e0196391},
      year = {2018},
      doi = {10.1371/journal.pone.0196391},
    }

    @inproceedings{ma2024emobox,
      author = {Ma, Ziyang and Chen, Mingjie and Zhang, Hezhao and Zheng, Zhisheng and
                Chen, Wenxi and Li, Xiquan and Ye, Jiaxin and Chen, Xie and
                Hain, Thomas},
      title = {{EmoBox}: Multilingual Multi-Corpus Speech Emotion Recognition Toolkit
               and Benchmark},
      booktitle = {Interspeech},
      pages = {1580--1584},
      year = {2024},
    }
    """
    licence = "CC BY-NC-SA 4.0"
    address = "https://zenodo.org/records/1188976/files"
    archives = (
        Archive("Audio_Speech_Actors_01-24.zip", "bc696df654c87fed845eb13823edef8a"),
        Archive("Audio_Song_Actors_01-24.zip", "5411230427d67a21e18aa4d466e6d1b9"),
    )
    folds = tuple(
        frozenset(f"ravdess/{actor:02d}" for actor in fold) for fold in _TEST_ACTORS
    )

    def __init__(self, root: str | Path, channel: Channel = "speech") -> None:
        if channel not in _CHANNELS:
            raise CorpusError(
                f"RAVDESS has no channel {channel!r}: choose speech or song."
            )
        self.root = expanded(root)
        self.channel = channel
        self.name = f"ravdess-{channel}"
        self.domain = "speech" if channel == "speech" else "music"
        self.note = _SONG_NOTE if channel == "song" else ""
        self.melodies = _MELODIES if channel == "song" else ()

    def clips(self) -> list[Clip]:
        """Return every clip of the channel, in order of file name.

        Raises:
            CorpusNotFoundError: No clip of the channel lies below the root.
            CorpusError: A folder can't be read.
        """
        return list(self._clips)

    @cached_property
    def _clips(self) -> tuple[Clip, ...]:
        check_folder(self.root, self._advice())
        paths = walk_files(self.root, {"wav"})
        wavs = [(path, _NAME.fullmatch(path.stem)) for path in paths]
        strays = [path for path, name in wavs if not name]
        audio = [
            (path, name) for path, name in wavs if name and name["modality"] == _AUDIO
        ]
        code = _CHANNELS[self.channel]
        matches = [(path, name) for path, name in audio if name["channel"] == code]
        if not matches:
            channels = Counter(name["channel"] for _, name in audio)
            raise CorpusNotFoundError(self._nothing_found(channels, strays))
        if strays:
            logger.warning(
                "%d of %d .wav files under %s are left out, as their names (first: %s) "
                "are not of RAVDESS's form %s",
                *(len(strays), len(wavs), self.root, printable(strays[0]), _EXAMPLE),
            )
        clips = [
            Clip(
                id=f"ravdess/{path.stem}",
                path=path,
                groups=(f"ravdess/{name['actor']}",),
                label=_EMOTIONS[name["emotion"]],
            )
            for path, name in matches
        ]
        return tuple(sorted(clips, key=lambda clip: (clip.id, clip.path)))

    def _nothing_found(self, channels: Counter[str], strays: list[Path]) -> str:
        for channel, code in _CHANNELS.items():
            if channels[code]:
                return (
                    f"{self.root} holds RAVDESS {channel} ({channels[code]} files) but "
                    f"no {self.channel}: {self._advice()}."
                )
        others = (
            f" ({len(strays)} others do, such as {printable(strays[0])})"
            if strays
            else ""
        )
        return (
            f"No RAVDESS {self.channel} clip, such as {_EXAMPLE}, lies under "
            f"{self.root}{others}: {self._advice()}."
        )

    def _advice(self) -> str:
        folder = self.root.parent if os.path.isfile(self.root) else self.root
        return (
            "give the folder that holds the unpacked archives, or run "
            f"`crossemo download ravdess {folder}`"
        )
