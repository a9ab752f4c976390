"""The try-out: a training on all but a validation slice, which decides what the real one does.

::

    training side ─ a slice of rows, a few tracks ─ held out
                  ─ network, channels on the rest ─ Fitted
                  ─ epochs, settings, the list, plays ─ Tried
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.config import TrainConfig
from encore.data import split as splitting
from encore.data.cold import cold_tracks
from encore.data.dataset import Dataset
from encore.data.features import Features
from encore.errors import InputError
from encore.metrics import mean_interval
from encore.models import training
from encore.models.channels import fit_channels
from encore.models.choosing import choose
from encore.models.ensemble import RANKER, Choice, Scorers
from encore.models.epochs import Epoch
from encore.models.inputs import Audience, Inputs
from encore.models.quality import ndcg
from encore.models.ranker import Ranker
from encore.models.ranking import Floats, TieOrder, history_matrix, listeners_of
from encore.models.residuals import Material, Residuals
from encore.models.settling import settle
from encore.models.training import Training
from encore.stacking import stack
from encore.wording import counted

NEW_TRACKS = 0.02  # share of the tracks that stand for new ones where the list is chosen
MIN_PLAYS_ROWS = 20  # below, no validation slice says anything


@dataclass(frozen=True)
class Tried:
    """What a training on all but a validation slice chose: epochs, settings, the list, plays."""

    network: Training
    config: TrainConfig
    choice: Choice
    residuals: Residuals
    ranker: Ranker | None = None


@dataclass(frozen=True)
class Fitted:
    """Everything fitted on all but a validation slice, and the slice: what choosing reads.

    `held` are all its rows; `for_weights` are those of the listeners who decide the blend, and
    `apart` the tracks taken out whole, where there are any.
    """

    network: Training
    config: TrainConfig
    scorers: Scorers
    held: Dataset
    for_weights: Dataset
    apart: splitting.Split | None

    def choose(self, without: Iterable[str] = ()) -> Choice:
        """Return the list that the slice prefers, of all scorers but those named."""
        scorers = replace(self.scorers, silent=frozenset(without))
        held_UT = _held_matrix(self.for_weights, scorers.features)
        everyone = Audience.known(scorers.inputs, np.arange(held_UT.shape[0], dtype=np.int32))
        new_UT = None if self.apart is None else _held_matrix(self.apart.test, scorers.features)
        return choose(scorers, everyone, held_UT, self.config.seed, new_UT)


def try_out(
    data: Dataset,
    config: TrainConfig,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoint_at: Path | None = None,
) -> Tried:
    """Return what a training on all but a validation slice chooses.

    The first half of `train`; `encore.tuning` compares settings by it. Raises as `train` does.
    """
    return decide(data, fit_apart(data, config, on_epoch=on_epoch, checkpoint_at=checkpoint_at))


def fit_apart(
    data: Dataset,
    config: TrainConfig,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoint_at: Path | None = None,
) -> Fitted:
    """Return network and channels fitted on all but a validation slice, and the slice."""
    if data.plays.height < MIN_PLAYS_ROWS:
        raise InputError(
            f"{counted(data.plays.height, 'row')} of plays: expected at least {MIN_PLAYS_ROWS} to "
            "train on"
        )
    inner = splitting.split(data, held_out=config.validation_share, seed=config.seed)
    if not (inner.test.plays["plays"] > 0).any():
        raise InputError(
            f"a validation slice of {config.validation_share:.0%} of each listener's rows holds no "
            "played track; raise validation_share or bring listeners with more plays"
        )
    for_epochs, for_weights = _halves(inner.test)
    apart = _new_tracks(inner.train, config.seed)
    fitted = inner.train if apart is None else apart.train
    network = training.fit(
        fitted, for_epochs, config, on_epoch=told(on_epoch), checkpoint_at=checkpoint_at
    )
    inputs = Inputs.of_dataset(fitted, network.features)
    config = settle(config, inputs, _held_matrix(inner.test, network.features))
    scorers = scorers_of(network, inputs, config)
    return Fitted(network, config, scorers, inner.test, for_weights, apart)


def decide(data: Dataset, fitted: Fitted) -> Tried:
    """Return what the slice decides: the list, how plays are predicted, whether a ranker serves."""
    choice = fitted.choose()
    network, scorers = fitted.network, fitted.scorers
    residuals = Residuals.choose(
        material_of(scorers),
        network.means,
        network.shrink[0],
        training.encode(_without_tracks_of(fitted.apart, fitted.held), network.features),
    )
    tried = Tried(network, fitted.config, choice, residuals)
    return _ranked(tried, scorers, data, fitted.for_weights)


def told(on_epoch: Callable[[Epoch], None] | None) -> training.OnEpoch | None:
    """Return what a training calls after an epoch, for who asks of epochs alone.

    Of a resumed training all past epochs are told, too, so that nobody has to keep them.
    """
    if on_epoch is None:
        return None
    heard = 0

    def tell(now: Training) -> None:
        nonlocal heard
        for epoch in now.history[heard:]:
            on_epoch(epoch)
        heard = len(now.history)

    return tell


def _new_tracks(train: Dataset, seed: int) -> splitting.Split | None:
    """Return a few tracks whose content is known taken out whole, as if they were new; or None."""
    try:
        return cold_tracks(train, NEW_TRACKS, seed)
    except InputError:  # nothing is known of any track that several listeners play
        return None


def _without_tracks_of(apart: splitting.Split | None, held: Dataset) -> Dataset:
    """Return `held` without the tracks taken out: errors on these are not the usual ones."""
    if apart is None:
        return held
    kept = held.plays.join(apart.test.plays, on="track_id", how="anti", maintain_order="left")
    return held.with_tables(plays=kept)


def _halves(held: Dataset) -> tuple[Dataset, Dataset]:
    """Return the rows of every other listener, and those of the rest; all twice where one is empty.

    Epochs and weights are chosen on rows of their own: a network stopped where it served some rows
    best looks better on these than it is, and would be given too much weight.
    """
    others = held.listeners.gather_every(2)
    halves = [
        held.with_tables(
            plays=held.plays.join(others, on="user_id", how=how, maintain_order="left")
        )
        for how in ("semi", "anti")
    ]
    served = [(half.plays["plays"] > 0).any() for half in halves]
    return (halves[0], halves[1]) if all(served) else (held, held)


def _ranked(tried: Tried, scorers: Scorers, data: Dataset, held: Dataset) -> Tried:
    """Return `tried` with a ranker, where that serves the rows `held` better beyond chance.

    Judged by a ranker that has not learned from the listeners of `held`, whose rows chose the
    blend. Within the interval of the difference the blend ships: it is simpler and quicker.
    """
    stacked = stack(data, tried.config, held)
    if stacked is None:
        return tried
    held_UT = _held_matrix(held, scorers.features)

    def quality(ranker: Ranker | None) -> npt.NDArray[np.float64]:
        ranked = replace(scorers, ranker=ranker)

        def score(audience: Audience) -> Floats:
            parts = ranked.parts(tried.choice.both, audience)
            total: Floats = np.sum([*parts.values()], axis=0, dtype=np.float32)
            return total

        return ndcg(score, scorers.inputs, held_UT, scorers.ties)

    value, plain = quality(stacked.checked), quality(None)
    ships = mean_interval(value - plain, tried.config.seed).low > 0
    validation = {**tried.choice.validation, RANKER: float(value.mean())}
    choice = replace(tried.choice, validation=validation, ranked=ships)
    return replace(tried, choice=choice, ranker=stacked.ranker if ships else None)


def _held_matrix(held: Dataset, features: Features) -> sp.csr_array:
    """Return 1 for each held-out pair that was played (U, T)."""
    user, track, target = training.encode(held, features)
    user, track = user[target > 0], track[target > 0]
    shape = (features.listeners.rows, features.tracks.rows)
    return history_matrix(user, track, np.ones(len(user)), shape)


def scorers_of(fitted: Training, inputs: Inputs, config: TrainConfig) -> Scorers:
    """Return the network and the channels, these fitted on `inputs`."""
    channels = fit_channels(config, inputs)
    ties = TieOrder.of(listeners_of(inputs.plays_UT))
    return Scorers(fitted.features, fitted.tables, fitted.network, channels, inputs, ties)


def material_of(scorers: Scorers) -> Material:
    """Return what the predictor of plays learns from."""
    return Material.of(scorers.inputs, scorers.features.numeric_TF, scorers.channels)
