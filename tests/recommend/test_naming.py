"""Names as people type them, and what is said where they are not found."""

import polars as pl
import pytest

from encore import Dataset, InputError, Recommender
from encore.recommend.naming import Names


@pytest.fixture(scope="module")
def names(small_model: Recommender) -> Names:
    return Names.of(small_model.bundle)


@pytest.fixture(scope="module")
def twins(small_world: Dataset) -> pl.DataFrame:
    """Tracks of one title by several artists."""
    several = pl.col("artist").n_unique().over("title") > 1
    twins = small_world.tracks.filter(several)
    assert twins.height
    return twins


def test_a_track_is_found_by_id_by_title_and_by_both(names: Names, small_world: Dataset) -> None:
    alone = small_world.tracks.filter(~pl.col("title").is_duplicated()).row(0, named=True)
    index = names.bundle.features.tracks.index(alone["track_id"])
    title, artist = alone["title"], alone["artist"]
    for text in (
        alone["track_id"],
        title,
        title.upper(),
        f"{title} - Remastered 2011",
        f"{artist} - {title}",
        f"the {artist.lower()}  –  {title} (Mono)",
    ):
        assert names.track(text) == index == names.item(text)


def test_a_title_of_several_artists_is_refused_until_the_artist_is_said(
    names: Names, twins: pl.DataFrame
) -> None:
    row = twins.row(0, named=True)
    with pytest.raises(InputError, match=r"artists have that title; say which: ") as refused:
        names.track(row["title"])
    said = f"{row['artist']} - {row['title']}"
    assert said in str(refused.value)
    assert names.bundle.features.tracks.id(names.track(said)) in twins["track_id"].to_list()


def test_what_is_not_found_is_refused_with_what_comes_nearest(
    names: Names, small_world: Dataset
) -> None:
    title = small_world.tracks["title"][0]
    with pytest.raises(InputError, match=f"track '.*': not found; the nearest: .*{title}"):
        names.track(title[:-1] + "zz")
    with pytest.raises(InputError, match=r"artist 'Paper Harbors': not found; .* Paper Harbours"):
        names.artist("Paper Harbors")
    with pytest.raises(InputError, match=r"genre 'electronics': not found; .*electronic"):
        names.genre("electronics")
    for find in (names.track, names.artist, names.genre):
        with pytest.raises(InputError, match=r"'qqqqqqqqqqqq'.* comes near"):
            find("qqqqqqqqqqqq")


def test_an_artists_tracks_come_best_known_first(names: Names, small_world: Dataset) -> None:
    ids = small_world.tracks.filter(pl.col("artist") == "Slow Rivers").select("track_id")
    found = names.artist("slow rivers")
    assert set(names.bundle.features.tracks.decode(found)) == set(ids["track_id"])
    listeners = names.bundle.listeners_T[found].tolist()
    assert listeners == sorted(listeners, reverse=True)
    artist_id = small_world.tracks.filter(pl.col("artist") == "Slow Rivers")["artist_id"][0]
    assert names.artist(artist_id) == found


def test_genres_go_by_any_spelling(names: Names) -> None:
    genres = names.bundle.features.genres
    assert genres.id(names.genre(" Electronic")) == "electronic"


def test_where_items_are_artists_an_item_is_one(artist_model: Recommender) -> None:
    names = Names.of(artist_model.bundle)
    titles = artist_model.bundle.tracks["title"].to_list()
    index = titles.index("Slow Rivers") + 1
    assert names.item(artist_model.bundle.features.tracks.id(index)) == index
    assert names.item("SLOW RIVERS") == index
    assert names.artist("Slow Rivers") == [index]
    with pytest.raises(InputError, match="knows artists, not tracks; name an artist"):
        names.track("Slow Rivers")
