"""Personal listening histories, a file a format, and what they share."""

from encore.data.readers.contract import Reader
from encore.data.readers.histories import (
    lastfm_backup,
    lastfm_benjaminbenben,
    lastfm_ghan,
    lastfmstats,
    librefm,
    listenbrainz,
    maloja,
    panoscrobbler,
    scrobbler_log,
    spotify,
    spotify_extended,
)

#: In the order of trial; no file is of two of them.
HISTORIES: tuple[Reader, ...] = (
    lastfm_ghan.READER,
    lastfm_benjaminbenben.READER,
    lastfmstats.READER,
    lastfm_backup.READER,
    librefm.READER,
    scrobbler_log.READER,
    maloja.READER,
    panoscrobbler.READER,
    listenbrainz.READER,
    spotify.READER,
    spotify_extended.READER,
)
