"""The line from a Dataset to a judged model, on a world whose tastes are known."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import encore
from encore import (
    Dataset,
    Evaluation,
    InputError,
    Recommender,
    TrainConfig,
    pipeline,
    recipes,
    schema,
    tryout,
)
from encore.data import split as splitting
from encore.data import world
from encore.data.dataset import complete
from encore.data.features import Features, Norms
from encore.evaluation.names import ENCORE, MEANS
from encore.models.channels import Als, ItemKnn, Popularity
from encore.models.means import ShrunkMeans
from encore.models.training import encode
from encore.recommend.fold_in import KNOWN

ROOM = 0.01  # NDCG: what a choice made on validation rows may lose on others


@pytest.fixture(scope="module")
def planted() -> world.World:
    """The default world; single listens left out, which are most of the time it takes."""
    return world.make(seed=0, events=False)


@pytest.fixture(scope="module")
def sides(planted: world.World) -> tuple[Dataset, Dataset]:
    return encore.split(planted.data, held_out=0.2, seed=0)


@pytest.fixture(scope="module")
def model(sides: tuple[Dataset, Dataset]) -> Recommender:
    config = recipes.quick().replaced(
        embedding_dim=16,
        hidden_layers=(32, 16),
        batch_size=2048,
        negatives=256,
        learning_rate=5e-3,
        max_epochs=4,
    )
    return encore.train(sides[0], config)


@pytest.fixture(scope="module")
def judged(model: Recommender, sides: tuple[Dataset, Dataset]) -> Evaluation:
    return encore.evaluate(model, sides[1])


def mean(judged: Evaluation, board: str, model: str, metric: str) -> float:
    return judged.boards[board].scores[model][metric].mean


# The planted answer


def test_planted_tastes_are_found_again(judged: Evaluation) -> None:
    ours = mean(judged, "discovery", ENCORE, "ndcg@10")
    assert ours >= 2 * mean(judged, "discovery", Popularity.name, "ndcg@10")
    for peer in (ItemKnn.name, Als.name):
        assert ours >= mean(judged, "discovery", peer, "ndcg@10") - ROOM


def test_plays_are_predicted_no_worse_than_by_listener_and_track_mean(judged: Evaluation) -> None:
    ours = mean(judged, "plays", ENCORE, "r2")
    assert ours >= mean(judged, "plays", MEANS, "r2") - 0.005
    assert mean(judged, "plays", MEANS, "r2") > mean(judged, "plays", "listener-mean", "r2") > 0.2


def test_lists_lie_where_the_listeners_planted_tastes_lie(
    model: Recommender, planted: world.World
) -> None:
    truth = planted.truth
    cell = dict(zip(truth.tracks["track_id"], truth.tracks["genre"], strict=True))
    tastes = {row["user_id"]: row for row in truth.genre_tastes.iter_rows(named=True)}
    popular = [slot.track_id for slot in model.recommend(n=50).slots]
    ours, theirs = [], []
    for user_id in planted.data.plays["user_id"].unique(maintain_order=True)[::20]:
        listed = [slot.track_id for slot in model.recommend(user_id).slots]
        ours += [tastes[user_id][cell[track_id]] for track_id in listed]
        theirs += [tastes[user_id][cell[track_id]] for track_id in popular]
    assert np.mean(ours) > 2 * np.mean(theirs)


def test_friends_tell_a_new_listeners_taste(model: Recommender, planted: world.World) -> None:
    truth = planted.truth
    cell = dict(zip(truth.tracks["track_id"], truth.tracks["genre"], strict=True))
    tastes = {row["user_id"]: row for row in truth.genre_tastes.iter_rows(named=True)}
    popular = [slot.track_id for slot in model.recommend().slots]
    ours, theirs = [], []
    for user_id in truth.new_listeners["user_id"]:
        found = model.recommend(user_id)
        assert found.answer != KNOWN
        ours += [tastes[user_id][cell[slot.track_id]] for slot in found.slots]
        theirs += [tastes[user_id][cell[track_id]] for track_id in popular]
    assert np.mean(ours) > np.mean(theirs)


# What an evaluation says


def test_an_evaluation_has_the_form_that_machines_read(judged: Evaluation) -> None:
    said = json.loads(json.dumps(judged.to_json(), allow_nan=False))
    assert set(said) == {"boards"}
    assert set(said["boards"]) == {"discovery", "plays"}
    wanted = {
        "discovery": (
            {ENCORE, Popularity.name, ItemKnn.name, Als.name, "network-rank", "network-plays"},
            {"ndcg@10", "ndcg@20", "recall@10", "recall@20"},
        ),
        "plays": ({ENCORE, MEANS, "mean"}, {"rmse", "mae", "r2", "r2_raw", "r2_scaled"}),
    }
    for board, (models, metrics) in wanted.items():
        assert models <= set(said["boards"][board])
        for scores in said["boards"][board].values():
            assert metrics <= set(scores)
            for value in scores.values():
                assert set(value) == {"mean", "low", "high"}
                assert isinstance(value["mean"], float)
                if value["low"] is not None:
                    assert value["low"] <= value["mean"] <= value["high"]
    assert "coverage@20" in said["boards"]["discovery"][ENCORE]


def test_an_evaluation_leaves_all_of_it_in_its_folder(
    model: Recommender, judged: Evaluation, tmp_path: Path
) -> None:
    report = judged.report(tmp_path / "run", title="A planted world")
    assert "A planted world" in report.read_text("utf-8")
    results = json.loads((tmp_path / "run" / "results.json").read_text("utf-8"))
    assert results["boards"] == judged.to_json()["boards"]
    epochs = (tmp_path / "run" / "history.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in epochs] == model.history
    with np.load(tmp_path / "run" / "predictions.npz", allow_pickle=False) as kept:
        assert len(kept["targets"]) == len(kept["predictions"]) == results["split"]["test_rows"]
    with np.load(tmp_path / "run" / "discovery.npz", allow_pickle=False) as kept:
        ndcg = results["boards"]["discovery"][ENCORE]["ndcg@10"]["mean"]
        assert kept[f"{ENCORE}/ndcg@10"].mean() == pytest.approx(ndcg)
    assert "A planted world" in model.bundle.card


def test_the_example_listener_is_the_median_and_not_the_luckiest(judged: Evaluation) -> None:
    board = judged.boards["discovery"]
    values = board.values[ENCORE]["ndcg@10"]
    shown = judged.model.bundle.features.listeners.index(judged.results("")["example"]["user_id"])
    assert values[board.listeners == shown] == pytest.approx(np.median(values), abs=0.02)


# Nothing of the held-out rows


def told_by(norms: Norms) -> list[np.ndarray]:
    return [*norms.acoustics, *norms.reception, norms.scaler.mean, norms.scaler.scale]


def test_held_out_rows_leave_no_trace_in_what_is_learned(small_world: Dataset) -> None:
    sides = splitting.split(small_world, seed=1)
    pairs = sides.test.plays.select("user_id", "track_id", held=pl.lit(True))

    def altered(table: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
        marked = table.join(pairs, on=["user_id", "track_id"], how="left", maintain_order="left")
        changes = [
            pl.when("held").then(new).otherwise(name).cast(table.schema[name]).alias(name)
            for name, new in columns.items()
        ]
        return marked.with_columns(changes).drop("held")

    years = pl.duration(days=900)
    last, first = pl.col("last_played"), pl.col("first_played")
    other = small_world.with_tables(
        plays=altered(
            small_world.plays,
            plays=pl.col("plays") * 100 + 3,
            skips=pl.col("skips") + 9,
            first_played=first - years,
            last_played=last + years,
        ),
        events=altered(
            small_world.events,
            listened_at=pl.col("listened_at") + years,
            skipped=~pl.col("skipped"),
        ),
    )
    again = splitting.split(other, seed=1)
    assert not again.test.plays.equals(sides.test.plays)
    features, now = Features.fit(sides.train), Features.fit(again.train)
    for name in vars(features):
        one, same = getattr(features, name), getattr(now, name)
        if isinstance(one, np.ndarray):
            assert np.array_equal(one, same), name
        elif isinstance(one, Norms):
            for said, again_said in zip(told_by(one), told_by(same), strict=True):
                assert np.array_equal(said, again_said, equal_nan=True)
        else:
            assert one.ids.equals(same.ids), name
    rows = (features.listeners.rows, features.tracks.rows)
    means, means_now = (
        ShrunkMeans.fit(*encode(side, features), rows, (2.0, 5.0))
        for side in (sides.train, again.train)
    )
    assert means.mean == means_now.mean
    assert np.array_equal(means.b_U, means_now.b_U)
    assert np.array_equal(means.b_T, means_now.b_T)


def test_held_out_rows_leave_no_trace_in_the_model(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    held = splitting.split(small_world, seed=1).test.plays.select("user_id", "track_id")
    marked = small_world.plays.join(
        held.with_columns(held=True), how="left", maintain_order="left", on=["user_id", "track_id"]
    )
    louder = pl.when("held").then(pl.col("plays") + 50).otherwise("plays").cast(pl.Float32)
    other = small_world.with_tables(plays=marked.with_columns(louder.alias("plays")).drop("held"))
    models = [
        encore.train(splitting.split(data, seed=1).train, small_config)
        for data in (small_world, other)
    ]
    one, same = (found.bundle.scorers.network.state_dict() for found in models)
    assert all(one[name].equal(same[name]) for name in one)
    assert models[0].bundle.choice == models[1].bundle.choice
    for name, channel in models[0].bundle.scorers.channels.items():
        now = models[1].bundle.scorers.channels[name].arrays()
        assert all(np.array_equal(values, now[key]) for key, values in channel.arrays().items())


# Little and odd data


def ids_only(pairs: list[tuple[str, str]]) -> Dataset:
    """A Dataset that knows who played what, and nothing else."""
    plays = pl.DataFrame(pairs, schema=["user_id", "track_id"], orient="row")
    counted = plays.with_columns(plays=1.0 + pl.int_range(pl.len()) % 4)
    return Dataset(**complete({"plays": schema.conform(counted, "plays")}))


def some_pairs(listeners: int, tracks: int, each: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(0)
    return [
        (f"u{user}", f"t{track}")
        for user in range(listeners)
        for track in rng.choice(tracks, each, replace=False)
    ]


def test_ids_alone_are_enough_to_train_evaluate_recommend_and_save(
    small_config: TrainConfig, tmp_path: Path
) -> None:
    data = ids_only(some_pairs(30, 40, 10))
    assert data.tracks["artist"].is_null().all()
    trained, held = encore.split(data)
    model = encore.train(trained, small_config)
    assert encore.evaluate(model, held).report(tmp_path / "run").is_file()
    found = model.recommend("u3")
    assert len(found.slots) == 10
    assert all(slot.artist is None and slot.title == slot.track_id for slot in found.slots)
    model.save(tmp_path / "bundle")
    assert encore.load(tmp_path / "bundle").recommend("u3") == found


def test_fewer_than_20_rows_are_too_few_to_train_on(small_config: TrainConfig) -> None:
    pairs = some_pairs(2, 12, 10)
    with pytest.raises(InputError, match=r"^19 rows of plays: expected at least 20"):
        encore.train(ids_only(pairs[:19]), small_config)
    assert len(encore.train(ids_only(pairs), small_config).recommend("u0").slots) > 0


def test_listeners_too_short_to_validate_on_are_refused(small_config: TrainConfig) -> None:
    # Many rows, but none of whom a tenth is a row.
    with pytest.raises(InputError, match="validation"):
        encore.train(ids_only(some_pairs(40, 30, 2)), small_config)


def test_data_in_which_everything_was_skipped_is_refused(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    never = small_world.plays.with_columns(pl.lit(0.0, pl.Float32).alias("plays"))
    with pytest.raises(InputError):
        encore.train(small_world.with_tables(plays=never), small_config)


def test_the_last_rows_can_be_held_out_from_the_library_too(small_world: Dataset) -> None:
    _, test = encore.split(small_world, by="last", last=3)
    assert set(test.plays.group_by("user_id").len()["len"]) == {3}


def test_the_list_is_chosen_by_what_was_played_and_not_by_what_was_skipped(
    small_world: Dataset, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    choose = tryout.choose

    def recorded(scorers, audience, held_UT, seed, new_UT):
        seen.append(held_UT)
        return choose(scorers, audience, held_UT, seed, new_UT)

    monkeypatch.setattr(tryout, "choose", recorded)
    skipped = pl.int_range(pl.len()) % 3 == 0
    plays = pl.when(skipped).then(0).otherwise(pl.col("plays") + 1).cast(pl.Float32)
    data = small_world.with_tables(plays=small_world.plays.with_columns(plays.alias("plays")))
    encore.train(data, small_config.replaced(max_epochs=1))
    slice_ = splitting.split(data, held_out=small_config.validation_share, seed=small_config.seed)
    right = slice_.test.plays.filter(pl.col("plays") > 0)
    others = data.listeners.gather_every(2)["user_id"]  # on whose rows the epochs are chosen
    assert seen[0].nnz == right.filter(~pl.col("user_id").is_in(others.implode())).height
    assert 0 < seen[0].nnz < right.height < slice_.test.plays.height


def test_a_test_side_without_rows_is_refused(
    small_model: Recommender, small_world: Dataset
) -> None:
    with pytest.raises(InputError):
        encore.evaluate(small_model, small_world.with_tables(plays=small_world.plays.clear()))


def test_artists_as_items_train_and_keep_their_kind(
    small_world: Dataset, small_config: TrainConfig, tmp_path: Path
) -> None:
    nameless = small_world.tracks.with_columns(pl.lit(None, pl.String).alias("artist_id"))
    tables = {name: small_world.table(name) for name in schema.TABLES}
    data = Dataset(**{**tables, "tracks": nameless}, item_kind="artist")
    encore.train(data, small_config.replaced(max_epochs=1)).save(tmp_path / "bundle")
    assert encore.load(tmp_path / "bundle").bundle.item_kind == "artist"


def test_what_is_decided_and_every_epoch_are_told(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    said: list[str] = []
    epochs: list[int] = []
    model = encore.train(
        small_world,
        small_config,
        say=said.append,
        on_epoch=lambda epoch: epochs.append(epoch.epoch),
    )
    best = model.bundle.facts["epochs"]
    assert epochs == [1, 2, 3, *range(1, best + 1)]
    assert any(pipeline.why(model.bundle.choice) in line for line in said)
    assert any(f"{best} epochs" in line for line in said)
    tried = [epoch for epoch in model.history if epoch["phase"] == "try-out"]
    assert [epoch["epoch"] for epoch in model.history] == epochs
    assert [epoch["epoch"] for epoch in tried] == [1, 2, 3]
    assert max(tried, key=lambda epoch: epoch["val_ndcg"])["epoch"] == best


# The public surface


def test_the_public_surface_is_this() -> None:
    assert sorted(encore.__all__) == [
        "Channel",
        "Dataset",
        "EncoreError",
        "Evaluation",
        "Explanation",
        "HybridMusicRecommender",
        "InputError",
        "Inspection",
        "IntegrityError",
        "RankedList",
        "Recommender",
        "Rules",
        "Seeds",
        "Slot",
        "TrainConfig",
        "UsageError",
        "evaluate",
        "inspect",
        "load",
        "read",
        "recipes",
        "register",
        "split",
        "train",
        "tune",
        "world",
    ]
    assert encore.__all__ == dir(encore)


def test_every_public_name_is_there_and_no_other() -> None:
    for name in encore.__all__:
        assert getattr(encore, name).__name__.rsplit(".", 1)[-1] == name
    with pytest.raises(AttributeError, match="module 'encore' has no attribute 'trian'"):
        _ = encore.trian
