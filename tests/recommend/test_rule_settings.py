"""Rules as they are written: from Python, TOML and text; what is wrong is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encore.errors import InputError, UsageError
from encore.recommend.rules import Bounds, Rules, read_rules, rules_of


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"explicit": "no"},
            "explicit = 'no': expected 'allow', 'exclude' or 'exclude_known'",
        ),
        ({"heard": "never"}, "heard = 'never': expected 'mask', 'allow' or 'only'"),
        ({"per_artist": 1.5}, "per_artist = 1.5: expected a valid integer"),
        ({"genre_balance": 2}, "genre_balance = 2: expected less than or equal to 1"),
        ({"lambda_div": -1}, "lambda_div = -1: expected greater than or equal to 0"),
        ({"popularity_weight": np.inf}, "popularity_weight = inf: expected a finite number"),
        ({"discovery": 1.01}, "discovery = 1.01: expected less than or equal to 1"),
        ({"per_song": 1}, "per_song = 1: no such rule; expected one of explicit, heard, relisten"),
        ({"year": {"low": 3}}, "year.low = 3: no such rule; expected one of min, max"),
        ({"year": "1999..1990"}, "year = '1999..1990': min 1999 is above max 1990"),
        ({"year": ".."}, "year = '..': expected min, max or both, as in '1990..1999'"),
        ({"year": "old"}, "year.min = 'old': expected a valid number"),
        ({"acoustics": {"mood": 1}}, "acoustics.mood = 'mood': no such feature; expected one of"),
        ({"acoustics": {"energy": "..40"}}, "rules: energy 40: expected 0 to 1"),
        ({"targets": {"tempo": -3}}, "rules: tempo -3: expected 0 to 400"),
        ({"discovery": 1, "heard": "only"}, "rules: discovery says what of the heard is listed"),
        ({"genre_shares": {"rock": 1}}, "rules: genre_shares do nothing without genre_balance"),
        (
            {"genre_balance": 1, "genre_shares": {"rock": 0}},
            "genre_shares.rock = 0: expected greater than 0",
        ),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_allowed(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of(**values)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1990..1999", (1990, 1999)),
        ("1990..", (1990, None)),
        ("..0.5", (None, 0.5)),
        ("0.25..0.5", (0.25, 0.5)),
        ("-12..-3.5", (-12, -3.5)),
        ("1990", (1990, 1990)),
        (1990, (1990, 1990)),
        ({"max": 3}, (None, 3)),
    ],
)
def test_bounds_are_written_in_several_ways(
    written: Any, expected: tuple[float | None, float | None]
) -> None:
    found = Bounds.model_validate(written)
    assert (found.min, found.max) == expected
    assert Bounds.model_validate(str(found)) == found


def test_rules_stand_in_a_file_and_flags_before_it(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        'explicit = "exclude"\nper_artist = 2\nban_artists = ["Nickelback"]\nyear = "1990.."\n'
        "[acoustics]\nenergy = { min = 0.4, max = 0.9 }\n[targets]\ntempo = 120\n",
        "utf-8",
    )
    expected = Rules(
        explicit="exclude",
        per_artist=1,
        ban_artists=("Nickelback",),
        year=Bounds(min=1990),
        acoustics={"energy": Bounds(min=0.4, max=0.9)},
        targets={"tempo": 120},
    )
    assert read_rules(file, per_artist=1) == expected
    assert read_rules(file).per_artist == 2


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("per_artist = 0", UsageError, "rules.toml: per_artist = 0: expected greater than"),
        ("per artist = 2", InputError, "expected rules as TOML"),
        ("artist_cap = 2", UsageError, "rules.toml: artist_cap = 2: no such rule"),
    ],
)
def test_a_wrong_file_is_named(
    tmp_path: Path, text: str, error: type[Exception], told: str
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(error) as caught:
        read_rules(file)
    assert told in str(caught.value)
    with pytest.raises(InputError, match="expected rules as TOML"):
        read_rules(tmp_path / "nowhere.toml")


def test_rules_survive_their_own_json() -> None:
    rules = Rules(year="1990..", targets={"energy": 0.5}, ban_genres="rock", discovery=0.5)
    assert Rules.model_validate_json(rules.model_dump_json()) == rules


def test_plain_rules_are_off_and_the_default_is_varied() -> None:
    assert Rules.plain().lambda_div == 0
    assert Rules.plain() == Rules(lambda_div=0)
    assert Rules().lambda_div > 0
