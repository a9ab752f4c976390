"""The verbs of the library: read, split, train, evaluate, load. Each is one step of the line.

::

    data = read("plays.csv")
    train_side, test_side = split(data)
    model = train(train_side)
    evaluate(model, test_side).report("run/")
"""

import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from encore.config import TrainConfig
from encore.data import split as splitting
from encore.data.dataset import Dataset
from encore.data.readers import read
from encore.data.vocabulary import UNKNOWN
from encore.evaluation import boards, questions
from encore.evaluation.analysis import analyse
from encore.evaluation.boards import Board, Question
from encore.evaluation.cold_start import analyze_cold_start
from encore.evaluation.names import ENCORE
from encore.evaluation.plays import PlaysPredictions, plays_board, predict_plays
from encore.evaluation.served import heard_most
from encore.models import training
from encore.models.bundle import Bundle
from encore.models.ensemble import Choice
from encore.models.epochs import Epoch
from encore.models.inputs import Inputs
from encore.models.ranking import listeners_of
from encore.recommend.recommender import Recommender
from encore.recommend.shown import Shown
from encore.reports.findings import findings
from encore.reports.model_card import model_card
from encore.reports.report import write_report
from encore.reports.verdict import verdict
from encore.tryout import Tried, material_of, scorers_of, told, try_out
from encore.wording import counted

__all__ = ["Evaluation", "evaluate", "load", "read", "split", "train"]

Say = Callable[[str], None]


def split(
    data: Dataset, by: str = "listener", held_out: float = 0.2, seed: int = 0, *, last: int = 1
) -> tuple[Dataset, Dataset]:
    """Return the training and the held-out side of `data`; see `encore.data.split.split`."""
    sides = splitting.split(data, by, held_out, seed, last=last)
    return sides.train, sides.test


def load(path: str | Path) -> Recommender:
    """Read and verify a bundle folder; see `encore.models.bundle.Bundle.load`."""
    return Recommender.load(path)


def train(
    data: Dataset,
    config: TrainConfig | None = None,
    *,
    say: Say | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoint_at: Path | None = None,
) -> Recommender:
    """Train on `data` and return the model that recommends.

    A validation slice of each listener's rows chooses epochs, shrink, and the weights of the list;
    then everything is fitted again on all rows. `say` hears what is decided, `on_epoch` of each
    epoch, also of those that a resumed training had behind it. With `checkpoint_at` an interrupted
    training resumes there (see `training.fit`).

    Raises `InputError` where the data has too few plays to choose anything.
    """
    config = config or TrainConfig()
    tell = say or (lambda _: None)
    tried = try_out(data, config, on_epoch=on_epoch, checkpoint_at=checkpoint_at)
    tell(f"the list: {why(tried.choice)}")
    tell(f"fitting again on all rows, {counted(tried.network.best_epoch, 'epoch')}")
    model = finished(data, tried, on_epoch=on_epoch)
    if checkpoint_at is not None:
        shutil.rmtree(checkpoint_at, ignore_errors=True)
    return model


def finished(
    data: Dataset, tried: Tried, *, on_epoch: Callable[[Epoch], None] | None = None
) -> Recommender:
    """Fit everything on all rows of `data` as a try-out decided: the second half of `train`.

    The recommender's history is that of the try-out, and then that of this fit.
    """
    final = training.refit(data, tried.network, on_epoch=told(on_epoch))
    scorers = scorers_of(final, Inputs.of_dataset(data, final.features), tried.config)
    scorers.ranker = tried.ranker
    bundle = Bundle(
        config=tried.config,
        item_kind=data.item_kind,
        scorers=scorers,
        means=final.means,
        residuals=tried.residuals.refit(material_of(scorers), final.means),
        choice=tried.choice,
        tracks=data.tracks,
        listeners_T=listeners_of(scorers.inputs.plays_UT),
        friends=data.friends,
        facts={
            "data": _data_facts(data),
            "epochs": tried.network.best_epoch,
            "shrink": list(final.shrink),
        },
    )
    bundle.card = model_card(_card_facts(bundle))
    history = [*tried.network.history, *final.history]
    return Recommender(bundle, [asdict(epoch) for epoch in history])


