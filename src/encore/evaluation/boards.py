"""Boards: every model on the same held-out rows, one value per listener, with intervals.

A ranking board asks a `Question` (`encore.evaluation.questions` holds those of the protocol): who
asks, with which history, of which tracks, and what the right answers are. Rows of tracks that the
model never saw stay in the denominator.

Legend: B listeners, T tracks with the unknown in column 0, K slots.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore import metrics
from encore.data.vocabulary import UNKNOWN, Indices, Vocabulary
from encore.evaluation.names import CHANCE, ENCORE, ENCORE_LIST, NETWORK_PLAYS
from encore.evaluation.runs import LISTENERS
from encore.evaluation.significance import Values, headline, over_seeds
from encore.metrics import Interval
from encore.models.inputs import Audience
from encore.models.ranking import EMPTY, Floats, Integers, TieOrder, are_held, mask_heard, top_k
from encore.recommend.recommender import Recommender
from encore.recommend.rules import Rules

CUTS = (10, 20)
DEPTH = max(CUTS)
SCORES_AT_ONCE = 12_000_000  # listeners x tracks that one model scores together: 48 MB
LISTS_AT_ONCE = 100
LISTS = 1000  # listeners whose lists are made as `recommend` makes them, one by one
PLAYS_RANKER_SCORES = 2_000_000  # pairs that the plays head ranks: the MLP is slow on a catalogue

Scores = dict[str, dict[str, Interval]]  # model -> metric -> interval
PerListener = dict[str, dict[str, npt.NDArray[np.float64]]]


@dataclass(frozen=True)
class Board:
    """One table: intervals by model and metric, and the per-listener values they come from.

    `listeners` are user ids in the order of the values. A model that was asked for a part of the
    listeners only has NaN for the others. `lists` (B, K) are those of the models that all were
    asked of; they stay in memory.
    """

    name: str
    scores: Scores
    values: PerListener
    listeners: npt.NDArray[np.str_]
    lists: dict[str, Integers] = field(default_factory=dict)

    def to_json(self) -> dict[str, dict[str, dict[str, float | None]]]:
        """Return the intervals as `{model: {metric: {"mean", "low", "high"}}}`."""
        return {
            model: {metric: interval.to_json() for metric, interval in row.items()}
            for model, row in self.scores.items()
        }

    def to_frame(self) -> pl.DataFrame:
        """Return the intervals as rows: model, metric, mean, low, high."""
        rows = [
            (model, metric, *interval)
            for model, row in self.scores.items()
            for metric, interval in row.items()
        ]
        columns = ("model", "metric", *Interval._fields)
        types = (pl.String, pl.String, *[pl.Float64] * len(Interval._fields))
        schema = dict(zip(columns, types, strict=True))
        return pl.DataFrame(rows, schema, orient="row").fill_nan(None)

    def save(self, run: Path) -> None:
        """Write the per-listener values to `run`/NAME.npz: `listeners` and `MODEL/METRIC`."""
        flat = {
            f"{model}/{metric}": value
            for model, row in self.values.items()
            for metric, value in row.items()
        }
        arrays = {LISTENERS: self.listeners, **flat}
        np.savez(run / f"{self.name}.npz", allow_pickle=False, **arrays)


@dataclass(frozen=True)
class Question:
    """What a ranking board asks.

    - `audience`: who asks, with the history that the model may know.
    - `listeners`: their user ids.
    - `held_BT`: the right answers among the tracks that the model knows.
    - `relevant_B`: how many right answers each has, those unknown to the model included.
    - `among_T`: the tracks that are ranked; None for the whole catalogue.
    - `mask`: whether tracks of the history are left out, as they must be where new ones are sought.
    """

    board: str
    audience: Audience
    listeners: npt.NDArray[np.str_]
    held_BT: sp.csr_array
    relevant_B: Integers
    among_T: npt.NDArray[np.bool_] | None = None
    mask: bool = True

    def close(self, scores_BT: Floats, history_BT: sp.csr_array) -> None:
        """Put -inf, in place, on all that must not be listed."""
        if self.mask:
            mask_heard(scores_BT, history_BT)
        scores_BT[:, UNKNOWN] = -np.inf
        if self.among_T is not None:
            scores_BT[:, ~self.among_T] = -np.inf


Score = Callable[[Audience], Iterable[tuple[str, Floats]]]
"""Yields each model's name and its scores (B, T) of an audience; the board may overwrite them."""


