"""The Echo Nest Taste Profile of the Million Song Dataset: user, song, plays, without a header.

Songs are known by their Echo Nest id alone (SO…). The set maps them to tracks (TR…) with known
mismatches, so no such map is read.
"""

import re

from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.research import members, taste_profile_10k

_FIELDS = ("user_id", "track_id", "plays")

_LINE = re.compile(r"[^\t]+\tSO[A-Z0-9]{16}\t *\d+ *")


def recognises(container: Container) -> bool:
    """Say whether a member has lines of the three fields."""
    # The 10k set carries the beginning of the original beside its own form of the same rows.
    return bool(_triplets(container)) and not taste_profile_10k.recognises(container)


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read plays; a song is titled by its id."""
    names = _triplets(container)
    parts = members.parts_without_header(container, names, _FIELDS, "plays", ledger)
    return Told(("plays", rows) for rows in parts)


READER = Reader(
    "taste-profile",
    "Echo Nest Taste Profile: user, song and plays, tab-separated",
    recognises,
    read,
)


def _triplets(container: Container) -> list[str]:
    return members.fitting(container, _LINE.fullmatch)
