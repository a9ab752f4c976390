"""What counts as a listen: the settings of the rule, and the rule on tables."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data.listen_rule import ListenRule
from encore.data.readers import read

MINUTE = 60_000


def verdict(
    ms: int | None, length: int | None, skipped: bool | None, rule: ListenRule | None = None
) -> str:
    frame = pl.DataFrame(
        {"ms": [ms], "length": [length], "skipped": [skipped]},
        schema={"ms": pl.Int64, "length": pl.Int64, "skipped": pl.Boolean},
    )
    named = [pl.col(name) for name in frame.columns]
    return str(frame.select((rule or ListenRule()).verdict(*named).alias("is"))["is"][0])


@pytest.mark.parametrize(
    ("ms", "length", "skipped", "expected"),
    [
        (100_000, 200_000, None, "play"),
        (99_999, 200_000, True, "skip"),
        (99_999, 200_000, None, "partial"),
        (99_999, 200_000, False, "partial"),
        (29_999, 200_000, False, "skip"),
        (30_000, 200_000, None, "partial"),
        (4 * MINUTE, 60 * MINUTE, True, "play"),
        (4 * MINUTE - 1, 60 * MINUTE, True, "skip"),
        (4 * MINUTE, None, True, "play"),
        (10_000, 20_000, None, "play"),
        (10_000, None, None, "skip"),
        (10_000, None, True, "skip"),
        (10_000, None, False, "play"),
        (30_000, None, True, "play"),
        (None, 200_000, None, "play"),
        (None, None, False, "play"),
        (None, None, True, "skip"),
        (0, 0, None, "play"),
    ],
)
def test_the_rule(ms: int | None, length: int | None, skipped: bool | None, expected: str) -> None:
    assert verdict(ms, length, skipped) == expected


def test_its_settings_are_obeyed() -> None:
    assert verdict(60_000, 200_000, True, ListenRule(share=0.3)) == "play"
    assert verdict(MINUTE, 60 * MINUTE, True, ListenRule(enough_ms=MINUTE)) == "play"
    assert verdict(40_000, 200_000, None, ListenRule(short_ms=50_000)) == "skip"


@given(
    st.none() | st.integers(0, 10**7),
    st.none() | st.integers(1, 10**7),
    st.none() | st.booleans(),
)
def test_playing_more_never_makes_a_skip_of_a_play(
    ms: int | None, length: int | None, skipped: bool | None
) -> None:
    order = ["skip", "partial", "play"]
    if ms is not None:
        more = verdict(ms + 1000, length, skipped)
        assert order.index(more) >= order.index(verdict(ms, length, skipped))


def test_tables_obey_it_with_lengths_from_wherever_they_come() -> None:
    listens = {
        "user_id": ["a"] * 4,
        "track_id": ["t", "t", "u", "t"],
        "ms_played": [120_000, 90_000, 90_000, 5_000],
        "skipped": [True, None, True, None],
    }
    tracks = pl.DataFrame({"track_id": ["t"], "duration_ms": [200_000]})
    acoustics = pl.DataFrame({"track_id": ["u"], "duration_ms": [300_000], "energy": [0.5]})
    data = read({"events": pl.DataFrame(listens), "tracks": tracks})
    assert data.plays.select("track_id", "plays", "skips").rows() == [("t", 1, 1), ("u", 1, 0)]
    assert data.ledger.dropped == {"partial_listen": 1}
    assert data.ledger.table("events").examples == {"partial_listen": ["events:1: 90000"]}
    listed = {"events": pl.DataFrame(listens), "tracks": pl.concat([tracks, acoustics[:, :2]])}
    assert read(listed).plays.select("track_id", "plays", "skips").rows()[1] == ("u", 0, 1)
    eager = read({"events": pl.DataFrame(listens)}, rule=ListenRule(short_ms=0))
    assert eager.plays["skips"].sum() == 0


def test_lengths_may_come_with_the_acoustics(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "f.csv"
    path.write_text("track_id,duration_ms,energy\nu,300000,0.5\n")
    listens = pl.DataFrame(
        {"user_id": ["a"], "track_id": ["u"], "ms_played": [90_000], "skipped": [True]}
    )
    assert read(listens).plays["skips"].to_list() == [0]
    assert read(listens, acoustics=path).plays["skips"].to_list() == [1]
