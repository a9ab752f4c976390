"""Somebody the model never saw: what they say further changes the list at once; seeds."""

import polars as pl
import pytest

from encore import Dataset, InputError, Recommender, Seeds, UsageError
from encore.recommend.fold_in import FOLDED_IN, SEEDS
from encore.recommend.recommender import RankedList
from encore.recommend.seeds import GENRE_TRACKS, of_seeds


def ids(found: RankedList) -> list[str]:
    return [slot.track_id for slot in found.slots]


@pytest.fixture(scope="module")
def mine(small_world: Dataset) -> dict[str, float]:
    return dict.fromkeys(small_world.plays["track_id"].unique(maintain_order=True)[:5], 3.0)


def test_a_newcomer_gets_the_list_of_their_history(
    small_model: Recommender, mine: dict[str, float]
) -> None:
    found = small_model.fold_in(mine).recommend(6)
    assert found.slots == small_model.recommend(history=mine, n=6).slots
    assert found.answer == FOLDED_IN


def test_further_plays_are_as_if_they_had_been_brought(
    small_model: Recommender, mine: dict[str, float]
) -> None:
    person = small_model.fold_in(mine)
    listed = ids(person.recommend(6))
    further = person.play(listed[0], 4).play(listed[0])
    assert (
        further.recommend(6).slots
        == small_model.recommend(history={**mine, listed[0]: 5}, n=6).slots
    )
    assert listed[0] not in ids(further.recommend(6))
    assert ids(person.recommend(6)) == listed  # who was at hand stays


def test_a_skip_takes_back_a_play_and_at_last_the_tracks_say(
    small_model: Recommender, mine: dict[str, float]
) -> None:
    track = next(iter(mine))
    person = small_model.fold_in(mine)
    less = person.skip(track, 2)
    assert less.recommend(6).slots == small_model.recommend(history={**mine, track: 1.0}, n=6).slots
    none = less.skip(track, 7).recommend(6)
    assert none.slots == small_model.recommend(history={**mine, track: 0.0}, n=6).slots
    assert all(track not in slot.because for slot in none.slots)
    assert track not in ids(none)


def test_a_ban_is_never_listed_and_a_like_takes_it_back(
    small_model: Recommender, mine: dict[str, float], small_world: Dataset
) -> None:
    person = small_model.fold_in(mine)
    first = ids(person.recommend(6))[0]
    banned = person.ban(first)
    everything = ids(banned.recommend(small_world.tracks.height))
    assert first not in everything
    assert len(everything) == small_world.tracks.height - len(mine) - 1
    liked = banned.like(first)
    assert first not in ids(liked.recommend(6))  # heard by now
    assert any(first in slot.because for slot in liked.recommend(20).slots)
    assert banned.ban(next(iter(mine))).recommend(6).slots != banned.recommend(6).slots


def test_counts_below_nothing_and_unknown_names_are_refused(
    small_model: Recommender, mine: dict[str, float]
) -> None:
    person = small_model.fold_in(mine)
    for times in (-1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match=f"times = {times}"):
            person.play(next(iter(mine)), times)
    with pytest.raises(InputError, match="not found"):
        person.ban("no such track at all")


def test_a_seed_track_is_a_history_of_one(small_model: Recommender, small_world: Dataset) -> None:
    track = small_world.tracks["track_id"][7]
    found = small_model.recommend(history=Seeds(tracks=(track,)), n=5)
    assert found.answer == SEEDS
    plain = small_model.recommend(history={track: 1.0}, n=5)
    assert ids(found) == ids(plain)
    assert [slot.score for slot in found.slots] == [slot.score for slot in plain.slots]
    assert any(slot.reason.startswith("close to ") for slot in found.slots)


def test_an_artist_and_a_genre_stand_by_tracks_that_may_be_listed(
    small_model: Recommender, small_world: Dataset
) -> None:
    bundle = small_model.bundle
    by_artist = of_seeds(bundle, Seeds(artists=("Slow Rivers",)))
    artists = bundle.tracks["artist"]
    assert {artists[track - 1] for track in by_artist.near} == {"Slow Rivers"}
    by_genre = of_seeds(bundle, Seeds(genres=("metal",)))
    genres = [genres or [] for genres in bundle.tracks["genres"].to_list()]
    assert 0 < len(by_genre.near) <= GENRE_TRACKS
    assert all("metal" in genres[track - 1] for track in by_genre.near)
    for brought in (by_artist, by_genre):
        assert sum(brought.near.values()) == pytest.approx(1)
        assert not brought.plays
    found = small_model.recommend(history=Seeds(genres=("metal",)), n=10)
    of_genre = [("metal" in genres[bundle.features.tracks.index(t) - 1]) for t in ids(found)]
    assert sum(of_genre) > 10 * sum("metal" in own for own in genres) / len(genres)
    assert all(slot.track_id not in slot.because for slot in found.slots)


def test_a_seed_artist_is_a_play_where_items_are_artists(artist_model: Recommender) -> None:
    found = artist_model.recommend(history=Seeds(artists=("slow rivers",)), n=4)
    (own,) = artist_model.bundle.tracks.filter(pl.col("title") == "Slow Rivers")["track_id"]
    assert ids(found) == ids(artist_model.recommend(history={own: 1.0}, n=4))
    assert own not in ids(found)


def test_seeds_that_name_nothing_or_a_bare_text_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing is named"):
        Seeds()
    with pytest.raises(UsageError, match="artists = 'Björk': expected several"):
        Seeds(artists="Björk")  # type: ignore[arg-type]
