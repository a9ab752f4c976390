"""A catalogue beside a history: what is known of the tracks that somebody played.

A catalogue (Spotify's acoustics, genres and explicit flags, say) tells of far more tracks than a
listener has heard. `join` fills what the heard tracks lack and leaves the others out.
"""

from collections.abc import Mapping

import polars as pl

from encore import schema
from encore.data import matching
from encore.data.ledger import Ledger

#: The table that a reader tells of a catalogue: tracks that nobody need have played.
CATALOGUE = "catalogue"

#: Tables that say what somebody heard.
LISTENED = frozenset(("plays", "events", "feedback"))

#: Share of the heard tracks that a catalogue must know by its own ids for it to be theirs.
_OWN = 0.5

#: Ids stay as the history has them: a name may match another edition of the same performance.
_NOT_FILLED = ("track_id", "title", "artist_id", "recording_mbid", "spotify_id")


def is_own(tables: Mapping[str, pl.DataFrame], catalogue: pl.DataFrame) -> bool:
    """Say whether a catalogue belongs to the listening in `tables`, not just tells of it.

    So it does where the listening calls its tracks by ids that this catalogue alone has (neither
    Spotify's nor made of names), and where there is no listening: then all its tracks are tracks of
    the Dataset, heard or not.
    """
    ids = [tables[name].select("track_id") for name in sorted(LISTENED) if name in tables]
    if not ids:
        return True
    heard = pl.concat(ids).drop_nulls().unique()
    if "spotify_id" not in catalogue.columns:
        return False
    theirs = catalogue.filter(pl.col("track_id") != pl.col("spotify_id"))
    return heard.join(theirs, on="track_id", how="semi").height > _OWN * heard.height


def join(tracks: pl.DataFrame, catalogue: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return `tracks` with what they lack filled from `catalogue`; order and ids stay.

    Both have the columns of `encore.schema.TRACKS`. A track is found as `encore.data.matching` does
    it, by its ids or by artist and title; where several rows of the catalogue match, the first is
    taken. A title is filled only where it is the id, that is unknown. The ledger notes how many
    were matched by what.

    >>> known = {"track_id": ["1"], "title": ["Song 2"], "artist": ["Blur"], "energy": [0.9]}
    >>> heard = {"track_id": ["x", "y"], "title": ["song 2", "y"], "artist": ["BLUR", None]}
    >>> catalogue = schema.conform(pl.DataFrame(known), "tracks")
    >>> tracks = schema.conform(pl.DataFrame(heard), "tracks")
    >>> join(tracks, catalogue, Ledger()).select("track_id", "title", "energy").rows()
    [('x', 'song 2', 0.8999999761581421), ('y', 'y', None)]
    """
    at = matching.located(tracks, catalogue)
    _note(tracks, catalogue, at["level"], ledger)
    known = at.join(catalogue.with_row_index("row"), on="row", how="left", maintain_order="left")
    columns = [
        tracks[name]
        if name in _NOT_FILLED
        else tracks[name].zip_with(tracks[name].is_not_null(), known[name])
        for name in schema.TRACKS
    ]
    titled_by_id = (tracks["title"] == tracks["track_id"]) & known["title"].is_not_null()
    filled = pl.DataFrame(columns)
    return filled.with_columns(known["title"].zip_with(titled_by_id, tracks["title"]))


def _note(tracks: pl.DataFrame, catalogue: pl.DataFrame, levels: pl.Series, ledger: Ledger) -> None:
    counts = {how: int((levels == level).sum()) for level, how in matching.NAMED.items()}
    by = ", ".join(f"{count:,} by {how}" for how, count in counts.items() if count)
    ledger.notes.append(
        f"catalogue: {levels.count():,} of {tracks.height:,} tracks found among its "
        f"{catalogue.height:,}{f' ({by})' if by else ''}; what they lacked was filled, "
        "tracks that nobody played were left out"
    )
