"""What is like a track or an artist, where the answer is known by construction."""

import numpy as np
import polars as pl
import pytest

from encore import Dataset, InputError, Recommender, TrainConfig, UsageError, schema, train
from encore.data.dataset import complete
from encore.recommend.similar import SHRINK


@pytest.fixture(scope="module")
def two_crowds(small_config: TrainConfig) -> Recommender:
    """Two crowds: one plays tracks a…, the other b…; genres part each crowd's tracks in two.

    Tracks of odd number are loud, of even number calm; artists hold two tracks of one crowd.
    """
    rng = np.random.default_rng(0)
    rows = [
        (f"{crowd}{who:02d}", f"{crowd}{track}", 1.0 + (who + track) % 3)
        for crowd in "ab"
        for who in range(30)
        for track in rng.permutation(12)[:8].tolist()
    ]
    tracks = pl.DataFrame(
        [
            (f"{crowd}{t}", f"Song {crowd}{t}", f"Band {crowd}{t // 2}", [["calm", "loud"][t % 2]])
            for crowd in "ab"
            for t in range(12)
        ],
        schema=["track_id", "title", "artist", "genres"],
        orient="row",
    )
    plays = pl.DataFrame(rows, schema=["user_id", "track_id", "plays"], orient="row")
    tables = {"plays": schema.conform(plays, "plays"), "tracks": schema.conform(tracks, "tracks")}
    return train(Dataset(**complete(tables)), small_config.replaced(max_epochs=1))


def test_by_listening_the_crowds_tracks_come(two_crowds: Recommender) -> None:
    found = two_crowds.similar("a3", 23, by="listening")
    assert {one.id for one in found} == {f"a{t}" for t in range(12)} - {"a3"}
    assert [one.rank for one in found] == [*range(1, 12)]
    heard = two_crowds.bundle.history_UT.toarray() > 0
    mine, other = (
        heard[:, two_crowds.bundle.features.tracks.index(t)] for t in ("a3", found[0].id)
    )
    shared = (mine & other).sum()
    cosine = shared / np.sqrt(mine.sum() * other.sum())
    assert found[0].listening == pytest.approx(cosine * shared / (shared + SHRINK), rel=1e-5)
    assert (found[0].score, found[0].listeners) == (found[0].listening, shared)


def test_by_content_genre_and_artist_decide(two_crowds: Recommender) -> None:
    found = two_crowds.similar("a3", 23, by="content")
    assert found[0].content == pytest.approx(0.5)  # genre alike, or artist alike: half of each
    assert {one.id for one in found} == {"a2"} | {
        f"{c}{t}" for c in "ab" for t in range(1, 12, 2)
    } - {"a3"}
    assert next(one for one in found if one.id == "b5").genres == ["loud"]
    assert next(one for one in found if one.id == "a2").genres == []


def test_by_both_those_alike_in_both_come_first(two_crowds: Recommender) -> None:
    first = two_crowds.similar("Song a3", 5)
    assert {one.id for one in first} <= {"a2", *(f"a{t}" for t in range(1, 12, 2))}


def test_artists_are_compared_in_a_catalogue_of_tracks(two_crowds: Recommender) -> None:
    found = two_crowds.similar("band A1", 11, kind="artist", by="listening")
    assert {one.name for one in found} == {f"Band a{b}" for b in range(6)} - {"Band a1"}
    heard = two_crowds.bundle.history_UT.toarray() > 0
    encode = two_crowds.bundle.features.tracks.encode
    mine = heard[:, encode(pl.Series(["a2", "a3"]))].any(1)
    band = int(found[0].name[-1])
    other = heard[:, encode(pl.Series([f"a{2 * band}", f"a{2 * band + 1}"]))].any(1)
    assert found[0].listeners == (mine & other).sum()
    assert found[0].artist is None
    by_content = two_crowds.similar("Band a1", 3, kind="artist", by="content")
    assert all(set(one.genres) == {"calm", "loud"} for one in by_content)


def test_where_items_are_artists_they_are_compared(artist_model: Recommender) -> None:
    found = artist_model.similar("slow rivers", 4)
    assert found
    assert "Slow Rivers" not in [one.name for one in found]
    with pytest.raises(UsageError, match="knows artists, not tracks"):
        artist_model.similar("slow rivers", kind="track")


def test_a_bundle_without_listeners_still_compares_content(
    two_crowds: Recommender, tmp_path
) -> None:
    two_crowds.save(tmp_path / "bundle", listeners=False)
    alone = Recommender.load(tmp_path / "bundle")
    expected = [one.id for one in two_crowds.similar("a3", 8, by="content")]
    assert set(expected) <= {one.id for one in alone.similar("a3", 23, by="content")}
    assert alone.similar("a3", 8)[0].listening == 0
    with pytest.raises(InputError, match="saved without its listeners"):
        alone.similar("a3", by="listening")


@pytest.mark.parametrize("wrong", [{"n": 0}, {"by": "taste"}, {"kind": "album"}])
def test_wrong_usage_is_refused(two_crowds: Recommender, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} = "):
        two_crowds.similar("a3", **wrong)
