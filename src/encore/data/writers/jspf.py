"""JSPF: a playlist as JSON, in the form of ListenBrainz (MusicBrainz' two extensions).

Score and reason of a track stand in its extension's `additional_metadata`. The playlist says that
it is not public: whoever sends it somewhere decides.
"""

import json
from typing import Any

from encore.data.writers.entries import Entry, Playlist, line, uri

PLAYLIST = "https://musicbrainz.org/doc/jspf#playlist"
TRACK = "https://musicbrainz.org/doc/jspf#track"


def text(playlist: Playlist) -> str:
    """Return the playlist as JSPF."""
    said = {
        "title": line(playlist.title),
        "creator": line(playlist.creator),
        "annotation": playlist.annotation and line(playlist.annotation),
        "date": playlist.date.isoformat(),
        "extension": {PLAYLIST: {"public": False}},
        "track": [_track(entry) for entry in playlist.entries],
    }
    return json.dumps({"playlist": _known(said)}, indent=1, ensure_ascii=False) + "\n"


def _track(entry: Entry) -> dict[str, Any]:
    how = {
        "track_id": line(entry.track_id),
        "score": entry.score,
        "reason": entry.reason and line(entry.reason),
    }
    return _known(
        {
            "title": line(entry.title),
            "creator": entry.artist and line(entry.artist),
            "album": entry.album and line(entry.album),
            "duration": entry.duration_ms,
            "identifier": [*map(uri, entry.identifiers)] or None,
            "location": [*filter(None, [uri(entry.location or "")])] or None,
            "extension": {TRACK: {"additional_metadata": _known(how)}},
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
