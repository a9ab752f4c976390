"""Stacking: the ranker learns from rows that the channels it listens to have not seen.

::

    training side ─ folds: a slice of each listener's rows, and some listeners whole, held out
                  ─ channels of each fold ─ candidates with the answer ─ Ranker

Of the listeners held out whole a few rows are revealed, as if they had just come: so the trees
learn what to trust in a short history. (Wolpert, "Stacked generalization", Neural Networks, 1992.)
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from encore.config import TrainConfig
from encore.data import split as splitting
from encore.data.cold import Ladder, cold_listeners, ladder
from encore.data.dataset import Dataset
from encore.errors import InputError
from encore.evaluation import boards, questions
from encore.evaluation.boards import Question
from encore.evaluation.questions import Known
from encore.models.channels import Channel, fit_channels
from encore.models.quality import blocks
from encore.models.ranker import Candidates, Ranker, Sample
from encore.models.ranking import TieOrder, listeners_of
from encore.models.rows import Whole

REVEALED = (1, 2, 4, 8, 16)  # rows of a listener held out whole
NEW_SHARE = 0.1  # of the listeners, held out whole in each fold
NEW_LEAST = 5  # played tracks that such a listener has
STREAM = 7919  # keeps the draws of the folds apart from those of other splits


@dataclass(frozen=True)
class Stack:
    """A ranker, and one that has not learned from the listeners whom it is to be checked on."""

    ranker: Ranker
    checked: Ranker


def stack(data: Dataset, config: TrainConfig, checked_on: Dataset) -> Stack | None:
    """Return a ranker for the channels of `config`, learned from `config.ranker_folds` of `data`.

    `Stack.checked` learned without the listeners who have plays in `checked_on`. None where nothing
    that was held out is among the candidates.
    """
    apart = checked_on.plays["user_id"].unique().to_list()
    every: list[Sample] = []
    others: list[Sample] = []
    names: tuple[str, ...] = ()
    for fold in range(config.ranker_folds):
        sides = _sides(data, config.validation_share, config.seed + STREAM * (fold + 1))
        known = Known.from_training(sides[0])
        channels = fit_channels(config, known.inputs)
        names = tuple(channels)
        for question in _questions(known, *sides[1:], config.seed):
            for block in _blocks(question, config.seed):
                listed_B = np.isin(block.listeners, apart, invert=True)
                samples = _samples(channels, known, block)
                every += [sample for sample in samples if sample]
                others += [s for s, listed in zip(samples, listed_B, strict=True) if s and listed]
    if not others:
        return None
    return Stack(Ranker.fit(names, every, config.seed), Ranker.fit(names, others, config.seed))


def _sides(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset, Dataset | None]:
    """Return what channels are fitted on, the slice of known listeners, and the new listeners."""
    inner = splitting.split(data, held_out=share, seed=seed)
    try:
        new = cold_listeners(inner.train, NEW_SHARE, seed, NEW_LEAST)
    except InputError:  # nobody has so many plays: then all are known
        return inner.train, inner.test, None
    return new.train, inner.test, new.test


def _questions(known: Known, held: Dataset, new: Dataset | None, seed: int) -> Iterator[Question]:
    """Yield what is asked of the channels: by known listeners, and by new ones at each rung."""
    yield questions.discovery(known, held)
    if new is not None:
        order = ladder(new, REVEALED[:1], seed).order
        for rung in REVEALED:
            longer = order.filter(pl.col("place").max().over("user_id") > rung)
            if longer.height:
                yield questions.cold_listener(known, Ladder((rung,), longer), rung)


def _blocks(question: Question, seed: int) -> Iterator[Question]:
    """Yield the question to some listeners with a history at a time."""
    asked = np.flatnonzero(np.diff(question.audience.history_BT.indptr))
    for rows in blocks(asked, question.held_BT.shape[1], seed):
        yield boards.part(question, rows)


def _samples(channels: dict[str, Channel], known: Known, question: Question) -> list[Sample | None]:
    """Return the candidates of each listener who asks, with the answer."""
    asking, heard_T = question.audience, known.features.heard_T
    raw = {name: channel.score(channel.fold_in(asking)) for name, channel in channels.items()}
    ties = TieOrder.of(listeners_of(known.inputs.plays_UT))
    samples = []
    for b in range(len(asking)):
        rows = {name: Whole(scores_BT[b]) for name, scores_BT in raw.items()}
        found = Candidates.of(rows, asking.at(slice(b, b + 1)), heard_T, ties)
        samples.append(Sample.of(found, question.held_BT[[b]].indices))
    return samples
