"""What a playlist says, whatever form it is written in.

A text is one line of characters that every form can hold: what steers a terminal, or the direction
of a line, is left out; right-to-left letters stay as they are.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

# Controls, halves of characters and non-characters, which XML forbids; embeddings and overrides of
# direction, which would turn around what stands after them.
_LEFT_OUT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)
_LINES = re.compile("[\\s\u2028\u2029]+")

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]+:")
_RESERVED = "/:?#[]@!$&'()*+,;=~"  # what stands for something in a URI

RECORDING = "https://musicbrainz.org/recording/"
SPOTIFY = "https://open.spotify.com/track/"


@dataclass(frozen=True)
class Entry:
    """One track of a playlist. `location` is a path or URI that a player opens; None where unknown.

    `score` and `reason` say how the track came here.
    """

    track_id: str
    title: str
    artist: str | None = None
    album: str | None = None
    duration_ms: int | None = None
    recording_mbid: str | None = None
    spotify_id: str | None = None
    location: str | None = None
    score: float | None = None
    reason: str | None = None

    @property
    def identifiers(self) -> list[str]:
        """The URI by which the track is known: MusicBrainz' of the recording, else Spotify's."""
        if self.recording_mbid:
            return [RECORDING + self.recording_mbid]
        return [SPOTIFY + self.spotify_id] if self.spotify_id else []


@dataclass(frozen=True)
class Playlist:
    """A playlist in order: its title, who made it, when, and why (`annotation`)."""

    title: str
    entries: list[Entry]
    date: datetime
    creator: str = "encore"
    annotation: str | None = None


def line(text: str) -> str:
    r"""Return a text as one line of characters that every form can hold.

    >>> line("two\nlines, \x07a bell,\u202e turned")
    'two lines, a bell, turned'
    """
    return _LEFT_OUT.sub("", _LINES.sub(" ", text)).strip()


def uri(location: str) -> str:
    """Return a path or URI as a URI: what may not stand in one is escaped.

    >>> uri("/music/100% Björk.flac"), uri("https://a.org/x%20y z")
    ('file:///music/100%25%20Bj%C3%B6rk.flac', 'https://a.org/x%20y%20z')
    """
    told = line(location)
    if _SCHEME.match(told):
        return quote(told, safe=f"{_RESERVED}%")
    return ("file://" if told.startswith("/") else "") + quote(told, safe="/!$&'()*+,;=~@")
