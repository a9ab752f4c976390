import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data.identity import (
    clean_title,
    normalise_artist,
    normalise_title,
    split_genres,
    tokenise_genre,
)

KEYS = (normalise_artist, clean_title, normalise_title, tokenise_genre)


@pytest.mark.parametrize(
    "spellings",
    [
        ["The Beatles", "beatles", "Beatles, The", " THE  BEATLES "],
        ["Simon & Garfunkel", "Simon and Garfunkel", "Simon&Garfunkel"],
        ["Florence + The Machine", "Florence & the Machine"],
        ["Beyoncé", "Beyonce", unicodedata.normalize("NFD", "Beyoncé")],
        ["Mø", "MO", "mo"],
        ["Die Ärzte", "die arzte"],
        ["Guns N' Roses", "Guns N\u2019 Roses", "guns n roses"],
        ["Jay-Z", "jay z"],
        ["Straße", "STRASSE"],
        ["\uff21\uff22\uff23", "abc"],
    ],
)
def test_spellings_of_an_artist_share_a_key(spellings: list[str]) -> None:
    assert len({normalise_artist(name) for name in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("!!!", "???"), ("The The", "!!!"), ("Low", "Love"), ("ガ", "カ"), ("पंडित", "पडत")],
)
def test_different_artists_stay_apart(one: str, other: str) -> None:
    assert normalise_artist(one) != normalise_artist(other)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Heroes - Remastered 2011", "Heroes"),
        ("Heroes - 2017 Remaster", "Heroes"),
        ("Heroes (2009 Digital Remaster)", "Heroes"),
        ("Té Para Tres - Remasterizado 2007", "Té Para Tres"),
        ("Ne me quitte pas (Remastérisé)", "Ne me quitte pas"),
        ("Eres (feat. X - En Vivo)", "Eres (feat. X - En Vivo)"),
        ("Come Together - Remastered 2009 / Mono", "Come Together"),
        ("Stan (feat. Dido)", "Stan"),
        ("Stan feat. Dido", "Stan"),
        ("Stan [ft. Dido] [Explicit]", "Stan"),
        ("Creep (Explicit)", "Creep"),
        ("Song (feat. X (of Y))", "Song"),
        ("Song - Single Version - Remastered", "Song"),
        ("Song - Live - Remastered 2011", "Song - Live"),
        ("Bad feat. X - Live", "Bad - Live"),
        ("Song (Live at Leeds)", "Song (Live at Leeds)"),
        ("Song (feat. X - Live)", "Song (feat. X - Live)"),
        ("Song - Acoustic", "Song - Acoustic"),
        ("Song (Y Remix)", "Song (Y Remix)"),
        ("Remastered", "Remastered"),
        ("(Explicit)", "(Explicit)"),
        ("1999", "1999"),
        ("Mono", "Mono"),
    ],
)
def test_titles_lose_what_makes_no_other_performance(raw: str, cleaned: str) -> None:
    assert clean_title(raw) == cleaned


@pytest.mark.parametrize(
    ("spellings", "token"),
    [
        (["hip-hop", "hip hop", "Hip Hop", "hiphop", "HIP_HOP"], "hiphop"),
        (["R&B", "r and b", "r'n'b", "RnB"], "rnb"),
        (["drum and bass", "Drum & Bass", "drum'n'bass", "drum n bass"], "drumnbass"),
        (["électro", "electro"], "electro"),
        (["---"], "---"),
    ],
)
def test_spellings_of_a_genre_share_a_token(spellings: list[str], token: str) -> None:
    assert {tokenise_genre(genre) for genre in spellings} == {token}


@pytest.mark.parametrize(
    ("cell", "genres"),
    [
        ("rock", ["rock"]),
        ("rock, pop ,rock", ["rock", "pop"]),
        ("rock; folk, rock", ["rock", "folk, rock"]),
        ("rock|pop|", ["rock", "pop"]),
        ("['drum and bass', \"pop\"]", ["drum and bass", "pop"]),
        ("[]", None),
        ("", None),
        (None, None),
    ],
)
def test_cells_of_genres_split(cell: str | None, genres: list[str] | None) -> None:
    frame = pl.DataFrame({"genres": [cell]}, schema={"genres": pl.String})
    assert frame.select(split_genres(pl.col("genres")))["genres"].to_list() == [genres]


@given(st.lists(st.none() | st.text(max_size=12), min_size=1, max_size=5))
def test_expression_series_and_str_agree_and_null_stays_null(texts: list[str | None]) -> None:
    series = pl.Series("text", texts, dtype=pl.String)
    for key in KEYS:
        one_by_one = [None if text is None else key(text) for text in texts]
        assert key(series).to_list() == one_by_one
        assert series.to_frame().select(key(pl.col("text"))).to_series().to_list() == one_by_one


@given(st.text(max_size=12).filter(str.strip))
def test_a_key_is_never_empty(text: str) -> None:
    assert normalise_artist(text)
    assert normalise_title(text)
    assert tokenise_genre(text)
