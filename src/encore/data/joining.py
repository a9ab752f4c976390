"""A catalogue beside a history: what is known of the tracks that somebody played.

A catalogue (Spotify's acoustics, genres and explicit flags, say) tells of far more tracks than a
listener has heard. `join` fills what the heard tracks lack and leaves the others out.
"""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from encore import schema
from encore.data import clean, values
from encore.data.dataset import Dataset
from encore.data.identity import normalise_artist, normalise_title
from encore.data.ledger import Ledger

#: The table that a reader tells of a catalogue: tracks that nobody need have played.
CATALOGUE = "catalogue"

#: Tables that say what somebody heard.
LISTENED = frozenset(("plays", "events", "feedback"))

#: Share of the heard tracks that a catalogue must know by its own ids for it to be theirs.
_OWN = 0.5

_KEY = "key of the track"
_ROW = "row of the catalogue"

#: Ids stay as the history has them: a name may match another edition of the same performance.
_NOT_FILLED = ("track_id", "title", "artist_id", "recording_mbid", "spotify_id")

#: What tells that two rows are the same track, the surest first, and how the notes call it.
_KEYS: dict[str, tuple[pl.Expr, ...]] = {
    "track_id": (pl.col("track_id"),),
    "Spotify id": (pl.col("spotify_id"), pl.col("track_id")),
    "recording MBID": (pl.col("recording_mbid"),),
    "artist and title": (
        pl.struct(
            artist=normalise_artist(pl.col("artist")), title=normalise_title(pl.col("title"))
        ),
    ),
}


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


def enriched(data: Dataset, rows: pl.DataFrame, latest: datetime | None = None) -> Dataset:
    """Return `data` with its tracks filled from the rows of a catalogue, which are cleaned."""
    latest = latest or values.end_of_today()
    catalogue = clean.tracks(rows, data.ledger, latest, CATALOGUE)
    return data.with_tables(tracks=join(data.tracks, catalogue, data.ledger))


def join(tracks: pl.DataFrame, catalogue: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return `tracks` with what they lack filled from `catalogue`; order and ids stay.

    Both have the columns of `encore.schema.TRACKS`. A track is matched by track_id, by Spotify id
    (which may be either's track_id), by recording MBID, else by artist and title as
    `encore.data.identity` spells them; where several rows of the catalogue match, the first is
    taken. A title is filled only where it is the id, that is unknown. The ledger notes how many
    were matched by what.

    >>> known = {"track_id": ["1"], "title": ["Song 2"], "artist": ["Blur"], "energy": [0.9]}
    >>> heard = {"track_id": ["x", "y"], "title": ["song 2", "y"], "artist": ["BLUR", None]}
    >>> catalogue = schema.conform(pl.DataFrame(known), "tracks")
    >>> tracks = schema.conform(pl.DataFrame(heard), "tracks")
    >>> join(tracks, catalogue, Ledger()).select("track_id", "title", "energy").rows()
    [('x', 'song 2', 0.8999999761581421), ('y', 'y', None)]
    """
    found = pl.Series([None] * tracks.height, dtype=pl.UInt32)
    matched: dict[str, int] = {}
    for how, keys in _KEYS.items():
        for ours in keys:
            for theirs in keys:
                before = found.count()
                found = found.fill_null(_rows(tracks.select(ours), catalogue.select(theirs)))
                matched[how] = matched.get(how, 0) + found.count() - before
    _note(tracks, catalogue, matched, ledger)
    known = catalogue[found.fill_null(0)] if catalogue.height else catalogue.clear(tracks.height)
    known = known.select(pl.when(found.is_not_null()).then(pl.all()).name.keep())
    columns = [
        tracks[name]
        if name in _NOT_FILLED
        else tracks[name].zip_with(tracks[name].is_not_null(), known[name])
        for name in schema.TRACKS
    ]
    titled_by_id = (tracks["title"] == tracks["track_id"]) & known["title"].is_not_null()
    filled = pl.DataFrame(columns)
    return filled.with_columns(known["title"].zip_with(titled_by_id, tracks["title"]))


def _rows(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.Series:
    """Return for each of our keys the first row of theirs with the same; null where none."""
    ours.columns, theirs.columns = [_KEY], [_KEY]
    first = theirs.with_row_index(_ROW).filter(_known(theirs)).unique(_KEY, keep="first")
    joined = ours.join(first, on=_KEY, how="left", maintain_order="left")
    return joined[_ROW].set(~_known(ours), None)


def _known(keys: pl.DataFrame) -> pl.Series:
    """Say of each key whether all of it is known."""
    key = keys[_KEY]
    parts = key.struct.unnest() if isinstance(key.dtype, pl.Struct) else keys
    return parts.select(pl.all_horizontal(pl.all().is_not_null())).to_series()


def _note(
    tracks: pl.DataFrame, catalogue: pl.DataFrame, matched: dict[str, int], ledger: Ledger
) -> None:
    by = ", ".join(f"{count:,} by {how}" for how, count in matched.items() if count)
    ledger.notes.append(
        f"catalogue: {sum(matched.values()):,} of {tracks.height:,} tracks found among its "
        f"{catalogue.height:,}{f' ({by})' if by else ''}; what they lacked was filled, "
        "tracks that nobody played were left out"
    )
