"""Every channel held to the laws of `encore.testing`, and to answers known by construction."""

import dataclasses
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp

from encore import TrainConfig
from encore.data.strength import STRENGTHS
from encore.errors import InputError
from encore.models.channels import (
    CHANNELS,
    Als,
    Bpr,
    Channel,
    Content,
    Ease,
    Friends,
    Hybrid,
    ItemKnn,
    PersonalPopularity,
    Popularity,
    TagPopularity,
    UserKnn,
    ease,
    fit_channels,
    hybrid,
)
from encore.models.inputs import Audience, Inputs, unit_rows
from encore.models.ranking import history_matrix
from encore.testing import check_channel

LISTENERS, TRACKS, KINDS = 40, 25, 4
EVERY_TRACK = np.arange(TRACKS)

# What a channel learns does not depend on who is who; but factors begin from draws by row, and
# friends are named by row.
BY_COUNTING = [
    name for name in CHANNELS if name not in (Als.name, Bpr.name, Hybrid.name, Friends.name)
]
SILENT = [
    Popularity.name,
    TagPopularity.name,
    Friends.name,
]  # their scores do not come from the history
WITH_ATTRIBUTION = [name for name in CHANNELS if name not in SILENT]
OF_THE_HISTORY = [name for name in WITH_ATTRIBUTION if name != Content.name]

every_channel = pytest.mark.parametrize("name", list(CHANNELS))


def make(name: str) -> Channel:
    return CHANNELS[name].of(
        TrainConfig(
            als_factors=8,
            als_regularization=1.0,
            als_alpha=4.0,
            bpr_factors=8,
            bpr_iterations=30,
            ease_l2=5.0,
            seed=3,
        )
    )


