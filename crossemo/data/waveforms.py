"""Clips decoded once, each known by its content, for any number of runs.

Reading a clip back costs a few hundredths of decoding it, so that no loader needs
worker processes.
"""

import json
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from filelock import FileLock

from crossemo import audio, cache
from crossemo.data.batch import Content
from crossemo.data.decoders import Job, decode_all, jobs_of, seconds_of
from crossemo.data.examples import Example
from crossemo.data.packs import (
    BYTES,
    Pack,
    SampleFormat,
    Waveform,
    WaveformError,
    packs_in,
    write_pack,
)
from crossemo.errors import listed
from crossemo.files import printable

__all__ = ["SampleFormat", "WaveformError", "WaveformStore", "skipped_sentence"]

FORMAT = 4
NAMED_IN_WARNINGS = 3
PACK = 1 << 30  # bytes; what a killed process has decoded in vain at the most
TRIES = 3  # how often the cache may be emptied while it is filled

logger = logging.getLogger(__name__)


class WaveformStore:
    """The waveforms of some clips at one rate, memory-mapped.

    They lie in packs, `<cache folder>/waveforms/<settings>-<pack>`, whose settings are
    the rate, the resampler and the format of samples. A clip is looked for in all packs
    of its settings by its key (content of the file and stretch), so that corpora, roles
    and runs share what is decoded. `prepare` decodes what is in none of them, `open`
    finds them, `select` says which clips can be served and `store[example.key]` is a
    waveform, `(samples,)` float32.

    Args:
        packs: The packs, which may hold other clips too.
        rate: Sampling rate in Hz.
        sample_format: How samples are written.

    Attributes:
        packs: As given.
        rate: As given.
        sample_format: As given.
        lengths: Samples by key of a clip; 0 for one that couldn't be decoded.
        failures: Why a clip couldn't be decoded, by its key.
        content: What it gives, `waveforms`.
    """

    content: Content = "waveforms"

    def __init__(
        self, packs: Sequence[Pack], rate: int, sample_format: SampleFormat = "int16"
    ) -> None:
        self.packs, self.rate, self.sample_format = list(packs), rate, sample_format
        self._pack_of = {key: pack for pack in packs for key in pack.lengths}
        self.failures = {
            key: reason
            for pack in packs
            for key, reason in pack.failures.items()
            if key not in self._pack_of
        }
        self.lengths = dict.fromkeys(self.failures, 0)
        self.lengths |= {k: pack.lengths[k] for k, pack in self._pack_of.items()}

    @classmethod
    def open(
        cls,
        examples: Sequence[Example],
        rate: int,
        cache_dir: str | Path | None = None,
        sample_format: SampleFormat = "int16",
    ) -> "WaveformStore":
        """Open the waveforms of these clips.

        Raises:
            WaveformError: Some have not been prepared.
        """
        home = _home(cache_dir)
        store = cls._present(examples, rate, home, sample_format)
        if any(one.key not in store.lengths for one in examples):
            raise WaveformError(
                f"The waveforms are not in the cache ({home}): "
                "call prepare_data() on this machine first."
            )
        return store

    @classmethod
    def prepare(
        cls,
        examples: Sequence[Example],
        rate: int,
        cache_dir: str | Path | None = None,
        progress: bool = False,
        sample_format: SampleFormat = "int16",
    ) -> "WaveformStore":
        """Open the waveforms of these clips; decode those first that aren't there.

        Several processes may do this at once: one decodes, and the others wait and
        find what it made. Clips that couldn't be decoded before are tried again, since
        the lacking decoder may have been installed.

        Args:
            examples: The clips.
            rate: Sampling rate in Hz.
            cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
            progress: Show a bar while decoding.
            sample_format: How samples are written: `int16`, some 80 dB below which lies
                what is lost of a clip, or `float32`, which loses nothing and takes
                twice the room.

        Raises:
            WaveformError: No clip can be decoded, the disk lacks the room, or the cache
                can't be written.
        """
        home = _home(cache_dir)
        store = cls._present(examples, rate, home, sample_format)
        again = _decodable([e for e in examples if e.key in store.failures], rate)
        for _ in range(TRIES):
            if not store._lacking(examples, again):
                break
            with _alone(home, rate, sample_format):
                store = cls._present(examples, rate, home, sample_format)
                if lacking := store._lacking(examples, again):
                    jobs = jobs_of(lacking)
                    _write(jobs, rate, home, progress, sample_format)
            store, again = cls._present(examples, rate, home, sample_format), set()
        if examples and all(one.key in store.failures for one in examples):
            names = {one.clip.id: store.failures[one.key] for one in examples}
            raise WaveformError(skipped_sentence(names, len(examples)))
        return cls.open(examples, rate, cache_dir, sample_format)

    @classmethod
    def _present(
        cls,
        examples: Sequence[Example],
        rate: int,
        home: Path,
        sample_format: SampleFormat,
    ) -> "WaveformStore":
        """Return a store of the packs that hold any of some clips."""
        keys = {one.key for one in examples}
        folders = sorted(home.glob(f"{_settings(rate, sample_format)}-*"))
        packs = [
            pack
            for pack in packs_in(folders)
            if not keys.isdisjoint(pack.lengths) or not keys.isdisjoint(pack.failures)
        ]
        return cls(packs, rate, sample_format)

    def _lacking(
        self, examples: Sequence[Example], again: Collection[str]
    ) -> list[Example]:
        """Return the clips that aren't here or are tried again, each content once."""
        clips = {
            one.key: one
            for one in examples
            if one.key not in self.lengths or one.key in again
        }
        return list(clips.values())

    def __getitem__(self, key: str) -> Waveform:
        return self.read(key)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Waveform:
        """Return the samples of a clip from `start` on, before `stop`, as float32."""
        return self._pack_of[key].read(key, start, stop)

    def __reduce__(
        self,
    ) -> tuple[type["WaveformStore"], tuple[list[Pack], int, SampleFormat]]:
        return type(self), (self.packs, self.rate, self.sample_format)

    def select(
        self, examples: Sequence[Example], min_samples: int = 1, strict: bool = False
    ) -> tuple[list[Example], dict[str, str]]:
        """Part clips into usable ones and the rest.

        Args:
            examples: Clips of this store.
            min_samples: The shortest clip that is of use, in samples.
            strict: Refuse to leave any out.

        Returns:
            The usable clips in order, and the reason why each other is left out, by id.

        Raises:
            WaveformError: No clip is usable, or with `strict`, one is not.
        """
        skipped: dict[str, str] = {}
        for one in examples:
            if one.key in self.failures:
                skipped[one.clip.id] = self.failures[one.key]
            elif (length := self.lengths[one.key]) < min_samples:
                skipped[one.clip.id] = (
                    f"{printable(one.clip.path)} has {length} samples at {self.rate} "
                    f"Hz, fewer than the {min_samples} needed"
                )
        if skipped and (strict or len(skipped) == len(examples)):
            raise WaveformError(skipped_sentence(skipped, len(examples)))
        return [one for one in examples if one.clip.id not in skipped], skipped


