"""What DEAM and emoMusic share: their songs, artists and scale."""

from crossemo.corpora.base import Scale

SCALE = Scale(1, 9, 5)


def song_groups(number: str, artist: str = "") -> tuple[str, ...]:
    """Return what must stay on one side of a split, in both corpora.

    Args:
        number: The song's id, which is one in both.
        artist: The song's artist, if that is known.

    >>> song_groups("3", "Kevin MacLeod")
    ('mediaeval/3', 'mediaeval/artist/kevin macleod')
    >>> song_groups("3")
    ('mediaeval/3',)
    """
    song = f"mediaeval/{number}"
    name = plain(artist).casefold()
    return (song, f"mediaeval/artist/{name}") if name else (song,)


def plain(cell: str) -> str:
    r"""Return a cell of their tables without the tabs, quotes and blanks around it.

    >>> plain('\tPaul  Wine  Jones\t')
    'Paul Wine Jones'
    """
    return " ".join(cell.strip('" \t').split())
