"""M3U8: a playlist as lines, each track's length and name before its path or URI, in UTF-8.

A track of which no location is known is told in a comment, so that players go on to the next.
"""

from encore.data.writers.entries import Entry, Playlist, line

UNKNOWN_LENGTH = -1  # as players write it


def text(playlist: Playlist) -> str:
    """Return the playlist as extended M3U."""
    lines = ["#EXTM3U", f"#PLAYLIST:{line(playlist.title)}"]
    for entry in playlist.entries:
        lines += _entry(entry)
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> list[str]:
    name = line(f"{entry.artist} - {entry.title}" if entry.artist else entry.title)
    location = entry.location or (entry.spotify_id and f"spotify:track:{entry.spotify_id}")
    if not location or not location.strip() or line(location) != location:
        return [f"# no location known: {name}"]
    length = UNKNOWN_LENGTH if entry.duration_ms is None else round(entry.duration_ms / 1000)
    told = f"./{location}" if location.startswith("#") else location
    return [f"#EXTINF:{length},{name}", told]