def rank(question: Question, score: Score, ties: TieOrder) -> dict[str, Integers]:
    """Return each model's lists (B, K), the audience being scored block by block."""
    tracks = question.held_BT.shape[1]
    blocks = -(-len(question.audience) * tracks // SCORES_AT_ONCE)
    lists: dict[str, list[Integers]] = {}
    for rows in np.array_split(np.arange(len(question.audience)), max(blocks, 1)):
        audience = question.audience.at(rows)
        for name, scores_BT in score(audience):
            question.close(scores_BT, audience.history_BT)
            lists.setdefault(name, []).append(top_k(scores_BT, DEPTH, ties))
    return {name: np.concatenate(blocks_) for name, blocks_ in lists.items()}


def ranking_board(
    model: Recommender, question: Question, seed: int = 0, baselines: bool = True
) -> Board:
    """Rank with the shipped list, each scorer alone and the plays head; say what each is worth.

    Where all but the heard tracks of known listeners are asked for, the default list is a row too.

    Without `baselines`, the shipped list alone.
    """
    bundle = model.bundle
    score = _all_models(model) if baselines else _shipped(model)
    lists = rank(question, score, bundle.scorers.ties)
    size = len(question.audience)
    rows = {name: np.arange(size) for name in lists}
    if baselines and (question.audience.user_B != UNKNOWN).all():
        asked = sample(size, PLAYS_RANKER_SCORES // question.held_BT.shape[1], seed)
        lists |= rank(part(question, asked), _plays_head(model), bundle.scorers.ties)
        rows[NETWORK_PLAYS] = asked
        if question.mask and question.among_T is None:
            asked = sample(size, LISTS, seed)
            lists[ENCORE_LIST] = made_lists(model, question.audience.user_B[asked], DEPTH, Rules())
            rows[ENCORE_LIST] = asked
    found = {
        name: _ranking_values(top_BK, part(question, rows[name]), model)
        for name, top_BK in lists.items()
    }
    chance = part(redrawn(question, seed), rows[ENCORE])
    found[CHANCE] = accuracy(lists[ENCORE], chance)
    scores: Scores = {
        name: {metric: metrics.mean_interval(value, seed) for metric, value in values.items()}
        for name, values in found.items()
    }
    catalogue = question.held_BT.shape[1] - 1
    # A part of the listeners cannot cover as much as all of them.
    whole = {name: top_BK for name, top_BK in lists.items() if len(top_BK) == size}
    for name, top_BK in whole.items():
        for metric, measure in (("coverage", metrics.coverage), ("gini", metrics.gini)):
            scores[name][f"{metric}@{DEPTH}"] = Interval(measure(top_BK, catalogue), np.nan, np.nan)
    rows[CHANCE] = rows[ENCORE]
    values = {
        name: {metric: _spread(value, rows[name], size) for metric, value in metrics_.items()}
        for name, metrics_ in found.items()
    }
    return Board(question.board, scores, values, question.listeners, whole)


def _all_models(model: Recommender) -> Score:
    """Return every scorer alone and the shipped list, each scorer asked once."""
    scorers = model.bundle.scorers

    def score(audience: Audience) -> Iterable[tuple[str, Floats]]:
        raw = {name: scorers.score(name, audience) for name in scorers.names}
        yield ENCORE, model.scores(audience, raw)
        yield from raw.items()

    return score


def _shipped(model: Recommender) -> Score:
    return lambda audience: [(ENCORE, model.scores(audience))]


def _plays_head(model: Recommender) -> Score:
    return lambda audience: [(NETWORK_PLAYS, model.bundle.scorers.plays(audience.user_B))]


def made_lists(model: Recommender, user_B: Indices, n: int, rules: Rules) -> Integers:
    """Return the lists (B, n) that `recommend` gives known listeners under `rules`."""
    top_BK = np.full((len(user_B), n), EMPTY, np.int64)
    for rows in np.array_split(np.arange(len(user_B)), max(len(user_B) // LISTS_AT_ONCE, 1)):
        for row, found in zip(rows, model.lists(user_B[rows], n, rules), strict=True):
            top_BK[row, : len(found.tracks_n)] = found.tracks_n
    return top_BK


def part(question: Question, rows: npt.NDArray[np.integer]) -> Question:
    """Return the question to some of its listeners."""
    return replace(
        question,
        audience=question.audience.at(rows),
        listeners=question.listeners[rows],
        held_BT=question.held_BT[rows],
        relevant_B=question.relevant_B[rows],
    )


def redrawn(question: Question, seed: int) -> Question:
    """Return the question with each right answer redrawn uniformly among what may be listed."""
    rng = np.random.default_rng(seed)
    held = question.held_BT
    tracks = held.shape[1]
    columns = []
    for row, count in enumerate(np.diff(held.indptr)):
        open_1T = np.zeros((1, tracks), np.float32)
        question.close(open_1T, question.audience.history_BT[[row]])
        open_ = np.flatnonzero(open_1T[0] == 0)
        columns.append(rng.choice(open_, min(int(count), len(open_)), replace=False))
    row_N = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    drawn = np.concatenate(columns) if columns else np.zeros(0, np.int64)
    values = (np.ones(len(row_N), np.float32), (row_N, drawn))
    return replace(question, held_BT=sp.csr_array(values, shape=held.shape))


def accuracy(
    top_BK: Integers, question: Question, cuts: Iterable[int] = CUTS
) -> dict[str, npt.NDArray[np.float64]]:
    """Return each listener's accuracy by every measure at every cut."""
    hits_BK, relevant_B = are_held(top_BK, question.held_BT), question.relevant_B
    return {
        f"{name}@{k}": metric(hits_BK, relevant_B, k)
        for k in cuts
        for name, metric in (
            ("ndcg", metrics.ndcg_at_k),
            ("recall", metrics.recall_at_k),
            ("precision", metrics.precision_at_k),
            ("map", metrics.average_precision_at_k),
            ("mrr", metrics.reciprocal_rank_at_k),
            ("hit_rate", metrics.hit_rate_at_k),
        )
    }


def _ranking_values(
    top_BK: Integers, question: Question, model: Recommender
) -> dict[str, npt.NDArray[np.float64]]:
    """Return accuracy at each cut, and what the lists of DEPTH are like beside it."""
    bundle = model.bundle
    history = question.audience.history_BT.tocoo()
    heard_T, listeners = bundle.listeners_T, len(bundle.features.listeners)
    return accuracy(top_BK, question) | {
        f"novelty@{DEPTH}": metrics.novelty(top_BK, heard_T, max(listeners, int(heard_T.max()), 1)),
        f"popularity_lift@{DEPTH}": metrics.popularity_lift(
            top_BK, heard_T, history.row, history.col
        ),
        f"diversity@{DEPTH}": metrics.intra_list_diversity(
            top_BK, bundle.scorers.inputs.content_TC
        ),
        f"artist_concentration@{DEPTH}": metrics.artist_concentration(
            top_BK, bundle.features.artist_T
        ),
    }


def user_ids(vocabulary: Vocabulary, listeners: Indices) -> npt.NDArray[np.str_]:
    """Return the user ids of listeners by index, as an array that needs no pickle."""
    return np.array(vocabulary.decode(listeners).to_list(), np.str_)


def ratios(board: Board, seed: int = 0) -> dict[str, Interval]:
    """Return the shipped model's ratio to each other model, paired by listener.

    Of NDCG@10 on ranking boards (above 1: better), of RMSE on the plays board (below 1: better).
    """
    metric = headline(board.name)
    ours = board.values[ENCORE][metric]
    found = {}
    for name, values in board.values.items():
        if name != ENCORE:
            ratio = metrics.ratio_interval(ours, values[metric], seed)
            # Both sides have the same rows, so the ratio of RMSE is the root of that of sums.
            root = metric == "squared_error"
            found[name] = Interval(*(value**0.5 for value in ratio)) if root else ratio
    return found


def averaged(name: str, boards: list[Board], seed: int = 0) -> Board:
    """Return one board of several that ask alike: of seeds, or of rungs.

    A listener's value is their mean over the boards in which they have one, and intervals are over
    listeners. Figures of pooled rows (R2, coverage) are the means of the boards' figures and of
    their ends. A model that a board lacks is left out.
    """
    scores: Scores = {}
    values: PerListener = {}
    every = np.unique(np.concatenate([board.listeners for board in boards]))
    for model in [m for m in boards[0].scores if all(m in board.scores for board in boards)]:
        scores[model], values[model] = {}, {}
        for metric in boards[0].values[model]:
            mean = over_seeds(Values(b.listeners, b.values[model][metric]) for b in boards)
            place = np.searchsorted(every, mean.listeners)
            values[model][metric] = _spread(mean.values_U, place, len(every))
        for metric in boards[0].scores[model]:
            if metric in values[model]:
                scores[model][metric] = metrics.mean_interval(values[model][metric], seed)
            else:
                figures = np.array([[*board.scores[model][metric]] for board in boards])
                scores[model][metric] = Interval(*figures.mean(0).tolist())
    return Board(name, scores, values, every)


def sample(listeners: int, size: int, seed: int) -> Integers:
    """Return the places of `size` listeners, drawn by `seed`; of all where they are no more."""
    if listeners <= max(size, 1):
        return np.arange(listeners)
    drawn = np.random.default_rng(seed).choice(listeners, max(size, 1), replace=False)
    return np.sort(drawn)


def _spread(
    values: npt.NDArray[np.float64], place: npt.NDArray[np.integer], size: int
) -> npt.NDArray[np.float64]:
    wide = np.full(size, np.nan)
    wide[place] = values
    return wide
