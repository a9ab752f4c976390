"""Playlist files as others write them, read back: JSPF, XSPF, M3U and M3U8, told by their content.

What a file says of a track is kept as it stands; whether a catalogue has it is for
`encore.data.matching` to say. XML is read by expat with every DTD refused, so that no entity is
expanded and nothing is fetched.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from encore.data.ledger import Ledger
from encore.data.readers.encoding import as_utf8
from encore.data.writers.entries import Entry
from encore.data.writers.jspf import TRACK
from encore.data.writers.xspf import NAMESPACE
from encore.errors import InputError

MOST_BYTES = 64 << 20  # of a file: a hundred thousand tracks are 50 MB

_MBID = re.compile(
    r"musicbrainz\.org/recording/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.I
)
_SPOTIFY = re.compile(
    r"(?:spotify:track:|open\.spotify\.com/(?:intl-\w+/)?track/)([0-9A-Za-z]{22})"
)
_EXTINF = re.compile(r"#EXTINF:\s*(-?\d+(?:\.\d+)?)?[^,]*,(.*)", re.I)
_MILLISECONDS = 1000  # of a second


def read(path: Path) -> list[Entry]:
    """Return the tracks of a playlist file, in order, but for those without a name and an id.

    An entry's track_id is encore's own where its JSPF says it, else empty. Where a name is all on
    one line, as in M3U, it stands in the title with the artist before it.

    Raises `InputError` where the file cannot be read or is no playlist.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"{path}: {size:,} bytes; a playlist has no more than {MOST_BYTES:,}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    start = content.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if start == b"<":
        found = _of_xspf(path, content)
    else:
        text = as_utf8(path.name, content, Ledger()).decode()
        found = _of_jspf(path, text) if start == b"{" else _of_m3u(path, text)
    return [one for one in found if one.title or one.recording_mbid or one.spotify_id]


def _entry(
    title: str | None,
    artist: str | None = None,
    album: str | None = None,
    duration_ms: int | None = None,
    uris: Iterable[str] = (),
    track_id: str | None = None,
) -> Entry:
    told = [*uris]
    mbid, spotify = (
        next((found[1] for found in map(form.search, told) if found), None)
        for form in (_MBID, _SPOTIFY)
    )
    return Entry(
        track_id=track_id or "",
        title=(title or "").strip(),
        artist=(artist or "").strip() or None,
        album=album,
        duration_ms=duration_ms,
        recording_mbid=mbid and mbid.lower(),
        spotify_id=spotify,
    )


def _of_jspf(path: Path, text: str) -> list[Entry]:
    try:
        tracks = json.loads(text)["playlist"]["track"]
        return [_of_json(track) for track in tracks]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f'{path}: not JSPF: expected {{"playlist": {{"track": [...]}}}}, found {error!r}'
        ) from error


def _of_json(track: dict[str, Any]) -> Entry:
    def texts(name: str) -> list[str]:
        value = track.get(name)
        several = value if isinstance(value, list) else [value]
        return [one for one in several if isinstance(one, str)]

    # ListenBrainz writes lists where the specification has one text, and the other way round.
    first = {name: next(iter(texts(name)), None) for name in ("title", "creator", "album")}
    duration = track.get("duration")
    return _entry(
        first["title"],
        first["creator"],
        first["album"],
        duration if isinstance(duration, int) else None,
        [*texts("identifier"), *texts("location")],
        _own_id(track),
    )


def _own_id(track: dict[str, Any]) -> str | None:
    value: Any = track
    for name in ("extension", TRACK, "additional_metadata", "track_id"):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


class _Xspf:
    """What expat tells of an XSPF, gathered track by track; no tree is made."""

    def __init__(self) -> None:
        self.tracks: list[Entry] = []
        self._open: list[str] = []
        self._said: dict[str, list[str]] = {}
        self._text: list[str] = []

    def start(self, name: str, _: dict[str, str]) -> None:
        if not self._open and name.rpartition("}")[2] != "playlist":
            raise ValueError(f"found the element {name!r}, expected 'playlist'")
        # Older files leave the namespace out.
        ours = name.removeprefix(f"{NAMESPACE}}}")
        self._open.append(ours)
        self._text = []
        if self._within("track"):
            self._said = {}

    def end(self, _: str) -> None:
        if self._within("track"):
            said = {name: texts[0] for name, texts in self._said.items()}
            duration = said.get("duration", "").strip()
            uris = [*self._said.get("identifier", []), *self._said.get("location", [])]
            self.tracks.append(
                _entry(
                    said.get("title"),
                    said.get("creator"),
                    said.get("album"),
                    int(duration) if duration.isdecimal() else None,
                    uris,
                )
            )
        elif self._within("track", self._open[-1]):
            self._said.setdefault(self._open[-1], []).append("".join(self._text))
        self._open.pop()

    def data(self, text: str) -> None:
        self._text.append(text)

    def doctype(self, *_: object) -> None:
        raise ValueError("found a DTD, which no playlist needs; remove it")

    def _within(self, *names: str) -> bool:
        return self._open == ["playlist", "trackList", *names]


def _of_xspf(path: Path, content: bytes) -> list[Entry]:
    told = _Xspf()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler, parser.EndElementHandler = told.start, told.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = told.data, told.doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InputError(
            f"{path}:{error.lineno}: not XML: {expat.ErrorString(error.code)}"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}:{parser.CurrentLineNumber}: not XSPF: {error}") from error
    return told.tracks


def _of_m3u(path: Path, text: str) -> list[Entry]:
    lines = [line.strip() for line in text.splitlines()]
    if "\0" in text or not (lines[:1] == ["#EXTM3U"] or path.suffix.lower() in (".m3u", ".m3u8")):
        raise InputError(
            f"{path}: no playlist: expected JSPF, XSPF, or M3U that begins with #EXTM3U"
        )
    return [*_of_lines(lines)]


def _of_lines(lines: Iterable[str]) -> Iterator[Entry]:
    name, duration = "", None
    for line in lines:
        if found := _EXTINF.match(line):
            seconds = float(found[1] or -1)
            name = found[2].strip()
            duration = None if seconds < 0 else round(seconds * _MILLISECONDS)
        elif line and not line.startswith("#"):
            yield _entry(name or _named_by(line), duration_ms=duration, uris=[line])
            name, duration = "", None


def _named_by(location: str) -> str:
    """Return the name of a file without folder and suffix; none where a URI names no file."""
    split = urlsplit(location) if "://" in location or location.startswith("spotify:") else None
    if split is not None and split.scheme != "file":
        return ""
    file = unquote(split.path) if split else location.replace("\\", "/")
    return PurePosixPath(file).stem