def skipped_sentence(skipped: dict[str, str], total: int) -> str:
    """Say how many clips can't be used, and why the first of them can't."""
    reasons = [
        why.rstrip(".") if name in why else f"{name} ({why.rstrip('.')})"
        for name, why in skipped.items()
    ]
    named = listed(reasons, NAMED_IN_WARNINGS)
    return f"{len(reasons)} of {total} clips can't be used: {named}."


def _home(cache_dir: str | Path | None) -> Path:
    return cache.cache_dir(cache_dir) / "waveforms"


def _settings(rate: int, sample_format: SampleFormat) -> str:
    identity = json.dumps([FORMAT, audio.RESAMPLER, rate, sample_format])
    return blake2b(identity.encode(), digest_size=8).hexdigest()


@contextmanager
def _alone(home: Path, rate: int, sample_format: SampleFormat) -> Iterator[None]:
    """Keep other processes from decoding meanwhile; a killed one keeps none.

    Raises:
        WaveformError: The cache can't be written.
    """
    name = f".{home.name}-{_settings(rate, sample_format)}.lock"
    lock = FileLock(home.with_name(name))
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        sentence = cache.unwritable("The waveforms", home, error)
        raise WaveformError(sentence) from error
    try:
        yield
    finally:
        lock.release()


def _decodable(examples: Sequence[Example], rate: int) -> set[str]:
    """Return the keys of clips that can be decoded."""
    results = decode_all(jobs_of(examples), rate)
    return {one.key for one, result in results if not isinstance(result, str)}


def _write(
    jobs: Sequence[Job],
    rate: int,
    home: Path,
    progress: bool,
    sample_format: SampleFormat,
) -> None:
    """Decode clips into new packs."""
    byte_rate = rate * BYTES[sample_format]
    results = decode_all(jobs, rate, progress)
    try:
        room = _room(jobs, byte_rate, home)
        if progress:
            logger.info(room)
        for clips in _chunks(jobs, byte_rate):
            keys = json.dumps([one.key for one in clips])
            name = blake2b(keys.encode(), digest_size=16).hexdigest()
            folder = home / f"{_settings(rate, sample_format)}-{name}"
            with cache.new_folder(folder, _serves_as_well, stamped=True) as built:
                write_pack(built, islice(results, len(clips)), rate, sample_format)
    except OSError as error:
        sentence = cache.unwritable("The waveforms", home, error)
        raise WaveformError(sentence) from error


def _chunks(jobs: Sequence[Job], byte_rate: int) -> Iterator[list[Example]]:
    """Cut clips into those of a pack each."""
    clips: list[Example] = []
    size = 0.0
    for job in jobs:
        more = seconds_of(job) * byte_rate
        if clips and size + more > PACK:
            yield clips
            clips, size = [], 0.0
        clips.extend(job)
        size += more
    yield clips


def _room(jobs: Sequence[Job], byte_rate: int, home: Path) -> str:
    """Return a sentence on how much room waveforms take.

    Raises:
        WaveformError: The disk has less.
    """
    clips = [one for job in jobs for one in job]
    unknown = sum(one.seconds is None for one in clips)
    size = round(sum(one.seconds or 0 for one in clips) * byte_rate)
    counted = "1 clip" if len(clips) == 1 else f"{len(clips)} clips"
    takes = f"The waveforms of {counted} take {cache.in_bytes(size)}"
    if unknown:
        takes += f" without the {unknown} whose files don't tell how long they are"
    free = cache.free_bytes(home)
    if size > free:
        raise WaveformError(
            f"{takes}, and {home} has {cache.in_bytes(free)} free: make room there, "
            "choose another folder by data.cache_dir or the environment variable "
            "CROSSEMO_CACHE, or keep less of long clips (data.excerpt)."
        )
    return f"{takes} in {home}."


def _serves_as_well(there: Path, ours: Path) -> bool:
    packs = packs_in([there])  # may be damaged, or lack clips for want of a decoder
    return bool(packs) and packs[0].failures.keys() <= Pack(ours).failures.keys()
