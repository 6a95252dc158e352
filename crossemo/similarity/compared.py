"""Hidden states that were compared once, for any number of runs."""

import gzip
import json
import logging
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import torch
from filelock import FileLock

from crossemo import cache
from crossemo.cache import is_whole, sums_of, write_sums
from crossemo.data.role_pairs import role_pairs
from crossemo.encoders import SSLEncoder
from crossemo.files import replacing, write_text
from crossemo.similarity.compare import compare_clips
from crossemo.similarity.domains import Domain
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Row
from crossemo.version import __version__

FORMAT = 1
Tables = tuple[list[Row], list[Row]]  # of `fad.csv` and of `similarity.csv`

logger = logging.getLogger(__name__)


class ComparedStates:
    """Tables of hidden states, each compared once.

    A state is known by its content: the embeddings, groups and emotions of all clips.
    So one that training left as it was is recognised, and nothing stale is ever used.
    What lies in the cache is shared by any number of processes: one compares a state,
    and the others wait for its tables.
    """

    def __init__(self) -> None:
        self._tables: dict[str, Tables] = {}
        self._writable = True

    def compare(
        self,
        domains: Sequence[Domain],
        emotions: Sequence[str],
        settings: Settings,
        encoder: SSLEncoder | None = None,
        cache_dir: str | Path | None = None,
    ) -> Tables:
        """Compare every two domains in one hidden state, each with itself only once.

        Args:
            domains: Two domains or more.
            emotions: Names of the emotions, in the order of the domains' cells.
            settings: How to estimate.
            encoder: The encoder whose state it is without any training, so that other
                runs have it too and its tables are kept in the cache; None of others.
            cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.

        Returns:
            The rows of `compare_clips` for every two domains, those of a domain with
            itself once; measures of more than two domains name theirs.

        Raises:
            ValueError: As `compare_clips`.
        """
        digest = _digest(domains, emotions, settings)
        if digest not in self._tables and encoder is not None and self._writable:
            folder = _folder(encoder, cache_dir)
            try:
                _describe(folder, encoder)
                self._share(folder, digest, domains, emotions, settings)
            except (NotImplementedError, OSError) as error:
                self._writable = False
                sentence = cache.unwritable("Distances", folder, error)
                logger.warning("%s They are measured all the same.", sentence)
        if digest not in self._tables:
            self._tables[digest] = _compared(domains, emotions, settings)
        return self._tables[digest]

    def _share(
        self,
        folder: Path,
        digest: str,
        domains: Sequence[Domain],
        emotions: Sequence[str],
        settings: Settings,
    ) -> None:
        """Read tables; write them first where no process has."""
        file, locks = folder / f"{digest}.json.gz", folder / "locks"
        tables = _read(file)
        if tables is None:
            locks.mkdir(exist_ok=True)
            with FileLock(locks / digest):
                tables = _read(file)
                if tables is None:
                    tables = _compared(domains, emotions, settings)
                    self._tables[digest] = tables  # whether or not it can be written
                    _write(file, tables)
        self._tables[digest] = tables


def _folder(encoder: SSLEncoder, cache_dir: str | Path | None) -> Path:
    """Return `<cache folder>/distances/<key>`.

    Its key stands for the weights and the versions of crossemo and torch.
    """
    versions = [FORMAT, __version__, str(torch.__version__)]
    identity = json.dumps([*versions, encoder.fingerprint()])
    key = blake2b(identity.encode(), digest_size=16).hexdigest()
    return cache.cache_dir(cache_dir) / "distances" / key


def _describe(folder: Path, encoder: SSLEncoder) -> None:
    """Leave a note of what is kept here, for `crossemo cache`."""
    if not (folder / "about.json").is_file():
        about = {"of": encoder.name, "crossemo": __version__}
        write_text(folder / "about.json", json.dumps(about))


def _compared(
    domains: Sequence[Domain], emotions: Sequence[str], settings: Settings
) -> Tables:
    by_name = {domain.name: domain for domain in domains}
    pairs = role_pairs(by_name)
    rows: list[Row] = []
    measures: list[Row] = []
    within: set[str] = set()
    for x, y in pairs:
        table = compare_clips(by_name[x], by_name[y], emotions, settings)
        rows += [
            row
            for row in table[0]
            if row["x_domain"] != row["y_domain"] or row["x_domain"] not in within
        ]
        within |= {x, y}
        names = {"x_domain": x, "y_domain": y} if len(pairs) > 1 else {}
        measures += [names | row for row in table[1]]
    return rows, measures


def _read(file: Path) -> Tables | None:
    if not is_whole(sums_of(file)):
        return None
    try:
        rows, measures = json.loads(gzip.decompress(file.read_bytes()))
    except FileNotFoundError:  # by `crossemo cache --clear`
        return None
    return rows, measures


def _write(file: Path, tables: Tables) -> None:
    text = json.dumps(tables)  # which gives back every number to the bit, NaN too
    with replacing(file) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    write_sums(sums_of(file), [file])


def _digest(
    domains: Sequence[Domain], emotions: Sequence[str], settings: Settings
) -> str:
    """Return what tells clips, groups, emotions and settings from any others."""
    digest = blake2b(repr((settings, list(emotions))).encode(), digest_size=16)
    for domain in domains:
        for cell in domain.cells:
            clips = cell.embeddings.contiguous()
            what = domain.name, cell.groups, clips.dtype, tuple(clips.shape)
            digest.update(repr(what).encode())
            digest.update(clips.numpy().tobytes())
    return digest.hexdigest()
