"""What of a catalogue somebody means: by its id, else by its name as people type it.

Names are compared by their keys (`encore.data.identity`), so case, accents, "The" and "- Remastered
2011" do not matter. What is not found, or could be several, is refused with what comes nearest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from encore.data.identity import artist_keys, title_keys, tokenise_genre
from encore.errors import InputError
from encore.models.bundle import Bundle
from encore.recommend.brought import by_listeners

NEAREST = 5  # named where a name is not found
LIKENESS = 0.6  # of two names (difflib's ratio), from which one is said to come near
COMPARED = 20_000  # best known names that are looked through for those
_BETWEEN = r"\s+[-\x{2013}\x{2014}]\s+"  # an artist and a title


@dataclass(frozen=True)
class Names:
    """The names of a bundle's catalogue: a row for each track, the best known first.

    Columns: `index` (in the vocabulary), track_id, title, artist, artist_id, and the keys
    `title_key` and `artist_key`. Where items are artists, `artist_key` is that of the title.
    """

    bundle: Bundle
    tracks: pl.DataFrame

    @classmethod
    def of(cls, bundle: Bundle) -> "Names":
        """Return the names of a bundle's catalogue."""
        known = by_listeners(bundle)
        artists = known["title" if bundle.item_kind == "artist" else "artist"]
        tracks = known.select("track_id", "title", "artist", "artist_id").with_columns(
            pl.Series("index", bundle.features.tracks.encode(known["track_id"])),
            title_keys(known["title"]).alias("title_key"),
            artist_keys(artists).alias("artist_key"),
        )
        return cls(bundle, tracks)

    def item(self, text: str) -> int:
        """Return the index of what the catalogue lists, a track or an artist, by id or name."""
        return self.artist(text)[0] if self.bundle.item_kind == "artist" else self.track(text)

    def track(self, text: str) -> int:
        """Return the index of a track, by its id, by "artist - title", or by its title.

        Raises `InputError` where none is found, or tracks of several artists have that title.
        """
        if self.bundle.item_kind == "artist":
            raise InputError(
                f"track {text!r}: this model knows artists, not tracks; name an artist"
            )
        if index := self.bundle.features.tracks.index(text):
            return index
        by_title = self.tracks.filter(pl.col("title_key") == _key(title_keys, text))
        found = pl.concat([self._by_both(text), by_title])
        artists = found.unique("artist_key", keep="first", maintain_order=True)
        if found.is_empty():
            raise InputError(f"track {text!r}: not found; {self._nearest_tracks(text)}")
        if artists.height > 1 and not self._by_both(text).height:
            shown = ", ".join(_shown(row) for row in artists.head(NEAREST).to_dicts())
            raise InputError(
                f"track {text!r}: tracks of {artists.height} artists have that title; "
                f"say which: {shown}"
            )
        return int(found["index"][0])

    def artist(self, text: str) -> list[int]:
        """Return the indices of an artist's tracks, the best known first, by id or name.

        Where items are artists it is one. Raises `InputError` where none is found.
        """
        ids = "track_id" if self.bundle.item_kind == "artist" else "artist_id"
        for found in (
            self.tracks.filter(pl.col(ids) == text),
            self.tracks.filter(pl.col("artist_key") == _key(artist_keys, text)),
        ):
            if found.height:
                every = found["index"].to_list()
                return every[:1] if self.bundle.item_kind == "artist" else every
        shown = "title" if self.bundle.item_kind == "artist" else "artist"
        names = self.tracks.drop_nulls("artist_key").unique(
            "artist_key", keep="first", maintain_order=True
        )
        near = _nearest(_key(artist_keys, text), names["artist_key"])
        raise InputError(
            f"artist {text!r}: not found; "
            + _told([str(names[shown][place]) for place in near], "artist")
        )

    def genre(self, text: str) -> int:
        """Return the index of a genre or tag by its name; raise `InputError` where none has it."""
        genres = self.bundle.features.genres
        tokens = tokenise_genre(genres.ids)
        token = tokenise_genre(text)
        for place, known in enumerate(tokens):
            if known == token:
                return place + 1
        near = _nearest(token, tokens)
        raise InputError(
            f"genre {text!r}: not found; " + _told([genres.ids[place] for place in near], "genre")
        )

    def _by_both(self, text: str) -> pl.DataFrame:
        """Return the tracks of which `text` is artist and title, wherever one ends."""
        frames = [
            self.tracks.filter(
                pl.col("artist_key") == _key(artist_keys, artist),
                pl.col("title_key") == _key(title_keys, title),
            )
            for artist, title in readings(text)
        ]
        return pl.concat([self.tracks.clear(), *frames])

    def _nearest_tracks(self, text: str) -> str:
        whole = pl.concat_str(
            pl.col("artist_key").fill_null(""), "title_key", separator=" "
        ).str.strip_chars()
        named = self.tracks.drop_nulls("title_key")
        keys = named.select(whole.alias("key"))["key"]
        wanted = _key(title_keys, text)
        near = dict.fromkeys([*_nearest(wanted, named["title_key"]), *_nearest(wanted, keys)])
        rows = [_shown(named.row(place, named=True)) for place in list(near)[:NEAREST]]
        return _told(rows, "track")


def readings(text: str) -> list[tuple[str, str]]:
    """Return the artist and the title that a text may name, wherever the one ends.

    >>> readings("Low - Trust - Live")
    [('Low', 'Trust - Live'), ('Low - Trust', 'Live')]
    """
    parts = pl.Series([text]).str.replace_all(_BETWEEN, "\x00")[0].split("\x00")
    return [
        (" - ".join(parts[:place]), " - ".join(parts[place:])) for place in range(1, len(parts))
    ]


def _key(keys: Callable[[pl.Series], pl.Series], text: str) -> str:
    found = keys(pl.Series([text]))[0]
    return text.lower() if found is None else str(found)


def _nearest(key: str, keys: pl.Series) -> list[int]:
    """Return the places in `keys` of those most like `key`, the most like first."""
    place = {known: at for at, known in reversed([*enumerate(keys.head(COMPARED))])}
    return [place[near] for near in get_close_matches(key, place, NEAREST, LIKENESS)]


def _told(names: Sequence[str], kind: str) -> str:
    if not names:
        return f"no {kind} of the catalogue comes near"
    return f"the nearest: {', '.join(names)}"


def _shown(row: dict[str, str | None]) -> str:
    return f"{row['artist']} - {row['title']}" if row["artist"] else str(row["title"])
