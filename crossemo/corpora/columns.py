"""What the columns of one's own table mean, by the names that are in use."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from crossemo.corpora.base import CorpusError
from crossemo.corpora.rows import Row
from crossemo.errors import guess_among, listed, shortened

VALUES = ("valence", "arousal", "dominance")
# What a column is, and the names that it has in tables of audformat, Hugging Face,
# mirdata's users and others; the first of a kind that is there counts.
FIELDS = MappingProxyType(
    {
        "file": ("file", "path", "file_name", "filename", "audio", "wav", "audio_path"),
        "id": ("id",),
        "clip": ("clip",),
        "start": ("start", "offset", "start_time"),
        "end": ("end", "end_time"),
        "duration": ("duration",),
        "emotion": ("emotion", "label", "quadrant"),
        "split": ("split", "part", "partition", "subset"),
        "groups": ("groups",),
        "valence": ("valence", "valence_mean", "mean_valence"),
        "arousal": ("arousal", "arousal_mean", "mean_arousal"),
        "dominance": ("dominance", "dominance_mean", "mean_dominance"),
    }
)
# All of these that are there are groups, the recording's own first.
GROUPS = MappingProxyType(
    {
        "group": ("group",),
        "recording": ("recording", "recording_id"),
        "song": ("song", "song_id"),
        "track": ("track", "track_id"),
        "speaker": ("speaker", "speaker_id"),
        "actor": ("actor", "actor_id"),
        "singer": ("singer", "singer_id"),
        "performer": ("performer", "performer_id"),
        "artist": ("artist", "artist_id"),
        "album": ("album", "album_id"),
        "session": ("session", "session_id"),
    }
)
ABOUT = "about."  # how the name of a column begins that is nothing but a fact
_ALIASES = {
    alias: name
    for table in (FIELDS, GROUPS)
    for name, aliases in table.items()
    for alias in aliases
}
_BRACED = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Columns:
    """Where a table has what.

    Args:
        sources: A column, or a pattern such as `samples/{file_id}`, by what it is: a
            name of `FIELDS` or `GROUPS`.
        about: Columns that are facts, by the names of these.
    """

    sources: Mapping[str, str]
    about: Mapping[str, str]

    @property
    def groups(self) -> tuple[str, ...]:
        """The kinds of groups that are there, the recording's own first."""
        return tuple(kind for kind in GROUPS if kind in self.sources)

    def text(self, row: Row, name: str) -> str:
        """Return what a row says of something; empty where it says nothing."""
        source = self.sources.get(name)
        if source is None:
            return ""
        if source in row.cells:
            return row.cells[source]
        cells = {column: row.cells[column] for column in _BRACED.findall(source)}
        if not all(cells.values()):
            return ""
        return _BRACED.sub(lambda match: cells[match[1]], source)


def is_understood(column: str) -> bool:
    """Return whether a column of this name is more than a fact about a clip."""
    return _spelling(column) in _ALIASES or column.startswith(ABOUT)


def find_columns(
    names: Sequence[str],
    given: Mapping[str, str | None],
    where: str,
    hidden: Collection[str] = (),
) -> Columns:
    """Return what the columns of a table are.

    Args:
        names: The names of its columns.
        given: What the user says: a column or pattern by a name of `FIELDS`, `GROUPS`
            or another in use; None where no column is that.
        where: Name of the table in messages.
        hidden: Columns that are no facts.

    Raises:
        CorpusError: Something is said of what no table can hold, or of a column that
            this table doesn't have.
    """
    chosen = {_kind(key): source for key, source in given.items()}
    spellings: dict[str, str] = {}
    for name in names:
        spellings.setdefault(_spelling(name), name)
    sources: dict[str, str] = {}
    used: set[str] = set()  # columns that are something by the user's word
    for kind, source in chosen.items():
        if source is not None:
            sources[kind] = _source(source, spellings, names, where)
            used.add(sources[kind])
    for kind, aliases in (FIELDS | GROUPS).items():
        columns = [spellings[alias] for alias in aliases if alias in spellings]
        free = [column for column in columns if column not in used]
        if kind not in chosen and free:
            sources[kind] = free[0]
    if "start" not in sources:
        sources.pop("duration", None)  # of the whole file
    used = {*sources.values(), *hidden}
    for source in sources.values():
        if source not in names:
            used.update(_BRACED.findall(source))
    facts = [name for name in names if name and name not in used]
    return Columns(sources, {name: name.removeprefix(ABOUT) for name in facts})


def _kind(key: str) -> str:
    kind = _ALIASES.get(_spelling(key))
    if kind is None:
        known = (*FIELDS, *GROUPS)
        raise CorpusError(
            f"columns: {shortened(key)} is nothing that a table holds: choose "
            f"{listed(known, 40, ' or ')}.{guess_among(key, known)}"
        )
    return kind


def _source(
    source: str, spellings: Mapping[str, str], names: Sequence[str], where: str
) -> str:
    def column(name: str) -> str:
        if (column := spellings.get(_spelling(name))) is None:
            raise CorpusError(
                f"{where} has no column {shortened(name)}: its columns are "
                f"{listed((shortened(one) for one in names), 20)}."
                f"{guess_among(name, names)}"
            )
        return column

    if _spelling(source) in spellings or not _BRACED.search(source):
        return column(source)
    return _BRACED.sub(lambda match: f"{{{column(match[1])}}}", source)


def _spelling(name: str) -> str:
    """Return a name as it is compared: `File name` is `file_name`."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())
