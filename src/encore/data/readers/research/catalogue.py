"""Catalogues of tracks with Spotify's acoustics, in the forms in which they are published.

A catalogue has no listening. Read beside a history it fills what the heard tracks lack; alone it is
a Dataset of tracks (see `encore.data.readers.united`). Rows that share an id are one track with the
genres of all: most of these sets repeat a track once for each genre or playlist.
"""

from dataclasses import dataclass, field

import polars as pl

from encore.data import values
from encore.data.clean import ACOUSTIC_COLUMNS
from encore.data.identity import named_track
from encore.data.joining import CATALOGUE
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.gather import Opened
from encore.data.readers.research import members
from encore.wording import counted

_SAME = {name: name for name in (*ACOUSTIC_COLUMNS, "explicit", "year")}
_NO_GENRE = "set()"  # how one of the sets prints that it knows none


@dataclass(frozen=True)
class Form:
    """How one set names its columns.

    `columns` is encore's name -> the set's, beside those that are the same; `genres` the columns
    that hold genres or tags, `separator` what parts them; `released` a date that begins with the
    year. A set without a track_id is known by artist and title.
    """

    columns: dict[str, str]
    genres: tuple[str, ...]
    separator: str = ","
    released: str | None = None
    needed: set[str] = field(default_factory=set)

    def fits(self, columns: list[str]) -> bool:
        """Say whether these columns are of this form."""
        return {*self.columns.values(), *self.genres, *self.needed, "energy"} <= set(columns)


FORMS = (
    # The 114k tracks of Kaggle's "Spotify Tracks Dataset", and excerpts of it.
    Form(
        {
            "track_id": "track_id",
            "spotify_id": "track_id",
            "title": "track_name",
            "artist": "artists",
            "album": "album_name",
        },
        ("track_genre",),
    ),
    # TidyTuesday's and Kaggle's "30000 Spotify Songs": a row for each playlist.
    Form(
        {
            "track_id": "track_id",
            "spotify_id": "track_id",
            "title": "track_name",
            "artist": "track_artist",
            "album": "track_album_name",
        },
        ("playlist_genre", "playlist_subgenre"),
        released="track_album_release_date",
    ),
    # Kaggle's "Top Hits Spotify from 2000-2019".
    Form({"title": "song", "artist": "artist"}, ("genre",), needed={"explicit", "year"}),
)


def recognises(container: Container) -> bool:
    """Say whether a member has the columns of one of the forms."""
    return bool(_catalogues(container))


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read the tracks of every member that is a catalogue."""
    found = _catalogues(container)
    parts = [
        rows(members.opened(container, name, ledger), form, ledger) for name, form in found.items()
    ]
    members.passed_over(container, list(found), ledger)
    return Told((CATALOGUE, part) for part in parts)


READER = Reader(
    "spotify-catalogue",
    "Spotify catalogues: tracks with acoustics, genres and explicit flags",
    recognises,
    read,
)


def rows(source: Opened, form: Form, ledger: Ledger, table: str = CATALOGUE) -> pl.DataFrame:
    """Return a catalogue's tracks under encore's names."""
    genres = {f"genres {at}": name for at, name in enumerate(form.genres)}
    released = {"year": form.released} if form.released else {}
    told = members.rows_of(source, {**_SAME, **form.columns, **genres, **released}, table, ledger)
    listed = [
        pl.when(values.stripped(name) != _NO_GENRE).then(
            pl.col(name).str.replace_all(form.separator, ";", literal=True)
        )
        for name in genres
    ]
    told = told.with_columns(genres=pl.concat_str(listed, separator=";", ignore_nulls=True))
    told = told.drop(genres)
    if form.released:
        told = told.with_columns(pl.col("year").str.extract(r"^\s*(\d{4})"))
    told = _first_artist(told, source.name, ledger)
    if "explicit" in told.columns:
        told = _explicit_or_unknown(told, source.name, ledger)
    if "track_id" not in told.columns:
        told = told.with_columns(track_id=named_track())
    return told


def _catalogues(container: Container) -> dict[str, Form]:
    found = {}
    for name in container.names():
        columns = members.columns(container, name)
        form = next((form for form in FORMS if form.fits(columns)), None)
        if form is not None:
            found[name] = form
    return found


def _first_artist(told: pl.DataFrame, name: str, ledger: Ledger) -> pl.DataFrame:
    """Keep the first of several artists: guests stand in the title as well."""
    several = told["artist"].str.contains(";", literal=True)
    if count := int(several.sum()):
        rows = counted(count, "row names", "rows name")
        ledger.notes.append(f"{name}: {rows} several artists; the first is the artist")
    return told.with_columns(pl.col("artist").str.split(";").list.first())


def _explicit_or_unknown(told: pl.DataFrame, name: str, ledger: Ledger) -> pl.DataFrame:
    """Keep what is explicit; Spotify's "false" says "no, or not known"."""
    word = pl.col("explicit").str.strip_chars().str.to_lowercase()
    denied = told.select(word.is_in(["false", "0"]).fill_null(False)).to_series()
    if count := int(denied.sum()):
        ledger.notes.append(
            f"{name}: {counted(count, 'row says', 'rows say')} not explicit, which may mean not "
            "known: read as unknown"
        )
    return told.with_columns(pl.when(~denied).then("explicit").alias("explicit"))
