"""The laws that every channel is held to, a channel of your own too: `check_channel(MyChannel)`.

A law is a function that asks a channel, on a small world made for it, and raises `AssertionError`
saying which law broke, what was found and what was expected. No test runner is needed.

Legend: B listeners who ask, U listeners + 1, T tracks + 1 (row and column 0 are the unknown).
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any, Final, cast, get_args

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.config import TrainConfig
from encore.models.channels.contract import PARTS, Arrays, Channel, Need
from encore.models.index import Open
from encore.models.inputs import Audience, Inputs, unit_rows
from encore.models.ranking import Floats, TieOrder, deviations, history_matrix

__all__ = ["LAWS", "check_channel", "example_inputs"]

Make = Callable[[], Channel]

TRACKS: Final = 25
LISTENERS: Final = 43
MORE: Final = 4  # listeners by whom the world grows, to see which arrays grow with it
TOLERANCE: Final = 1e-5  # float32 sums in another order differ by less
ROWS_ATTRIBUTED: Final = 5


def check_channel(make: Make | type[Channel], laws: Iterable[str] | None = None) -> None:
    """Hold a channel to the laws, all of `LAWS` or those named.

    `make` returns an unfitted channel each time it is called; a class is made by `of`, with the
    default settings. Raises `AssertionError` at the first law that the channel breaks.

    >>> from encore.models.channels import ItemKnn
    >>> check_channel(ItemKnn)
    """
    made = partial(cast(type[Channel], make).of, TrainConfig()) if isinstance(make, type) else make
    for law in LAWS if laws is None else laws:
        try:
            LAWS[law](made)
        except Exception as error:
            told = (
                str(error) if isinstance(error, _BrokenError) else f"found {error!r}; expected none"
            )
            name = getattr(make, "__name__", "the channel")
            raise AssertionError(f"{name} breaks the law {law!r}: {told}") from error


def example_inputs(listeners: int = LISTENERS, seed: int = 0) -> Inputs:
    """Return a small world with everything that a channel may learn from.

    Two camps of listeners, each with plays mostly in its half of the tracks; some pairs were only
    skipped. The last listener has no history, the last track no listener, track 1 no content. Each
    listener names the next one as a friend.
    """
    rng = np.random.default_rng(seed)
    user, track = np.divmod(np.arange(listeners * TRACKS), TRACKS)
    same_camp = (user < listeners // 2) == (track < TRACKS // 2)
    heard = rng.random(len(user)) < np.where(same_camp, 0.5, 0.1)
    heard &= (user > 0) & (user < listeners - 1) & (track > 0) & (track < TRACKS - 1)
    user, track = user[heard], track[heard]
    plays = rng.integers(0, 6, len(user)).astype(np.float64)
    every = np.arange(TRACKS)
    content = np.zeros((TRACKS, 4))
    content[every, (every >= TRACKS // 2) * 2 + every % 2] = 1
    content[:2] = 0
    names = np.arange(1, listeners)
    friends = np.zeros((listeners, listeners), np.float32)
    friends[names, np.roll(names, -1)] = 1
    last, before = rng.integers(0, 400, (2, len(user))).astype(np.float32)  # days
    return Inputs(
        history_matrix(user, track, plays, (listeners, TRACKS)),
        unit_rows(sp.csr_array(content)),
        sp.csr_array(friends),
        last,
        last + before,
        content.sum(1).astype(np.float32) * np.arange(TRACKS, dtype=np.float32),
    )


class _BrokenError(AssertionError):
    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"found {found}; expected {expected}")


def _contract(make: Make) -> None:
    channel = make()
    missing = [part for part in PARTS if not hasattr(channel, part)]
    if missing:
        raise _BrokenError(f"no {missing[0]}", f"all of {', '.join(PARTS)}")
    if not isinstance(channel.name, str) or not channel.name:
        raise _BrokenError(f"name = {channel.name!r}", "a word")
    if channel.needs not in get_args(Need):
        raise _BrokenError(f"needs = {channel.needs!r}", f"one of {', '.join(get_args(Need))}")
    if not isinstance(channel.asks_others, bool):
        raise _BrokenError(f"asks_others = {channel.asks_others!r}", "True or False")


def _fit_returns(make: Make) -> None:
    channel = make()
    found = channel.fit(example_inputs())
    if found is not channel:
        raise _BrokenError(f"{found!r} returned by fit", "the channel itself: `return self`")


def _finite(make: Make) -> None:
    inputs = example_inputs()
    channel = make().fit(inputs)
    for audience in _audiences(inputs):
        _well_formed(_scores(channel, audience), audience)


def _empty_history(make: Make) -> None:
    inputs = example_inputs()
    channel = make().fit(inputs)
    nothing = sp.csr_array((2, TRACKS), dtype=np.float32)
    for friends_BU in (inputs.friends_UU[:2] * 0, inputs.friends_UU[3:5]):
        audience = Audience(nothing, np.zeros(2, np.int32), friends_BU)
        _well_formed(_scores(channel, audience), audience)
    _attributed(channel, nothing[[0]])


def _new_listener(make: Make) -> None:
    channel = make().fit(example_inputs())
    brought = np.zeros((3, TRACKS), np.float32)
    brought[0, 4] = 0.5  # the mean history of friends has such plays
    brought[1, [2, TRACKS - 1]] = 1e6  # also of a track that nobody else has played
    brought[2, 1:] = 3
    audience = Audience.of(sp.csr_array(brought))
    _well_formed(_scores(channel, audience), audience)


def _batch(make: Make) -> None:
    inputs = example_inputs()
    channel = make().fit(inputs)
    for audience in _audiences(inputs):
        rows = range(len(audience))
        alone = [_scores(channel, audience.at(slice(row, row + 1))) for row in rows]
        _same(np.concatenate(alone), _scores(channel, audience), "alone", "in the batch")


def _rows(make: Make) -> None:
    channel = make()
    for seed in (0, 1):  # fitted again, nothing of the first time is left
        inputs = example_inputs(seed=seed)
        channel.fit(inputs)
        _rows_of(channel, inputs)


def _rows_of(channel: Channel, inputs: Inputs) -> None:
    there = Open(np.arange(TRACKS) % 3 > 0)
    for audience in _audiences(inputs):
        scores_BT = _scores(channel, audience)
        apart_B = deviations(scores_BT)
        for b, scores_T in enumerate(scores_BT):
            row = channel.row(channel.fold_in(audience.at(slice(b, b + 1))))
            _same(row.whole_T[None], scores_T[None], "in a row", "in the batch")
            told = np.array([[row.mean, row.deviation]])
            known = np.array([[scores_T[1:].mean(), apart_B[b]]])
            _same(told, known, "as a row's mean and deviation", "of its scores")
            for k in (3, TRACKS):
                best_K = row.best(there, k, TieOrder.of(np.arange(TRACKS)))
                wanted_K = -np.sort(-scores_T[there.mask_T])[:k]
                if len(best_K) != len(wanted_K) or not there.mask_T[best_K].all():
                    raise _BrokenError(f"{best_K} as a row's best {k}", "as many open tracks")
                _same(row.at(best_K)[None], wanted_K[None], "of a row's best", "of the best")
        if channel.same_for_all and len(scores_BT):
            _same(scores_BT, scores_BT[:1].repeat(len(scores_BT), 0), "each", "the same for all")


def _company(make: Make) -> None:
    inputs = example_inputs()
    channel = make().fit(inputs)
    mixed = np.random.default_rng(1).permutation(LISTENERS)
    for audience in _audiences(inputs):
        whole = _scores(channel, audience)
        for asking in (mixed, mixed[:7], np.repeat(mixed[:5], 2)):
            found = _scores(channel, audience.at(asking))
            _same(found, whole[asking], "in other company", "at first")


def _overwritten(make: Make) -> None:
    inputs = example_inputs()
    channel = make().fit(inputs)
    for audience in _audiences(inputs):
        first = _scores(channel, audience)
        kept = first.copy()
        first[:] = -np.inf  # as a list does with tracks that are heard
        _same(_scores(channel, audience), kept, "after the first answer was overwritten", "before")


def _unchanged(make: Make) -> None:
    inputs = example_inputs()
    before = _kept(inputs)
    channel = make().fit(inputs)
    audiences = _audiences(inputs)
    asked = [_kept(audience) for audience in audiences]
    for audience in audiences:
        _scores(channel, audience)
    history = inputs.plays_UT[[1]]
    one = _kept(history)
    _attributed(channel, history)
    pairs = [("the inputs", inputs, before), ("the history", history, one)]
    pairs += [("the audience", now, was) for now, was in zip(audiences, asked, strict=True)]
    for what, now, was in pairs:
        for (name, values), old in zip(_kept(now).items(), was.values(), strict=True):
            if not np.array_equal(values, old):
                raise _BrokenError(
                    f"{what} changed, in {name}", "all as it was; copy before writing"
                )


def _same_bits(make: Make) -> None:
    audience = _audiences(example_inputs())[0]
    one, again = (_scores(make().fit(example_inputs()), audience) for _ in range(2))
    _same(again, one, "when fitted again", "at first", tolerance=0)


def _plain(make: Make) -> None:
    for name, values in make().fit(example_inputs()).arrays().items():
        if not isinstance(values, np.ndarray) or values.dtype.hasobject:
            kind = getattr(values, "dtype", type(values).__name__)
            raise _BrokenError(f"arrays()[{name!r}] of {kind}", "a numpy array of numbers or text")


def _round_trip(make: Make) -> None:
    channel = make().fit(example_inputs())
    again = type(channel).from_arrays(_written(channel), example_inputs())
    audiences = _audiences(example_inputs())
    for audience in audiences:
        was, now = _scores(channel, audience), _scores(again, audience)
        _same(now, was, "after loading", "before saving", tolerance=0)
    history = audiences[0].history_BT[[1]]
    if not np.array_equal(_attributed(again, history), _attributed(channel, history)):
        raise _BrokenError("other attributions after loading", "those from before saving")


def _forgets(make: Make) -> None:
    few, many = (make().fit(example_inputs(U)).arrays() for U in (LISTENERS, LISTENERS + MORE))
    for name, values in few.items():
        for here, there in zip(np.shape(values), np.shape(many[name]), strict=True):
            # The unknown and the listener without plays may have no row.
            if LISTENERS - 2 <= here <= LISTENERS and there - here == MORE:
                raise _BrokenError(
                    f"arrays()[{name!r}] of shape {np.shape(values)}, a row for each listener",
                    "nothing that belongs to listeners; take it from `inputs` in from_arrays",
                )


def _without_listeners(make: Make) -> None:
    inputs = example_inputs()
    channel = make().fit(inputs)
    if channel.asks_others:
        return
    nobody = replace(
        inputs,
        plays_UT=inputs.plays_UT[:1],
        friends_UU=inputs.friends_UU[:1, :1],
        age_days=None,
        first_age_days=None,
    )
    again = type(channel).from_arrays(_written(channel), nobody)
    audience = Audience.of(inputs.plays_UT)
    was, now = _scores(channel, audience), _scores(again, audience)
    _same(now, was, "loaded without listeners", "with them (or asks_others = True)", tolerance=0)


def _needs(make: Make) -> None:
    whole = example_inputs()
    need = make().needs
    little = history_matrix(np.array([1, 2]), np.array([1, 1]), np.ones(2), (3, TRACKS))
    for plays_UT in (whole.plays_UT, little):
        inputs = Inputs.of(plays_UT)
        if need == "content":
            inputs = replace(inputs, content_TC=whole.content_TC)
        if need == "friends":
            users = plays_UT.shape[0]
            inputs = replace(inputs, friends_UU=whole.friends_UU[:users, :users])
        channel = make().fit(inputs)
        known = np.arange(plays_UT.shape[0], dtype=np.int32)
        for audience in (Audience.known(inputs, known), Audience.of(plays_UT)):
            _well_formed(_scores(channel, audience), audience)


def _attributions(make: Make) -> None:
    inputs = example_inputs()
    channel = make().fit(inputs)
    history_BT = inputs.plays_UT[1 : 1 + ROWS_ATTRIBUTED]
    whole = _scores(channel, Audience.of(history_BT))
    linear = _is_linear(channel, history_BT)
    for row in range(ROWS_ATTRIBUTED):
        history = history_BT[[row]]
        parts_NH = _attributed(channel, history)
        if parts_NH[:, history.data == 0].any():
            raise _BrokenError("parts of a track that was only skipped", "0: it adds nothing")
        some = np.arange(3, 9)
        _same(channel.attribute(history, some), parts_NH[some], "for a few tracks", "for all")
        total_N = parts_NH.sum(1)
        near_N = np.isclose(total_N, whole[row], atol=1e-4 * np.abs(whole).max())
        near_N[0] = True  # the unknown
        if linear and parts_NH.any() and not near_N.all():
            track = np.argmin(near_N)
            raise _BrokenError(
                f"parts of track {track} that sum to {total_N[track]:.6g} in a linear channel",
                f"its score, {whole[row, track]:.6g}, or 0 for every track",
            )


LAWS: Final[dict[str, Callable[[Make], None]]] = {
    "it has what the contract names": _contract,
    "fit returns the channel": _fit_returns,
    "scores are one finite row for each listener": _finite,
    "an empty history is answered": _empty_history,
    "a new listener is served": _new_listener,
    "a batch scores as each listener alone": _batch,
    "a row tells what its scores are": _rows,
    "who else asks changes nothing": _company,
    "scores may be overwritten": _overwritten,
    "what is handed in stays as it was": _unchanged,
    "the same data and seed give the same bits": _same_bits,
    "what is saved is plain arrays": _plain,
    "saved and loaded it scores the same": _round_trip,
    "what is saved holds no listener": _forgets,
    "without listeners it answers histories the same": _without_listeners,
    "what it says it needs is enough": _needs,
    "attributions are parts of the history": _attributions,
}


def _audiences(inputs: Inputs) -> list[Audience]:
    """Return everybody, as the known listeners they are and as new ones of the same histories."""
    everybody = np.arange(inputs.plays_UT.shape[0], dtype=np.int32)
    known = Audience.known(inputs, everybody)
    return [known, replace(known, user_B=np.zeros_like(everybody))]


def _scores(channel: Channel, audience: Audience) -> Floats:
    return channel.score(channel.fold_in(audience))


def _attributed(channel: Channel, history_1T: sp.csr_array) -> Floats:
    """Return what the tracks of the history add to each track's score."""
    shape = (TRACKS, len(history_1T.indices))
    parts_NH = channel.attribute(history_1T, np.arange(TRACKS))
    if not isinstance(parts_NH, np.ndarray) or parts_NH.shape != shape:
        found = getattr(parts_NH, "shape", type(parts_NH).__name__)
        expected = f"an array of shape {shape}: tracks asked about, tracks of the history"
        raise _BrokenError(f"parts of shape {found}", expected)
    if not np.isfinite(parts_NH).all():
        raise _BrokenError("parts that are not finite", "finite numbers")
    return parts_NH


