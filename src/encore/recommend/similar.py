"""What is like a track or an artist: by what they are, by who plays both, or by both.

    content(a, b)   = cosine of what is known of them: genres, tags, artist (`content_matrix`)
    listening(a, b) = cosine of who plays them x n / (n + SHRINK),   n = listeners of both
    both(a, b)      = mean of the two, each standardised over the catalogue of training

The factor on co-listening keeps tracks of one shared listener from being as like as can be (Koren,
"Factorization Meets the Neighborhood", KDD 2008, section 2.2). An artist is the sum of their
tracks, and is played by who plays any.
"""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import polars as pl
import scipy.sparse as sp

from encore.data.dataset import ItemKind
from encore.data.vocabulary import UNKNOWN
from encore.errors import InputError, UsageError
from encore.models.bundle import Bundle
from encore.models.inputs import unit_rows
from encore.models.ranking import EMPTY, Floats, TieOrder, played, standardised, top_k
from encore.recommend.naming import Names

BY = ("content", "listening", "both")

SHRINK = 10.0  # shared listeners at which co-listening counts half
GENRES_NAMED = 3


@dataclass(frozen=True)
class Neighbour:
    """One that is like what was asked for, and in what.

    `content` and `listening` are the two similarities, 0 to 1, whichever ranks; `listeners` play
    both; `genres` are the heaviest that both have.
    """

    rank: int
    id: str
    name: str
    artist: str | None
    score: float
    content: float
    listening: float
    listeners: int
    genres: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the neighbour as plain JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class _Items:
    """What is compared: rows of content and of listeners, row 0 the unknown, and their names."""

    content_NC: sp.csr_array
    listeners_NU: sp.csr_array
    shown: pl.DataFrame  # id, name, artist
    padding: int  # columns of content that are genres

    @classmethod
    def of(cls, bundle: Bundle, kind: str) -> "_Items":
        inputs, tracks, padding = bundle.scorers.inputs, bundle.tracks, bundle.features.padding
        content_TC, listeners_TU = inputs.content_TC, sp.csr_array(played(inputs.plays_UT).T)
        if kind == bundle.item_kind:
            shown = tracks.select("artist", id="track_id", name="title")
            return cls(content_TC, listeners_TU, shown, padding)
        artist_T = bundle.features.artist_T
        track = np.flatnonzero(artist_T != UNKNOWN)
        ones = np.ones(len(track), np.float32)
        shape = (bundle.features.artists.rows, len(artist_T))
        member_AT = sp.csr_array((ones, (artist_T[track], track)), shape=shape)
        names = pl.DataFrame({"artist": artist_T[1:], "name": tracks["artist"]})
        first = names.unique("artist", keep="first").filter(pl.col("artist") != UNKNOWN)
        ids = pl.DataFrame({"id": bundle.features.artists.ids}).with_row_index("artist", offset=1)
        ids = ids.with_columns(pl.col("artist").cast(pl.Int32))
        shown = ids.join(first, on="artist", how="left", maintain_order="left")
        shown = shown.with_columns(artist=pl.lit(None, pl.String))
        return cls(
            unit_rows(sp.csr_array(member_AT @ content_TC)),
            played(sp.csr_array(member_AT @ listeners_TU)),
            shown,
            padding,
        )

    def alike(self, row: int) -> tuple[Floats, Floats, Floats]:
        """Return how like each item is to that at `row`: content, listening, listeners of both."""
        content_N = (self.content_NC @ self.content_NC[[row]].T).toarray().ravel()
        shared_N = (self.listeners_NU @ self.listeners_NU[[row]].T).toarray().ravel()
        count_N = np.diff(self.listeners_NU.indptr)
        norm_N = np.sqrt(np.maximum(count_N * count_N[row], 1))
        return content_N, shared_N / norm_N * shared_N / (shared_N + SHRINK), shared_N

    def genres(self, row: int, other: int) -> list[int]:
        """Return the genres that two items share, the heaviest first."""
        shared = (self.content_NC[[row]] * self.content_NC[[other]])[:, : self.padding].tocoo()
        order = np.argsort(-shared.data, kind="stable")[:GENRES_NAMED]
        return [int(genre) for genre in shared.col[order]]


def similar(
    bundle: Bundle, name: str, n: int = 10, *, by: str = "both", kind: str | None = None
) -> list[Neighbour]:
    """Return the `n` tracks or artists that are most like one, named by id or by name.

    `by` is content, listening or both; `kind` is what to compare, by default what the bundle's
    items are: of a catalogue of tracks, artists can be compared too. What is alike in nothing is
    left out, so there may be fewer.

    Raises `UsageError` on n < 1, on an unknown `by` or `kind`, on tracks where items are artists;
    `InputError` where the name is not found, or nothing is known to compare by.
    """
    kind = kind or bundle.item_kind
    for what, value, known in (("by", by, BY), ("kind", kind, get_args(ItemKind))):
        if value not in known:
            raise UsageError(f"{what} = {value!r}: expected one of {', '.join(known)}")
    if n < 1:
        raise UsageError(f"n = {n}: expected 1 or more")
    if kind == "track" and bundle.item_kind == "artist":
        raise UsageError("kind = 'track': this model knows artists, not tracks")
    names = Names.of(bundle)
    if kind == bundle.item_kind:
        row = names.item(name)
    else:
        row = int(bundle.features.artist_T[names.artist(name)[0]])
    items = _Items.of(bundle, kind)
    content_N, listening_N, shared_N = items.alike(row)
    if by == "listening" and not items.listeners_NU.nnz:
        raise InputError(
            "the bundle was saved without its listeners: who plays what is not known; "
            "compare by content"
        )
    trained = bundle.scorers.network.sizes
    standing = trained.music if kind == bundle.item_kind else trained.artists
    scores = {
        "content": content_N,
        "listening": listening_N,
        "both": sum(standardised(one_N[None], standing)[0] for one_N in (content_N, listening_N))
        / 2,
    }
    open_1N = np.where((content_N > 0) | (listening_N > 0), scores[by], -np.inf)[None]
    if by != "both":
        open_1N[scores[by][None] <= 0] = -np.inf
    open_1N[0, [UNKNOWN, row]] = -np.inf
    ties = TieOrder.of(np.diff(items.listeners_NU.indptr))
    best = [int(other) for other in top_k(open_1N, n, ties)[0] if other != EMPTY]
    return [
        Neighbour(
            rank=rank,
            **items.shown.row(other - 1, named=True),
            score=float(scores[by][other]),
            content=float(content_N[other]),
            listening=float(listening_N[other]),
            listeners=int(shared_N[other]),
            genres=[bundle.features.genres.id(g) for g in items.genres(row, other) if g],
        )
        for rank, other in enumerate(best, 1)
    ]
