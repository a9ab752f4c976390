"""Music4All-Onion: plays or listens of 119,140 listeners, in TSV files packed with bzip2.

`userid_trackid_count` has plays, `userid_trackid_timestamp` a line for each listen; where both are
given the listens are read, since they tell the plays too. Features of tracks are passed over.
"""

from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.research import members

_PLAYS = {"user_id": "user_id", "track_id": "track_id", "plays": "count"}
_LISTENS = {"user_id": "user_id", "track_id": "track_id", "listened_at": "timestamp"}


def recognises(container: Container) -> bool:
    """Say whether a member has just the columns of plays, or of listens."""
    return any(_exactly(container, form) for form in (_PLAYS, _LISTENS))


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read listens where there are any, else plays; a track is titled by its id."""
    table, form = ("events", _LISTENS) if _exactly(container, _LISTENS) else ("plays", _PLAYS)
    names = _exactly(container, form)
    opened = [members.opened(container, name, ledger) for name in names]
    members.passed_over(container, names, ledger)
    return Told(
        (table, rows) for source in opened for rows in members.parts_of(source, form, table, ledger)
    )


READER = Reader(
    "music4all-onion",
    "Music4All-Onion: userid_trackid_count or userid_trackid_timestamp",
    recognises,
    read,
)


def _exactly(container: Container, form: dict[str, str]) -> list[str]:
    return [
        name
        for name in container.names()
        if sorted(members.columns(container, name)) == sorted(form.values())
    ]
