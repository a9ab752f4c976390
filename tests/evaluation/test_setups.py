"""What differs between two runs: exactly what was planted, by its dotted name."""

import copy
import json

import pytest

from encore.errors import InputError
from encore.evaluation.setups import differences, results_of

RESULTS = {
    "config": {"dropout": 0.2, "hidden_layers": [256, 128], "nested": {"factors": 64}},
    "data": {"listeners": 10, "sources": [{"name": "a.csv", "sha256": "ab"}]},
    "split": {"by": "listener", "test_rows": 7},
    "machine": {"cores": 2},
    "versions": {"torch": "2.13.0"},
    "seconds": {"train": 5.0},
    "boards": {"discovery": {"encore": {"ndcg@10": {"mean": 0.2}}}},
}


def changed(*path, value):
    results = copy.deepcopy(RESULTS)
    place = results
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return results


def test_nothing_differs_from_itself():
    assert differences([RESULTS], [copy.deepcopy(RESULTS)]) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("config", "dropout"), 0.1, ("config.dropout", 0.2, 0.1)),
        (("config", "hidden_layers"), [8], ("config.hidden_layers", [256, 128], [8])),
        (("config", "nested", "factors"), 8, ("config.nested.factors", 64, 8)),
        (("config", "new"), True, ("config.new", None, True)),
        (("data", "sources", 0, "sha256"), "cd", ("data.sources.a.csv.sha256", "ab", "cd")),
        (("split", "test_rows"), 8, ("split.test_rows", 7, 8)),
        (("machine", "cores"), 64, ("machine.cores", 2, 64)),
        (("versions", "torch"), "2.12.0", ("versions.torch", "2.13.0", "2.12.0")),
    ],
)
def test_what_was_changed_is_listed_and_nothing_else(path, value, told):
    assert differences([RESULTS], [changed(*path, value=value)]) == [told]


@pytest.mark.parametrize("part", ["seconds", "boards"])
def test_what_came_out_is_no_setting(part):
    assert differences([RESULTS], [changed(part, value={})]) == []


def test_a_seed_that_both_have_is_no_difference_and_one_seeds_value_is():
    seeds = [changed("config", "seed", value=seed) for seed in (0, 1)]
    assert differences(seeds, seeds) == []
    other = [seeds[0], changed("config", "dropout", value=0.5) | {"split": RESULTS["split"]}]
    other[1]["config"]["seed"] = 1
    assert differences(seeds, other) == [("config.dropout", 0.2, [0.2, 0.5])]


def test_settings_come_before_data_before_machine():
    other = changed("machine", "cores", value=4)
    other["config"]["dropout"], other["data"]["listeners"] = 0, 0
    names = [name.partition(".")[0] for name, _, _ in differences([RESULTS], [other])]
    assert names == ["config", "data", "machine"]


def test_results_are_read_where_they_are(tmp_path):
    assert results_of(tmp_path) is None
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    assert results_of(tmp_path) == RESULTS


@pytest.mark.parametrize(("text", "told"), [("{", "not JSON"), ("[]", "expected an object")])
def test_damaged_results_are_named(tmp_path, text, told):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match=rf"results\.json: .*{told}"):
        results_of(tmp_path)
