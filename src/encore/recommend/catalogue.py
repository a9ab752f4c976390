"""From a bundle to what the rules read: the catalogue, and the taste of the listener who asks."""

import numpy as np
import polars as pl
import torch

from encore.data.identity import normalise_artist
from encore.data.vocabulary import UNKNOWN, Indices
from encore.models.bundle import Bundle
from encore.models.channels import Als
from encore.models.ranking import Floats
from encore.recommend.calibration import genre_shares_of
from encore.recommend.fold_in import Listener
from encore.recommend.rules import CLEAN, EXPLICIT, EXPLICIT_UNKNOWN, Catalogue, Names, Taste
from encore.schema import ACOUSTIC, conform

MS_PER_SECOND = 1000


def catalogue_of(bundle: Bundle) -> Catalogue:
    """Return what the rules read of the bundle's tracks.

    Where the items are artists each is its own artist, known by its name.
    """
    features, tracks = bundle.features, conform(bundle.tracks, "tracks")
    artist_T, names = features.artist_T, [pl.col("artist_id"), normalise_artist(pl.col("artist"))]
    if bundle.item_kind == "artist":
        artist_T = np.arange(features.tracks.rows, dtype=np.int32)
        names = [pl.col("track_id"), normalise_artist(pl.col("title"))]
    flag = pl.col("explicit").replace_strict(
        {True: EXPLICIT, False: CLEAN}, default=EXPLICIT_UNKNOWN, return_dtype=pl.Int8
    )
    acoustics = tracks.select(ACOUSTIC).to_numpy().astype(np.float32)
    return Catalogue(
        artist_T=artist_T,
        album_T=_albums(tracks, artist_T),
        explicit_T=_column(tracks, flag, EXPLICIT_UNKNOWN).astype(np.int8),
        year_T=_column(tracks, pl.col("year"), np.nan),
        duration_s_T=_column(tracks, pl.col("duration_ms") / MS_PER_SECOND, np.nan),
        acoustics_TF=np.vstack([np.full((1, len(ACOUSTIC)), np.nan, np.float32), acoustics]),
        genres_TG=features.main_genres_TG,
        padding=features.padding,
        listeners_T=bundle.listeners_T,
        content_TC=bundle.scorers.inputs.content_TC,
        together_TD=_played_together(bundle),
        names=Names(features.tracks, features.genres, _artist_names(tracks, names, artist_T)),
    )


def taste_of(bundle: Bundle, listener: Listener, catalogue: Catalogue) -> Taste:
    """Return what the rules read of a listener: what they heard and when, and their genres.

    Who has no history of their own has the genres of their friends. Times are known of listeners of
    the training data only.
    """
    history, inputs = listener.history_1T, bundle.scorers.inputs
    shares = genre_shares_of(
        catalogue.genres_TG[history.indices], catalogue.padding, np.log1p(history.data)
    )
    ages = None
    if inputs.age_days is not None and listener.user != UNKNOWN:
        start, stop = inputs.plays_UT.indptr[listener.user : listener.user + 2]
        played = inputs.plays_UT.data[start:stop] > 0  # a skip has no time of play
        ages = np.where(played, inputs.age_days[start:stop], np.nan)
    return Taste(listener.heard_1T.indices, ages, shares)


def _column(tracks: pl.DataFrame, value: pl.Expr, unknown: float) -> Floats:
    values = tracks.select(value.cast(pl.Float32)).to_series().fill_null(unknown).to_numpy()
    return np.concatenate([[unknown], values]).astype(np.float32)


def _albums(tracks: pl.DataFrame, artist_T: Indices) -> Indices:
    """Return each track's album: its title among the albums of the artist."""
    album = tracks.select("album", artist=pl.Series(artist_T[1:]))
    place = album.select(
        pl.when(pl.col("album").is_not_null())
        .then(pl.struct("album", "artist").rank("dense"))
        .otherwise(UNKNOWN)
        .cast(pl.Int32)
    )
    return np.concatenate([[UNKNOWN], place.to_series().to_numpy()]).astype(np.int32)


def _artist_names(tracks: pl.DataFrame, names: list[pl.Expr], artist_T: Indices) -> pl.DataFrame:
    """Return every id and name of an artist with the artist's index."""
    index = pl.Series("index", artist_T[1:])
    every = [tracks.select(name.alias("name"), index) for name in names]
    return pl.concat(every).drop_nulls().filter(pl.col("index") != UNKNOWN).unique()


@torch.inference_mode()
def _played_together(bundle: Bundle) -> Floats:
    """Return unit vectors of who plays a track: ALS factors, else the network's track vectors."""
    als = bundle.scorers.channels.get(Als.name)
    if isinstance(als, Als):
        vectors_TD = als.factors_TF.astype(np.float32)
    else:
        network, tables = bundle.scorers.network, bundle.scorers.tables
        vectors_TD = network.track_vector(network.embed_tracks(tables.tracks)).cpu().numpy()
    length_T = np.linalg.norm(vectors_TD, axis=1)
    scale_T = np.divide(1, length_T, out=np.zeros_like(length_T), where=length_T > 0)
    scale_T[bundle.listeners_T == 0] = 0  # by nobody: the vector is noise
    scaled: Floats = (vectors_TD * scale_T[:, None]).astype(np.float32)
    return scaled
