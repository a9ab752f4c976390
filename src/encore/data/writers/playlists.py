"""Playlists as files that players and services read: JSPF, XSPF, M3U8."""

from collections.abc import Callable
from pathlib import Path

from encore import folder
from encore.data.writers import jspf, m3u8, xspf
from encore.data.writers.entries import Playlist
from encore.errors import UsageError

#: How a playlist is written, by the suffix of its file.
FORMS: dict[str, Callable[[Playlist], str]] = {
    ".jspf": jspf.text,
    ".xspf": xspf.text,
    ".m3u8": m3u8.text,
}


def write(playlist: Playlist, path: Path) -> None:
    """Write the file in the form that its suffix names, in UTF-8; raise `UsageError` on another."""
    if path.suffix not in FORMS:
        raise UsageError(f"{path}: expected one of {', '.join(FORMS)}")
    with folder.replacing(path) as temporary:
        temporary.write_bytes(FORMS[path.suffix](playlist).encode())