@dataclass
class Evaluation:
    """What a model is worth on a held-out side: boards, predictions, cold and warm."""

    model: Recommender
    boards: dict[str, Board]
    predictions: PlaysPredictions
    cold_start: list[dict[str, Any]]
    question: Question  # of discovery, which the analysis goes into
    seed: int
    seconds: dict[str, float] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)  # how the sides were made, where known

    def to_json(self) -> dict[str, Any]:
        """Return `{"boards": {board: {model: {metric: {"mean", "low", "high"}}}}}`."""
        return {"boards": {name: board.to_json() for name, board in self.boards.items()}}

    @cached_property
    def analysis(self) -> dict[str, Any]:
        """Who is served how well, what is listed, what each part adds; see `analyse`."""
        board = self.boards[questions.DISCOVERY]
        return analyse(self.model, board, self.question, self.predictions, self.seed)

    def verdict(self) -> list[str]:
        """Return what the boards say, in sentences, as the report has them."""
        return verdict(self.results(""))

    def findings(self) -> list[str]:
        """Return what else there is to know, in sentences: whom it fails, what it leans to."""
        return findings(self.results(""))

    def results(self, title: str, example_user: str | None = None) -> dict[str, Any]:
        """Return everything that the report and the model card say, as plain JSON values."""
        bundle = self.model.bundle
        user = example_user or self.typical_listener()
        return {
            "title": title,
            "item_kind": bundle.item_kind,
            "data": bundle.facts.get("data", {}),
            "config": bundle.config.model_dump(mode="json"),
            "chosen": _chosen(bundle.choice),
            "split": {
                **self.split,
                "seed": self.seed,
                "train_rows": int(bundle.history_UT.nnz),
                "test_rows": len(self.predictions.target_N),
            },
            **self.to_json(),
            "ratios": {
                name: {peer: ratio.to_json() for peer, ratio in boards.ratios(board).items()}
                for name, board in self.boards.items()
            },
            "cold_start": self.cold_start,
            "analysis": self.analysis,
            "training": _trained(self.model),
            "example": self._example(user),
            "seconds": self.seconds,
            "machine": _machine(),
            "versions": _versions(),
        }

    def report(self, run: str | Path, title: str = "", example_user: str | None = None) -> Path:
        """Write results.json, history, predictions, per-listener values and report.html to `run`.

        The model's card is brought up to date with the results. Returns the report's path.
        """
        run = Path(run)
        run.mkdir(parents=True, exist_ok=True)
        results = self.results(title or run.name, example_user)
        self.model.bundle.card = model_card(results)
        (run / "results.json").write_text(json.dumps(results, indent=1), "utf-8")
        lines = [json.dumps(epoch) for epoch in self.model.history]
        (run / "history.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
        found = self.predictions
        np.savez(
            run / "predictions.npz",
            predictions=found.predicted[ENCORE],
            targets=found.target_N,
        )
        for board in self.boards.values():
            board.save(run)
        return write_report(run)

    def _example(self, user_id: str) -> dict[str, Any]:
        """Return a listener's example, with which of its slots the listener plays held out."""
        found, features = self.predictions, self.model.bundle.features
        track_N = found.track_N[found.user_N == features.listeners.index(user_id)]
        held_out = {*features.tracks.decode(track_N[track_N != UNKNOWN])}
        told = example(self.model, user_id)
        slots = [{**slot, "held_out": slot["track_id"] in held_out} for slot in told["slots"]]
        return {**told, "slots": slots}

    def typical_listener(self) -> str:
        """Return the listener whose NDCG@10 is the median of those with any: not the luckiest."""
        board = self.boards[questions.DISCOVERY]
        values = board.values[ENCORE]["ndcg@10"]
        order = np.argsort(values, kind="stable")
        return str(board.listeners[order[len(order) // 2]])


def evaluate(
    model: Recommender, test: Dataset, *, seed: int = 0, say: Say | None = None
) -> Evaluation:
    """Score `model`, its parts and the baselines on the held-out side `test`.

    Raises `InputError` where `test` holds nothing that can be scored.
    """
    tell = say or (lambda _: None)
    started = time.perf_counter()
    known = questions.Known.to(model)
    asked = [questions.discovery(known, test)]
    familiar = questions.familiar(known, test)
    if familiar.relevant_B.sum() > asked[0].relevant_B.sum():  # somebody returned to a track
        asked.append(familiar)
    found = {}
    for question in asked:
        tell(f"{question.board}: ranking the whole catalogue for every listener")
        found[question.board] = boards.ranking_board(model, question, seed)
    tell("plays: predicting held-out counts")
    predictions = predict_plays(model, test)
    found["plays"] = plays_board(model, predictions, seed)
    history_UT = model.bundle.history_UT
    cold = analyze_cold_start(
        predictions,
        np.diff(history_UT.indptr),
        np.bincount(history_UT.indices, minlength=history_UT.shape[1]),
        seed,
    )
    took = {"evaluate": time.perf_counter() - started}
    return Evaluation(model, found, predictions, cold, asked[0], seed, took)


def why(choice: Choice) -> str:
    """Return in words what the list is made of and what validation said of each part alone."""
    parts = " + ".join(
        f"{weight:.2g} x {name}" for name, weight in choice.weights.items() if weight
    )
    for_new = [f"{weight:.2g} x {name}" for name, weight in choice.unheard.items() if weight]
    if for_new:
        parts += f"; of unheard tracks {' + '.join(for_new)}"
    if choice.ranked:
        parts += "; the best in the ranker's order"
    ordered = sorted(choice.validation.items(), key=lambda item: -item[1])
    scores = ", ".join(f"{name} {value:.4f}" for name, value in ordered)
    return f"{parts} (validation NDCG@10: {scores})"


def example(model: Recommender, user_id: str, n: int = 10, heard: int = 8) -> dict[str, Any]:
    """Return a listener's most played and their list, for a reader's eyes."""
    bundle = model.bundle
    listed = model.recommend(user_id, n)
    row = bundle.history_UT[[bundle.features.listeners.index(user_id)]]
    return {**listed.to_json(), "history": heard_most(Shown.of(bundle), row, heard)}


def known(data: Dataset, config: TrainConfig) -> dict[str, Any]:
    """Return what results.json says of a training before its first epoch."""
    return {
        "item_kind": data.item_kind,
        "data": _data_facts(data),
        "config": config.model_dump(mode="json"),
        "machine": _machine(),
        "versions": _versions(),
    }


def chosen(model: Recommender) -> dict[str, Any]:
    """Return what results.json says of a training after its last epoch, beside what was `known`."""
    bundle = model.bundle
    return {"config": bundle.config.model_dump(mode="json"), "chosen": _chosen(bundle.choice)}


def _data_facts(data: Dataset) -> dict[str, Any]:
    return {
        "listeners": data.listeners.height,
        "tracks": data.tracks.height,
        "plays": data.plays.height,
        "sources": [vars(source) for source in data.ledger.sources],
        "notes": data.ledger.notes,
        "read": data.ledger.read,
        "kept": data.ledger.kept,
        "dropped": data.ledger.dropped,
    }


def _card_facts(bundle: Bundle) -> dict[str, Any]:
    return {
        "item_kind": bundle.item_kind,
        "data": bundle.facts["data"],
        "config": bundle.config.model_dump(mode="json"),
        "chosen": {"list": bundle.choice.name, "why": why(bundle.choice)},
    }


def _trained(model: Recommender) -> dict[str, int]:
    """Return how many epochs were tried and allowed, and which was best; {} where it was loaded."""
    tried = [epoch for epoch in model.history if epoch["val_loss"] is not None]
    if not tried:
        return {}
    best = max((epoch["epoch"] for epoch in tried if epoch["best"]), default=0)
    return {"epochs": len(tried), "best": best, "most": model.bundle.config.max_epochs}


def _chosen(choice: Choice) -> dict[str, Any]:
    return {
        "list": choice.name,
        "why": why(choice),
        "weights": choice.weights,
        "unheard": choice.unheard,
        "validation": choice.validation,
    }


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("encore-music", "torch", "implicit")}


def _machine() -> dict[str, Any]:
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
    }
