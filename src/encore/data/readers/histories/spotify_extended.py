"""Spotify's extended history: every stream since the account began, with ids.

`Streaming_History_Audio_…json`, in older exports `endsong_….json`. `ts` is when a stream ended, in
UTC. Addresses, devices and countries stand beside each stream; they are never taken over.
"""

import json
from typing import Any

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories import json_text
from encore.data.readers.histories.files import File, Head, history
from encore.data.readers.histories.listens import Rows, pass_over, said, started

_TITLE = "master_metadata_track_name"

#: What a stream is that names no track: the keys that say so.
_NO_MUSIC = {
    "podcast": ("episode_name", "spotify_episode_uri"),
    "audiobook": ("audiobook_title", "audiobook_uri", "audiobook_chapter_uri"),
}
#: What is read of a stream: all of it that a file of rejects may hold.
_READ = {
    "ts",
    "username",
    "ms_played",
    _TITLE,
    "master_metadata_album_artist_name",
    "master_metadata_album_album_name",
    "spotify_track_uri",
    "reason_end",
    "skipped",
    "incognito_mode",
    *(key for keys in _NO_MUSIC.values() for key in keys),
}
_VIDEO = "_video_"  # in the name of a file of videos, whose rows look like the others

_PLAYED_OUT = "trackdone"
#: How streams end that the listener, or a fault, broke off.
_BROKEN_OFF = {
    "fwdbtn",
    "backbtn",
    "clickrow",
    "endplay",
    "playbtn",
    "remote",
    "logout",
    "trackerror",
    "unexpected-exit",
    "unexpected-exit-while-paused",
}


def is_ours(head: Head) -> bool:
    """Say whether the first object is a stream of these files."""
    return {"ts", "ms_played", _TITLE} <= json_text.first(head).keys()


def listens(file: File, ledger: Ledger, options: Options) -> pl.DataFrame:
    """Return the streams of music of a file; whatever else Spotify plays is dropped by its kind."""
    rows = Rows(file.name)
    is_video = _VIDEO in file.name.lower()
    for line, item in json_text.objects(file, ledger, "Spotify's list of streams"):
        reason = "video" if is_video else _no_music(item, options)
        if reason:
            known = {key: value for key, value in item.items() if key in _READ}
            pass_over(ledger, reason, file.name, line, json.dumps(known))
            continue
        rows.add(
            line,
            user_id=said(item.get("username")) or None,
            title=said(item.get(_TITLE)),
            artist=said(item.get("master_metadata_album_artist_name")),
            album=said(item.get("master_metadata_album_album_name")),
            spotify_id=said(item.get("spotify_track_uri")),
            ms_played=said(item.get("ms_played")),
            skipped=_skipped(item),
            listened_at=said(item.get("ts")),
        )
    frame = rows.frame()
    return frame if frame.is_empty() else started(frame)


def _no_music(item: dict[str, Any], options: Options) -> str | None:
    if item.get("incognito_mode") is True and not options.rule.keep_incognito:
        return "incognito"
    if item.get(_TITLE):
        return None
    kinds = (kind for kind, keys in _NO_MUSIC.items() if any(item.get(key) for key in keys))
    return next(kinds, None if item.get("spotify_track_uri") else "no_track")


def _skipped(item: dict[str, Any]) -> str | None:
    """Say whether a stream was broken off; Spotify's flag alone is often absent or false."""
    ended = item.get("reason_end")
    if ended == _PLAYED_OUT:
        return "false"
    flag = said(item.get("skipped"))
    broken_off = isinstance(ended, str) and ended in _BROKEN_OFF
    return "true" if broken_off or flag in ("true", "1") else None


READER = history(
    "spotify-extended",
    "Spotify, extended history (Streaming_History_Audio_…json, endsong_….json)",
    is_ours,
    listens,
)
