"""Sets that researchers publish and catalogues of tracks: a file a source.

Each module has its `READER`, which knows its own by columns and values; `members` holds what they
share.
"""

from encore.data.readers.contract import Reader
from encore.data.readers.research import (
    catalogue,
    lastfm_1k,
    lastfm_360k,
    music4all_onion,
    music_info,
    recbole,
    taste_profile,
    taste_profile_10k,
    yambda,
)

RESEARCH: tuple[Reader, ...] = (
    lastfm_1k.READER,
    lastfm_360k.READER,
    taste_profile.READER,
    taste_profile_10k.READER,
    music_info.READER,
    catalogue.READER,
    yambda.READER,
    recbole.READER,
    music4all_onion.READER,
)