def inputs(plays_UT: sp.csr_array) -> Inputs:
    """Plays, with content that tells the two halves of the tracks apart, and a ring of friends.

    Content and friends do not depend on the plays; those beyond the first LISTENERS have none.
    """
    tracks, users = np.arange(TRACKS), np.arange(plays_UT.shape[0])
    content = np.zeros((TRACKS, KINDS))
    content[tracks, (tracks >= TRACKS // 2) * 2 + tracks % 2] = 1
    content[[0, -1]] = 0
    friends = np.zeros((len(users), len(users)))
    ring = users[:LISTENERS]
    friends[ring, (ring + 1) % LISTENERS] = 1
    tags = (content.sum(1) * tracks).astype(np.float32)
    like, ring_UU = unit_rows(sp.csr_array(content)), sp.csr_array(friends, dtype="f4")
    return Inputs(plays_UT, like, ring_UU, tags_T=tags)


def fitted(name: str, plays_UT: sp.csr_array) -> Channel:
    return make(name).fit(inputs(plays_UT))


def audience(history_BT: sp.csr_array) -> Audience:
    """Those of the history, each with the same two friends."""
    users = history_BT.shape[0]
    named = np.zeros((users, LISTENERS), np.float32)
    named[:, [3, 30]] = 1
    return Audience(history_BT, np.zeros(users, np.int32), sp.csr_array(named))


def scores(channel: Channel, history_BT: sp.csr_array) -> npt.NDArray[np.float32]:
    return channel.score(channel.fold_in(audience(history_BT)))


def with_rows(matrix: sp.csr_array, more: list[dict[int, float]]) -> sp.csr_array:
    """The matrix and, below it, a row for each {track: plays}."""
    row = [place for place, plays in enumerate(more) for _ in plays]
    column = [track for plays in more for track in plays]
    values = np.array([value for plays in more for value in plays.values()], np.float64)
    shape = (len(more), matrix.shape[1])
    below = history_matrix(np.array(row, int), np.array(column, int), values, shape)
    return sp.csr_array(sp.vstack([matrix, below]))


def stored(matrix: sp.csr_array) -> int:
    """Entries, the explicit zeros of skipped pairs included."""
    return len(matrix.data)


@pytest.fixture(scope="module", name="plays_UT")
def _plays() -> sp.csr_array:
    """Listeners of two camps, each with plays mostly in its half; some pairs were only skipped.

    Column 0 is the unknown track; the last listener has no history, the last track no listener.
    """
    rng = np.random.default_rng(0)
    user, track = np.divmod(np.arange(LISTENERS * TRACKS), TRACKS)
    same_camp = (user < LISTENERS // 2) == (track < TRACKS // 2)
    heard = rng.random(len(user)) < np.where(same_camp, 0.5, 0.1)
    heard &= (user < LISTENERS - 1) & (track > 0) & (track < TRACKS - 1)
    plays = rng.integers(0, 6, len(user)).astype(np.float64)
    assert np.count_nonzero(plays[heard] == 0) > 20
    return history_matrix(user[heard], track[heard], plays[heard], (LISTENERS, TRACKS))


@every_channel
def test_it_keeps_the_laws_of_a_channel(name: str) -> None:
    check_channel(partial(make, name))


@every_channel
def test_it_tells_tracks_apart(name: str, plays_UT: sp.csr_array) -> None:
    assert scores(fitted(name, plays_UT), plays_UT).std() > 0


@every_channel
def test_a_new_listener_scores_as_a_known_one_of_the_same_history(
    name: str, plays_UT: sp.csr_array
) -> None:
    channel = fitted(name, plays_UT)
    known = plays_UT[[3]]
    brought = with_rows(plays_UT[:0], [dict(zip(known.indices, known.data, strict=True))])
    assert np.array_equal(scores(channel, brought), scores(channel, known))


@pytest.mark.parametrize("name", BY_COUNTING)
def test_who_is_who_in_training_changes_nothing(name: str, plays_UT: sp.csr_array) -> None:
    order = np.random.default_rng(1).permutation(LISTENERS)
    found = scores(fitted(name, plays_UT[order]), plays_UT)
    assert found == pytest.approx(scores(fitted(name, plays_UT), plays_UT), abs=1e-6)


def test_als_converges_to_one_answer_whoever_is_who_in_training(plays_UT: sp.csr_array) -> None:
    order = np.random.default_rng(1).permutation(LISTENERS)

    def converged(plays: sp.csr_array) -> Als:
        return Als(factors=8, regularization=1.0, iterations=200, seed=3).fit(Inputs.of(plays))

    found = scores(converged(plays_UT[order]), plays_UT)
    assert found == pytest.approx(scores(converged(plays_UT), plays_UT), abs=0.02)


@every_channel
def test_a_skipped_pair_does_not_count_as_liked(name: str, plays_UT: sp.csr_array) -> None:
    liked = plays_UT.copy()
    liked.eliminate_zeros()
    assert stored(liked) < stored(plays_UT)
    with_skips, without = fitted(name, plays_UT), fitted(name, liked)
    assert np.array_equal(scores(with_skips, plays_UT), scores(without, liked))
    for row in range(LISTENERS):
        parts_NH = with_skips.attribute(plays_UT[[row]], EVERY_TRACK)
        there_H = plays_UT[[row]].data > 0
        assert not parts_NH[:, ~there_H].any()
        without_NH = without.attribute(liked[[row]], EVERY_TRACK)
        assert parts_NH[:, there_H] == pytest.approx(without_NH, abs=1e-7)


@every_channel
def test_more_who_only_skip_a_track_change_nothing(name: str, plays_UT: sp.csr_array) -> None:
    skipping = with_rows(plays_UT, [{5: 0.0, 7: 0.0}])
    idle = with_rows(plays_UT, [{}])
    found = scores(fitted(name, skipping), plays_UT)
    assert np.array_equal(found, scores(fitted(name, idle), plays_UT))


@every_channel
def test_a_track_without_listeners_scores_below_the_liked_ones(
    name: str, plays_UT: sp.csr_array
) -> None:
    found = scores(fitted(name, plays_UT), plays_UT[:5])
    assert (found[:, TRACKS - 1] < found[:, 1:].max(1)).all()
    assert (np.abs(found[:, TRACKS - 1]) < 1e-3).all()


@pytest.mark.parametrize("name", WITH_ATTRIBUTION)
def test_attributions_sum_to_the_score(name: str, plays_UT: sp.csr_array) -> None:
    channel = fitted(name, plays_UT)
    for row in range(5):
        whole_N = scores(channel, plays_UT[[row]])[0]
        parts_NH = channel.attribute(plays_UT[[row]], EVERY_TRACK)
        assert parts_NH.any() == whole_N.any()
        assert parts_NH[1:].sum(1) == pytest.approx(whole_N[1:], abs=1e-4)


@pytest.mark.parametrize("length", [3, 8, 20], ids=["short", "of the factors' number", "long"])
def test_als_attributes_a_history_of_any_length(plays_UT: sp.csr_array, length: int) -> None:
    channel = fitted(Als.name, plays_UT)  # of 8 factors
    history = with_rows(plays_UT[:0], [dict.fromkeys(range(1, 1 + length), 2.0)])
    parts_NH = channel.attribute(history, EVERY_TRACK)
    assert parts_NH.sum(1) == pytest.approx(scores(channel, history)[0], abs=1e-5)
    assert np.abs(parts_NH).max() > 0.01


def test_popularity_counts_listeners_and_not_plays() -> None:
    channel = Popularity().fit(Inputs.of(sp.csr_array(np.array([[0, 9.0, 1], [0, 0, 1]]))))
    assert scores(channel, sp.csr_array((2, 3))).tolist() == [[0, 1, 2], [0, 1, 2]]


def test_popularity_forgets_by_half_lives() -> None:
    plays = sp.csr_array(np.array([[0, 9.0, 1], [0, 0, 1]]))
    aged = dataclasses.replace(Inputs.of(plays), age_days=np.array([60.0, 0, 30], np.float32))
    channel = Popularity(half_life_days=30).fit(aged)
    assert scores(channel, sp.csr_array((1, 3))).tolist() == [[0, 0.25, 1.5]]
    timeless = Popularity(half_life_days=30).fit(Inputs.of(plays))
    assert scores(timeless, sp.csr_array((1, 3))).tolist() == [[0, 1, 2]]


def test_personal_popularity_is_the_listeners_own_plays(plays_UT: sp.csr_array) -> None:
    found = scores(PersonalPopularity(), plays_UT)
    assert found == pytest.approx(np.log1p(plays_UT.toarray()))


def test_user_knn_is_a_vote_of_the_nearest() -> None:
    plays = np.array([[0, 1.0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 1]])
    asked = np.array([[0, 1.0, 1, 0, 0]])
    unit = plays / np.linalg.norm(plays, axis=1, keepdims=True)
    similarity = (asked / np.linalg.norm(asked)) @ unit.T
    channel = UserKnn(neighbours=3).fit(Inputs.of(sp.csr_array(plays)))
    assert scores(channel, sp.csr_array(asked)) == pytest.approx(similarity @ plays, abs=1e-6)
    nearest = UserKnn(neighbours=1).fit(Inputs.of(sp.csr_array(plays)))
    assert scores(nearest, sp.csr_array(asked)) == pytest.approx(plays[[0]], abs=1e-6)


@pytest.mark.parametrize("listeners", [12, 60], ids=["fewer listeners", "fewer tracks"])
def test_ease_is_the_closed_form(listeners: int) -> None:
    rng = np.random.default_rng(5)
    X = (rng.random((listeners, 20)) < 0.3).astype(np.float64) * rng.integers(1, 9, (listeners, 20))
    X[:, [0, 7]] = 0  # the unknown, and a track that nobody played
    C = (rng.random((20, 4)) < 0.4).astype(np.float64)
    heard = np.flatnonzero(X.any(0))
    seen = dataclasses.replace(Inputs.of(sp.csr_array(X)), content_TC=sp.csr_array(C, dtype="f4"))
    X_M, C_M, n_M = (X[:, heard] > 0).astype(float), C[heard], (X[:, heard] > 0).sum(0)
    P = np.linalg.inv(X_M.T @ X_M + 4 * C_M @ C_M.T + np.diag(3 + 2 * np.sqrt(n_M)))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    expected = np.zeros(X.shape)
    expected[:, heard] = np.log1p(X[:, heard]) @ B / n_M**0.25
    channel = Ease(l2=3, l2_popular=2, content=2, discount=0.25, weights="log1p").fit(seen)
    assert scores(channel, sp.csr_array(X)) == pytest.approx(expected, abs=1e-4)


def test_ease_keeps_the_largest_weights_of_each_track(plays_UT: sp.csr_array) -> None:
    whole, few = (Ease(l2=3, kept=k).fit(Inputs.of(plays_UT)) for k in (TRACKS, 3))
    every, kept = (c._weights_TT.toarray() for c in (whole, few))
    assert (np.count_nonzero(kept, axis=0) <= 3).all()
    for track in range(1, TRACKS - 1):
        largest = np.sort(np.abs(every[:, track]))[-3:]
        assert np.sort(np.abs(kept[:, track]))[-3:] == pytest.approx(largest)


def test_ease_solves_for_the_most_played_tracks_where_there_are_too_many(
    plays_UT: sp.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "MAX_EXACT", 10)
    found = Ease().fit(Inputs.of(plays_UT))._weights_TT
    listeners_T = (plays_UT.toarray() > 0).sum(0)
    solved = np.unique(found.indices)
    assert len(solved) == 10
    assert listeners_T[solved].min() >= np.delete(listeners_T, solved).max()


def test_content_is_the_mean_cosine_with_the_history() -> None:
    content = unit_rows(sp.csr_array(np.array([[0, 0], [1.0, 0], [0, 1], [1, 1]])))
    plays = np.array([[0, 3.0, 1, 0]])
    seen = dataclasses.replace(Inputs.of(sp.csr_array(plays)), content_TC=content)
    w = np.log1p(plays[0])
    cosines = content.toarray() @ content.toarray().T
    assert scores(Content().fit(seen), sp.csr_array(plays))[0] == pytest.approx(
        w @ cosines / w.sum()
    )


def test_the_hybrid_places_a_track_that_nobody_played_by_what_it_is(plays_UT: sp.csr_array) -> None:
    seen = inputs(plays_UT)
    content = seen.content_TC.tolil()
    new = TRACKS - 1  # nobody has played it; it is like the odd tracks of the second half
    content[new] = content[TRACKS - 2]
    channel = Hybrid(dimension=16, epochs=40, learning_rate=0.02).fit(
        dataclasses.replace(seen, content_TC=sp.csr_array(content))
    )
    found = scores(channel, plays_UT[: LISTENERS - 1])[:, new]
    camp = np.arange(LISTENERS - 1) >= LISTENERS // 2
    assert found[camp].mean() > found[~camp].mean() + 0.1
    parts_NH = channel.attribute(plays_UT[[LISTENERS - 2]], np.array([new]))
    assert parts_NH.sum() == pytest.approx(found[-1], abs=1e-5)


def test_the_hybrid_gives_ids_to_the_most_played_tracks_only(
    plays_UT: sp.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hybrid, "MAX_TRACKS", 10)
    found = Hybrid(dimension=8, epochs=3).fit(Inputs.of(plays_UT))._vectors_TD
    placed = np.flatnonzero(np.abs(found).sum(1))
    listeners_T = (plays_UT.toarray() > 0).sum(0)
    assert len(placed) == 10
    assert listeners_T[placed].min() >= np.delete(listeners_T, placed).max()


def test_friends_count_alike_however_much_they_play() -> None:
    plays = np.array([[0, 0, 0, 0], [0, 9.0, 0, 0], [0, 0, 4, 4], [0, 0, 0, 0]])
    channel = Friends().fit(Inputs.of(sp.csr_array(plays)))
    named = sp.csr_array(np.array([[0, 1.0, 1, 0], [0, 0, 0, 1]]))
    asking = Audience(sp.csr_array((2, 4)), np.zeros(2, np.int32), named)
    half = 2**-0.5
    found = channel.score(channel.fold_in(asking))
    assert found == pytest.approx(np.array([[0, 1, half, half], [0, 0, 0, 0]]))


def test_channels_that_the_data_does_not_feed_rest(plays_UT: sp.csr_array) -> None:
    config = TrainConfig(channels=("item-knn", "content", "friends"), neighbours=5)
    assert [*fit_channels(config, Inputs.of(plays_UT))] == ["popularity", "item-knn"]
    assert [*fit_channels(config, inputs(plays_UT))] == ["popularity", *config.channels]


def test_a_channel_that_does_not_exist_is_named(plays_UT: sp.csr_array) -> None:
    with pytest.raises(InputError, match="'itemknn' is none of popularity, "):
        fit_channels(TrainConfig(channels=("itemknn",)), Inputs.of(plays_UT))


@pytest.mark.parametrize("weights", list(STRENGTHS))
@pytest.mark.parametrize("kind", [ItemKnn, UserKnn, Ease])
def test_whatever_a_play_weighs_the_laws_are_kept(
    kind: type[ItemKnn] | type[UserKnn] | type[Ease], weights: str
) -> None:
    check_channel(lambda: kind(weights=weights))


@pytest.mark.parametrize("weights", ["played", "log1p"])
def test_item_knn_is_the_cosine_of_weighted_plays(weights: str) -> None:
    plays = np.array([[0, 3.0, 1, 0], [0, 2.0, 0, 5], [0, 1.0, 4, 0]])
    w = np.log1p(plays) if weights == "log1p" else (plays > 0).astype(float)
    cosine = (w.T @ w) / np.maximum(np.outer(*[np.linalg.norm(w, axis=0)] * 2), 1e-12)
    np.fill_diagonal(cosine, 0)
    channel = ItemKnn(weights=weights).fit(Inputs.of(sp.csr_array(plays)))
    assert scores(channel, sp.csr_array(plays)) == pytest.approx(w @ cosine, abs=1e-5)


def test_item_knn_keeps_as_many_neighbours_as_it_is_told(plays_UT: sp.csr_array) -> None:
    everyone, few = (ItemKnn(kept).fit(Inputs.of(plays_UT)) for kept in (TRACKS, 3))
    whole = sp.csr_array(tuple(everyone.arrays()[k] for k in ("data", "indices", "indptr")))
    kept = sp.csr_array(tuple(few.arrays()[k] for k in ("data", "indices", "indptr")))
    assert np.diff(kept.indptr).max() == 3
    for track in range(1, TRACKS - 1):
        best = np.sort(whole[[track]].data)[::-1][:3]
        assert np.sort(kept[[track]].data)[::-1] == pytest.approx(best, abs=1e-6)


def test_item_knn_forgets_itself_also_among_many_tracks_with_the_same_listeners() -> None:
    same = np.ones((4, 12))
    same[:, 0] = 0
    channel = ItemKnn(neighbours=3).fit(Inputs.of(sp.csr_array(same)))
    kept = sp.csr_array(tuple(channel.arrays()[k] for k in ("data", "indices", "indptr")))
    assert (kept.diagonal() == 0).all()
    assert np.diff(kept.indptr).max() <= 3


@pytest.fixture(scope="module")
def checkerboard() -> npt.NDArray[np.float64]:
    """Even listeners like even tracks, odd ones odd ones; track 0, the unknown, is nobody's."""
    size = 20
    user, track = np.indices((size, size + 1))
    board = ((user + track) % 2 == 1).astype(np.float64)
    board[:, 0] = 0
    return board


@pytest.mark.parametrize(
    "channel",
    [ItemKnn(), UserKnn(), Als(), Als(factors=2, regularization=0.1, seed=1), Bpr(8), Ease()],
    ids=["item-knn", "user-knn", "als as it comes", "als small", "bpr", "ease"],
)
def test_a_checkerboard_with_its_diagonal_withheld_is_completed(
    channel: Channel, checkerboard: npt.NDArray[np.float64]
) -> None:
    shown = checkerboard.copy()
    listeners = np.arange(len(shown))
    withheld = listeners + 1
    assert (shown[listeners, withheld] == 1).all()
    shown[listeners, withheld] = 0
    found = scores(channel.fit(Inputs.of(sp.csr_array(shown))), sp.csr_array(shown))
    open_ones = np.where(shown > 0, -np.inf, found)[:, 1:]
    assert (open_ones.argmax(1) + 1 == withheld).all()
