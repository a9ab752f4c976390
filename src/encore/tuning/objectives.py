"""What settings are worth: NDCG@10 on validation rows of a training side, fold by fold.

An objective is measured one fold at a time, so that a poor trial can be pruned after the first. Its
folds are made when they are first asked for, and kept: all trials stand on the same rows.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl

from encore.config import TrainConfig
from encore.data import split as splitting
from encore.data.dataset import Dataset
from encore.evaluation import boards, questions
from encore.evaluation.boards import Question
from encore.models.channels import CHANNELS
from encore.models.inputs import Inputs
from encore.models.ranking import TieOrder, listeners_of
from encore.tryout import try_out
from encore.tuning.spaces import ALL, NETWORK

CHANNEL_FOLDS = 3
WHOLE_FOLDS = 2  # a whole training each: a third would cost more than it tells
MOST_ROWS = 1_000_000  # of plays that a trial is fitted on
MOST_SCORES = 40_000_000  # listeners x tracks that a fold ranks: as many as choosing a list reads


class Objective(Protocol):
    """What a study maximises: the mean of `measure` over the folds."""

    @property
    def folds(self) -> int:
        """How many there are."""
        ...

    def measure(self, config: TrainConfig, fold: int) -> float:
        """Return the mean NDCG@10 of these settings on a fold."""
        ...


@dataclass(frozen=True)
class ChannelAlone:
    """A channel fitted and asked alone: discovery, on rows held out of the training side `data`.

    By listener, each fold draws its rows anew. By time and last, each holds out the latest of what
    the fold before left: the origin rolls back (Tashman, "Out-of-sample tests of forecasting
    accuracy", International Journal of Forecasting, 2000).
    """

    name: str
    data: Dataset
    by: str
    last: int
    share: float
    seed: int
    folds: int = CHANNEL_FOLDS

    @cached_property
    def _asked(self) -> list[tuple[Inputs, Question]]:
        found, rest = [], self.data
        for fold in range(self.folds):
            sides = splitting.split(rest, self.by, self.share, self.seed + fold, last=self.last)
            known = questions.Known.from_training(sides.train)
            question = questions.discovery(known, sides.test)
            asked, tracks = question.held_BT.shape
            if asked > (most := max(MOST_SCORES // tracks, 1)):
                drawn = np.random.default_rng(self.seed).choice(asked, most, replace=False)
                question = boards.part(question, np.sort(drawn))
            found.append((known.inputs, question))
            if self.by != "listener":
                rest = sides.train
        return found

    def measure(self, config: TrainConfig, fold: int) -> float:
        """Fit the channel on a fold's training rows and rank for its listeners."""
        inputs, question = self._asked[fold]
        channel = CHANNELS[self.name].of(config).fit(inputs)
        lists = boards.rank(
            question,
            lambda audience: [(self.name, channel.score(channel.fold_in(audience)))],
            TieOrder.of(listeners_of(inputs.plays_UT)),
        )
        return float(np.nanmean(boards.accuracy(lists[self.name], question)["ndcg@10"]))


@dataclass(frozen=True)
class ShippedList:
    """The list that would ship, by the validation rows that choose it; a fold is another seed."""

    data: Dataset
    folds: int = WHOLE_FOLDS

    def measure(self, config: TrainConfig, fold: int) -> float:
        """Train on all but a validation slice and return what the chosen list scores on it."""
        seeded = config.replaced(seed=config.seed + fold)
        choice = try_out(self.data, seeded).choice
        return choice.validation[choice.name]


def objective_of(what: str, data: Dataset, config: TrainConfig, by: str, last: int) -> Objective:
    """Return what `what` is tuned for on the training side `data`."""
    if what in (NETWORK, ALL):
        return ShippedList(data)
    return ChannelAlone(what, data, by, last, config.validation_share, config.seed)


def capped(data: Dataset, seed: int) -> Dataset:
    """Return `data` with at most `MOST_ROWS` rows of plays: those of a seeded draw of listeners."""
    if data.plays.height <= MOST_ROWS:
        return data
    rows = data.plays.group_by("user_id", maintain_order=True).len()
    drawn = rows[np.random.default_rng(seed).permutation(rows.height)]
    kept = drawn.filter(pl.col("len").cum_sum() <= MOST_ROWS)
    return data.with_tables(
        plays=data.plays.join(kept, on="user_id", how="semi", maintain_order="left"),
        events=data.events.join(kept, on="user_id", how="semi", maintain_order="left"),
    )
