"""Of what kinds tracks are: their artist, their genres and tags; and what is said by kind.

Legend: T tracks + 1 (row 0 is the unknown), G genres kept per track, K kinds, A columns of values.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore.data.dataset import Dataset
from encore.data.identity import one_artist, tokenise_genre
from encore.data.vocabulary import UNKNOWN, Indices, Vocabulary

Floats = npt.NDArray[np.float64]

GENRES_PER_TRACK = 50  # of a track's genres and tags, the heaviest are kept
MAIN_GENRES = 10  # of those, what a track is said to be
GENRE_MIN_TRACKS = 5  # a genre or tag on fewer tracks says little and costs a vector
MAX_GENRES = 1000


class Genres(NamedTuple):
    """The genre vocabulary and each track's genres, the heaviest first, padded; see `Features`."""

    vocabulary: Vocabulary
    genres_TG: Indices
    weight_TG: npt.NDArray[np.float32]

    def shares_TK(self) -> sp.csr_array:
        """Return the share of each main genre in what a track is said to be; a row sums to 1."""
        weight_TG = self.weight_TG[:, :MAIN_GENRES].astype(np.float64)
        track, slot = np.nonzero(weight_TG)
        shares = (weight_TG / np.maximum(weight_TG.sum(1, keepdims=True), 1e-12))[track, slot]
        kinds = self.genres_TG[track, slot]
        shape = (len(weight_TG), self.vocabulary.rows)
        return sp.csr_array((shares, (track, kinds)), shape=shape)


def artists_of(tracks: pl.DataFrame) -> tuple[Vocabulary, Indices]:
    """Return the artists and each track's artist: by its id, else by its normalised name."""
    key = tracks.select(one_artist()).to_series()
    vocabulary = Vocabulary(key.drop_nulls().unique(maintain_order=True))
    return vocabulary, np.concatenate([[UNKNOWN], vocabulary.encode(key)]).astype(np.int32)


def genres_of(train: Dataset, tracks: Vocabulary) -> Genres:
    """Return the genre vocabulary and each track's heaviest genres and tags with their weights.

    Tags enter only summed over listeners, so no single assignment can be told from the sum.
    """
    spelled = _spelled(train.tracks, train.tags)
    weights = _weights(spelled, _names(spelled))
    common = (
        weights.group_by("tag", maintain_order=True)
        .len()
        .filter(pl.col("len") >= GENRE_MIN_TRACKS)
        .sort("len", descending=True, maintain_order=True)
        .head(MAX_GENRES)
    )
    kept = weights.join(common.select("tag"), on="tag", how="semi", maintain_order="left")
    return _heaviest(kept, Vocabulary(common["tag"]), tracks)


def further_genres(known: Vocabulary, tracks: pl.DataFrame, tags: pl.DataFrame) -> Genres:
    """Return the genres of tracks that come after training, by the vocabulary that training made.

    A genre of theirs that it lacks is put at its end, however rare; a tag that it lacks says too
    little for that, and is left out.
    """
    theirs = pl.DataFrame({"tag": known.ids.cast(pl.String)})
    theirs = theirs.with_columns(tokenise_genre(pl.col("tag")).alias("token"))
    own = _names(_spelled(tracks, tags.clear())).select("tag", "token")
    names = pl.concat([theirs, own.join(theirs, on="token", how="anti", maintain_order="left")])
    weights = _weights(_spelled(tracks, tags), names)
    return _heaviest(weights, Vocabulary(names["tag"]), Vocabulary(tracks["track_id"]))


def _spelled(tracks: pl.DataFrame, tags: pl.DataFrame) -> pl.DataFrame:
    """Return track_id, tag, weight and token of each genre and tag that is given to a track."""
    own = tracks.select("track_id", pl.col("genres").alias("tag"), weight=pl.lit(1.0))
    own = own.explode("tag", empty_as_null=True)
    given = tags.select("track_id", "tag", pl.col("weight").cast(pl.Float64))
    return (
        pl.concat([own, given])
        .drop_nulls()
        .with_columns(tokenise_genre(pl.col("tag")).alias("token"))
        .filter(pl.col("weight") > 0)
    )


def _names(spelled: pl.DataFrame) -> pl.DataFrame:
    """Return what each token is called: spellings of one genre are one, by the most used."""
    return (
        spelled.group_by("token", "tag", maintain_order=True)
        .agg(pl.col("weight").sum())
        .sort("weight", descending=True, maintain_order=True)
        .unique("token", keep="first", maintain_order=True)
    )


def _weights(spelled: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return how much is given of each genre to each track: track_id, tag, weight."""
    return (
        spelled.select("track_id", "token", "weight")
        .join(names.select("token", "tag"), on="token", maintain_order="left")
        .group_by("track_id", "tag", maintain_order=True)
        .agg(pl.col("weight").sum())
    )


def _heaviest(weights: pl.DataFrame, vocabulary: Vocabulary, tracks: Vocabulary) -> Genres:
    """Return the heaviest genres of each track."""
    kept = (
        weights.sort("weight", descending=True, maintain_order=True)
        .with_columns(pl.int_range(pl.len()).over("track_id").alias("slot"))
        .filter(pl.col("slot") < GENRES_PER_TRACK)
    )
    genres_TG = np.full((tracks.rows, GENRES_PER_TRACK), vocabulary.rows, np.int32)
    genres_TG[:, 0] = UNKNOWN
    weight_TG = np.zeros(genres_TG.shape, np.float32)
    place = tracks.encode(kept["track_id"]), kept["slot"].to_numpy()
    genres_TG[place] = vocabulary.encode(kept["tag"])
    weight_TG[place] = kept["weight"].to_numpy()
    width = max(1, int((genres_TG != vocabulary.rows).any(0).sum()))
    return Genres(
        vocabulary,
        np.ascontiguousarray(genres_TG[:, :width]),
        np.ascontiguousarray(weight_TG[:, :width]),
    )


def one_kind(kind_T: Indices, kinds: int) -> sp.csr_array:
    """Return a matrix (T, K) with 1 where a track is of its one kind; none of the unknown kind."""
    named = np.flatnonzero(kind_T != UNKNOWN)
    ones = np.ones(len(named))
    return sp.csr_array((ones, (named, kind_T[named])), shape=(len(kind_T), kinds))


def by_kind(values_TA: Floats, kinds_TK: sp.csr_array) -> Floats:
    """Return the weighted mean (K, A) of the values of each kind's tracks, NaN passed over."""
    there = ~np.isnan(values_TA)
    sums, weight = kinds_TK.T @ np.where(there, values_TA, 0), kinds_TK.T @ there
    return _ratio(sums, weight)


def of_kinds(values_KA: Floats, kinds_TK: sp.csr_array) -> Floats:
    """Return the weighted mean (T, A) of what is said of each track's kinds, NaN passed over."""
    return by_kind(values_KA, sp.csr_array(kinds_TK.T))


def _ratio(sums: Floats, weight: Floats) -> Floats:
    ratio: Floats = np.divide(sums, weight, out=np.full(sums.shape, np.nan), where=weight > 0)
    return ratio