def _well_formed(scores_BT: Any, audience: Audience) -> None:
    shape = audience.history_BT.shape
    if not isinstance(scores_BT, np.ndarray) or scores_BT.shape != shape:
        found = getattr(scores_BT, "shape", type(scores_BT).__name__)
        raise _BrokenError(f"scores of shape {found}", f"an array of shape {shape}")
    if scores_BT.dtype != np.float32:
        raise _BrokenError(f"scores of {scores_BT.dtype}", "float32: `.astype(np.float32)`")
    wrong = np.argwhere(~np.isfinite(scores_BT))
    if len(wrong):
        row, track = wrong[0]
        found = f"{scores_BT[row, track]} for track {track}, {audience.history_BT[[row]].nnz} heard"
        raise _BrokenError(found, "finite numbers")


def _same(
    found: Floats, expected: Floats, now: str, then: str, tolerance: float = TOLERANCE
) -> None:
    if np.shape(found) != np.shape(expected):
        raise _BrokenError(f"shape {np.shape(found)} {now}", f"{np.shape(expected)}, as {then}")
    unlike = np.argwhere(~np.isclose(found, expected, rtol=tolerance, atol=tolerance))
    if len(unlike):
        row, track = unlike[0]
        raise _BrokenError(
            f"{found[row, track]:.8g} for listener {row}, track {track} {now}",
            f"{expected[row, track]:.8g}, as {then}",
        )


def _is_linear(channel: Channel, history_BT: sp.csr_array) -> bool:
    """Return whether two halves of a history score what the whole one does, and not nothing."""
    odd = sp.diags_array((np.arange(TRACKS) % 2).astype(np.float32))
    odd_BT = sp.csr_array(history_BT @ odd)
    whole, one, other = (
        _scores(channel, Audience.of(part))
        for part in (history_BT, odd_BT, sp.csr_array(history_BT - odd_BT))
    )
    return bool(np.any(whole)) and np.allclose(one + other, whole, TOLERANCE, TOLERANCE)


def _kept(record: Any, name: str = "") -> dict[str, npt.NDArray[Any]]:
    """Return copies of all arrays in a record, those of its matrices too."""
    if is_dataclass(record):
        found: dict[str, npt.NDArray[Any]] = {}
        for field in fields(record):
            found |= _kept(getattr(record, field.name), field.name)
        return found
    if sp.issparse(record):
        return {f"{name}.{k}": getattr(record, k).copy() for k in ("data", "indices", "indptr")}
    return {} if record is None else {name: np.array(record)}


def _written(channel: Channel) -> Arrays:
    """Return the channel's arrays as a bundle's file gives them back."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **channel.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as read:
        return {name: read[name] for name in read.files}
