"""Gaps in acoustics are filled from nearby, and it is told from how near."""

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from encore.data.dataset import Dataset, complete
from encore.data.features import IMPUTED, TRACK_NUMERIC, Features
from encore.data.imputing import BY_ALL, BY_ARTIST, BY_GENRE, KNOWN, Means, impute
from encore.data.kinds import by_kind, of_kinds, one_kind
from encore.schema import ACOUSTIC, conform

NAN = np.nan


def filled_by_means(known, *kinds):
    return impute(known, Means.of(known, *kinds), *kinds)


def test_the_artist_comes_before_the_genres_and_these_before_all():
    artists_TK = one_kind(np.array([1, 1, 2, 3, 0], np.int32), 4)
    genres_TK = sp.csr_array([[1, 0], [1, 0], [0.25, 0.75], [0, 1], [0, 0]])
    known = np.array([[2.0, NAN], [NAN, 4], [NAN, 8], [6, NAN], [NAN, NAN]])
    filled, level = filled_by_means(known, artists_TK, genres_TK)
    # Genre 0 is 2 in the first column, genre 1 is 6; in the second 4.8 and 8.
    of_genre = (1 * 4 + 0.25 * 8) / 1.25
    assert filled == pytest.approx(
        np.array([[2, 4], [2, 4], [0.25 * 2 + 0.75 * 6, 8], [6, 8], [4, 6]])
    )
    assert of_genre == pytest.approx(by_kind(known, genres_TK)[0, 1])
    assert level.tolist() == [
        [KNOWN, BY_ARTIST],
        [BY_ARTIST, KNOWN],
        [BY_GENRE, KNOWN],
        [KNOWN, BY_GENRE],
        [BY_ALL, BY_ALL],
    ]


def test_a_column_without_any_value_is_0():
    nobody = sp.csr_array((2, 1))
    filled, level = filled_by_means(np.full((2, 1), NAN), nobody, nobody)
    assert filled.tolist() == [[0], [0]]
    assert (level == BY_ALL).all()


values = st.one_of(st.none(), st.floats(0, 1, width=32))


@given(st.lists(st.tuples(values, st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_what_is_known_stays_and_what_is_filled_lies_among_it(rows):
    found, artist, genre = zip(*rows, strict=True)
    known = np.array([[NAN if value is None else value] for value in found], np.float64)
    before = known.copy()
    kinds = one_kind(np.array(artist, np.int32), 4), one_kind(np.array(genre, np.int32), 4)
    filled, level = filled_by_means(known, *kinds)
    there = ~np.isnan(before)
    assert np.array_equal(known, before, equal_nan=True)
    assert np.array_equal(filled[there], before[there])
    assert np.array_equal(level == KNOWN, there)
    if there.any():
        assert before[there].min() - 1e-9 <= filled.min()
        assert filled.max() <= before[there].max() + 1e-9
    for row, (a, g) in enumerate(zip(artist, genre, strict=True)):
        if there[row]:
            continue
        near = [v for v, b in zip(found, artist, strict=True) if a and b == a and v is not None]
        like = [v for v, b in zip(found, genre, strict=True) if g and b == g and v is not None]
        nearest = BY_ARTIST if near else BY_GENRE if like else BY_ALL
        assert level[row, 0] == nearest
        if nearest != BY_ALL:
            assert filled[row, 0] == pytest.approx(np.mean(near or like))


def test_the_means_of_several_kinds_are_weighted():
    kinds_TK = sp.csr_array([[3.0, 1.0], [0.0, 1.0]])
    said = by_kind(np.array([[8.0], [4.0]]), kinds_TK)
    assert said.tolist() == [[8], [6]]
    assert of_kinds(said, kinds_TK).tolist() == [[(3 * 8 + 6) / 4], [6]]


def test_the_network_is_told_by_whom_a_gap_was_filled():
    ids = [f"t{i}" for i in range(8)]
    tracks = {"track_id": ids, "title": ids, "artist": ["A", "A", *["B"] * 5, None]}
    tracks["genres"] = [["rock"]] * 7 + [None]
    tracks |= {name: [0.4, *[None] * 7] for name in ACOUSTIC}
    tracks["tempo"] = [100.0, *[None] * 6, 140.0]
    plays = {"user_id": ["a"], "track_id": ["t0"], "plays": [1]}
    frames = {"plays": conform(pl.DataFrame(plays), "plays")}
    frames["tracks"] = conform(pl.DataFrame(tracks, strict=False), "tracks")
    features = Features.fit(Dataset(**complete(frames)))
    columns = {name: features.numeric_TF[:, TRACK_NUMERIC.index(name)] for name in IMPUTED}
    row = {track: features.tracks.index(track) for track in ids}
    assert columns["acoustics_by_artist"].argmax() == row["t1"]
    assert columns["acoustics_by_genre"][row["t2"]] == columns["acoustics_by_genre"].max()
    assert columns["acoustics_by_all"].argmax() == row["t7"]
    tempo = features.numeric_TF[:, TRACK_NUMERIC.index("tempo")]
    assert tempo[row["t1"]] == tempo[row["t2"]] == tempo[row["t0"]] < tempo[row["t7"]]
