"""Kaggle's "Million Song Dataset + Spotify + Last.fm": Music Info and User Listening History.

Two CSV files, in a folder, a zip or given beside each other; either may be missing. Genres are
mostly empty there, so the comma-separated tags of Last.fm count as genres too.
"""

from itertools import chain

from encore.data.joining import CATALOGUE
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.research import catalogue, members

_HISTORY = {"user_id": "user_id", "track_id": "track_id", "plays": "playcount"}

_TRACKS = catalogue.Form(
    {"track_id": "track_id", "title": "name", "artist": "artist", "spotify_id": "spotify_id"},
    ("genre", "tags"),
)


def recognises(container: Container) -> bool:
    """Say whether one of the two files is there, by its columns."""
    return bool(_histories(container)) or bool(_infos(container))


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read plays, and tracks; these alone are a catalogue."""
    histories, infos = _histories(container), _infos(container)
    about = "tracks" if histories else CATALOGUE
    told = [
        (about, catalogue.rows(members.opened(container, name, ledger), _TRACKS, ledger, about))
        for name in infos
    ]
    heard = [members.opened(container, name, ledger) for name in histories]
    members.passed_over(container, [*infos, *histories], ledger)
    plays = (
        ("plays", rows)
        for source in heard
        for rows in members.parts_of(source, _HISTORY, "plays", ledger)
    )
    return Told(chain(told, plays))


READER = Reader(
    "music-info",
    "Kaggle's Music Info.csv and User Listening History.csv, together or either",
    recognises,
    read,
)


def _histories(container: Container) -> list[str]:
    return members.having(container, set(_HISTORY.values()))


def _infos(container: Container) -> list[str]:
    return [name for name in container.names() if _TRACKS.fits(members.columns(container, name))]
