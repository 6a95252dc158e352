"""Groups of songs that two corpora have taken from AllMusic."""


def song_groups(song: str, track: str, artist: str) -> tuple[str, ...]:
    """Return the groups of a song: its recording, then its artist.

    They have one prefix in all corpora of AllMusic's previews, so that a song that is
    in two of them, and all songs of an artist, are on one side of a split.

    Args:
        song: The corpus's own name of the song, such as `merge/A061-66`.
        track: AllMusic's number of the song, `MT` and ten digits; else it has none.
        artist: The artist as published; empty if unknown.

    >>> song_groups("4q/MT0000004637", "MT0000004637", "Charlie Poole")
    ('allmusic/MT0000004637', 'allmusic/artist/charlie poole')
    >>> song_groups("merge/A061-66", "", "")
    ('merge/A061-66',)
    """
    recording = f"allmusic/{track}" if track.startswith("MT") else song
    return (recording, *([f"allmusic/artist/{artist.casefold()}"] if artist else []))
