"""One contract for every channel, and two of them held to answers known by construction."""

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp

from encore.models.channels import CHANNELS, Als, Channel, ItemKnn
from encore.models.ranking import history_matrix

LISTENERS, TRACKS = 40, 25

# What a channel learns does not depend on who is who, but ALS begins from draws by row.
BY_COUNTING = [name for name in CHANNELS if name != Als.name]
WITH_ATTRIBUTION = [ItemKnn.name, Als.name]

every_channel = pytest.mark.parametrize("name", list(CHANNELS))


def make(name: str) -> Channel:
    return (
        Als(factors=8, regularization=1.0, alpha=4.0, seed=3)
        if name == Als.name
        else CHANNELS[name]()
    )


def scores(channel: Channel, history_BT: sp.csr_array) -> npt.NDArray[np.float32]:
    return channel.score(channel.fold_in(history_BT))


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
def test_scores_are_one_finite_row_for_each_listener(name: str, plays_UT: sp.csr_array) -> None:
    found = scores(make(name).fit(plays_UT), plays_UT)
    assert found.shape == (LISTENERS, TRACKS)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.std() > 0


@every_channel
def test_a_batch_scores_as_each_listener_alone(name: str, plays_UT: sp.csr_array) -> None:
    channel = make(name).fit(plays_UT)
    alone = [scores(channel, plays_UT[[row]]) for row in range(LISTENERS)]
    assert np.concatenate(alone) == pytest.approx(scores(channel, plays_UT), abs=1e-6)


@every_channel
def test_saved_and_loaded_it_scores_the_same(name: str, plays_UT: sp.csr_array) -> None:
    channel = make(name).fit(plays_UT)
    kept = {key: np.array(values) for key, values in channel.arrays().items()}
    again = CHANNELS[name].from_arrays(kept)
    assert np.array_equal(scores(again, plays_UT), scores(channel, plays_UT))
    assert again.attribute(plays_UT[[0]], 5) == channel.attribute(plays_UT[[0]], 5)


@every_channel
def test_what_is_saved_holds_no_objects(name: str, plays_UT: sp.csr_array) -> None:
    kept = make(name).fit(plays_UT).arrays()
    assert kept
    assert not any(values.dtype.hasobject for values in kept.values())


@every_channel
def test_the_same_data_and_seed_give_the_same_scores(name: str, plays_UT: sp.csr_array) -> None:
    one, again = (scores(make(name).fit(plays_UT.copy()), plays_UT) for _ in range(2))
    assert np.array_equal(one, again)


@every_channel
def test_fitting_and_scoring_leave_the_plays_as_they_were(
    name: str, plays_UT: sp.csr_array
) -> None:
    before = plays_UT.copy()
    channel = make(name).fit(plays_UT)
    scores(channel, plays_UT)
    channel.attribute(plays_UT[[0]], 5)
    assert np.array_equal(plays_UT.data, before.data)
    assert np.array_equal(plays_UT.indices, before.indices)
    assert np.array_equal(plays_UT.indptr, before.indptr)


@every_channel
def test_a_listener_without_history_is_served(name: str, plays_UT: sp.csr_array) -> None:
    channel = make(name).fit(plays_UT)
    nobody = sp.csr_array((1, TRACKS), dtype=np.float32)
    found = scores(channel, nobody)
    assert found.shape == (1, TRACKS)
    assert np.isfinite(found).all()
    assert channel.attribute(nobody, 5) == {}


@every_channel
def test_a_new_listener_scores_as_a_known_one_of_the_same_history(
    name: str, plays_UT: sp.csr_array
) -> None:
    channel = make(name).fit(plays_UT)
    known = plays_UT[[3]]
    brought = with_rows(plays_UT[:0], [dict(zip(known.indices, known.data, strict=True))])
    assert np.array_equal(scores(channel, brought), scores(channel, known))


@every_channel
def test_the_order_of_a_batch_is_the_order_of_its_scores(name: str, plays_UT: sp.csr_array) -> None:
    channel = make(name).fit(plays_UT)
    order = np.random.default_rng(1).permutation(LISTENERS)
    whole = scores(channel, plays_UT)
    assert scores(channel, plays_UT[order]) == pytest.approx(whole[order], abs=1e-6)


@pytest.mark.parametrize("name", BY_COUNTING)
def test_who_is_who_in_training_changes_nothing(name: str, plays_UT: sp.csr_array) -> None:
    order = np.random.default_rng(1).permutation(LISTENERS)
    found = scores(make(name).fit(plays_UT[order]), plays_UT)
    assert found == pytest.approx(scores(make(name).fit(plays_UT), plays_UT), abs=1e-6)


def test_als_converges_to_one_answer_whoever_is_who_in_training(plays_UT: sp.csr_array) -> None:
    order = np.random.default_rng(1).permutation(LISTENERS)

    def fitted(plays: sp.csr_array) -> Als:
        return Als(factors=8, regularization=1.0, iterations=200, seed=3).fit(plays)

    found = scores(fitted(plays_UT[order]), plays_UT)
    assert found == pytest.approx(scores(fitted(plays_UT), plays_UT), abs=0.02)


@every_channel
def test_a_skipped_pair_does_not_count_as_liked(name: str, plays_UT: sp.csr_array) -> None:
    liked = plays_UT.copy()
    liked.eliminate_zeros()
    assert stored(liked) < stored(plays_UT)
    with_skips, without = make(name).fit(plays_UT), make(name).fit(liked)
    assert np.array_equal(scores(with_skips, plays_UT), scores(without, liked))
    assert with_skips.attribute(plays_UT[[0]], 5) == without.attribute(liked[[0]], 5)


@every_channel
def test_more_who_only_skip_a_track_change_nothing(name: str, plays_UT: sp.csr_array) -> None:
    skipping = with_rows(plays_UT, [{5: 0.0, 7: 0.0}])
    idle = with_rows(plays_UT, [{}])
    found = scores(make(name).fit(skipping), plays_UT)
    assert np.array_equal(found, scores(make(name).fit(idle), plays_UT))


@every_channel
def test_a_track_without_listeners_scores_below_the_liked_ones(
    name: str, plays_UT: sp.csr_array
) -> None:
    found = scores(make(name).fit(plays_UT), plays_UT[:5])
    assert (found[:, TRACKS - 1] < found[:, 1:].max(1)).all()
    assert (np.abs(found[:, TRACKS - 1]) < 1e-3).all()


@pytest.mark.parametrize("name", WITH_ATTRIBUTION)
def test_attributions_sum_to_the_score(name: str, plays_UT: sp.csr_array) -> None:
    channel = make(name).fit(plays_UT)
    for row in range(5):
        whole = scores(channel, plays_UT[[row]])[0]
        for track in range(1, TRACKS):
            parts = channel.attribute(plays_UT[[row]], track)
            assert sum(parts.values()) == pytest.approx(whole[track], abs=1e-4)
            liked = plays_UT[[row]].indices[plays_UT[[row]].data > 0]
            assert set(parts) <= set(liked.tolist())


def test_popularity_counts_listeners_and_not_plays() -> None:
    channel = make("popularity").fit(sp.csr_array(np.array([[0, 9.0, 1], [0, 0, 1]])))
    assert scores(channel, sp.csr_array((2, 3))).tolist() == [[0, 1, 2], [0, 1, 2]]


def test_item_knn_is_the_cosine_of_log_plays() -> None:
    plays = np.array([[0, 3.0, 1, 0], [0, 2.0, 0, 5], [0, 1.0, 4, 0]])
    w = np.log1p(plays)
    cosine = (w.T @ w) / np.maximum(np.outer(*[np.linalg.norm(w, axis=0)] * 2), 1e-12)
    np.fill_diagonal(cosine, 0)
    channel = ItemKnn().fit(sp.csr_array(plays))
    assert scores(channel, sp.csr_array(plays)) == pytest.approx(w @ cosine, abs=1e-5)


def test_item_knn_keeps_as_many_neighbours_as_it_is_told(plays_UT: sp.csr_array) -> None:
    everyone, few = ItemKnn(TRACKS).fit(plays_UT), ItemKnn(3).fit(plays_UT)
    whole = sp.csr_array(tuple(everyone.arrays()[k] for k in ("data", "indices", "indptr")))
    kept = sp.csr_array(tuple(few.arrays()[k] for k in ("data", "indices", "indptr")))
    assert np.diff(kept.indptr).max() == 3
    for track in range(1, TRACKS - 1):
        best = np.sort(whole[[track]].data)[::-1][:3]
        assert np.sort(kept[[track]].data)[::-1] == pytest.approx(best, abs=1e-6)


def test_item_knn_forgets_itself_also_among_many_tracks_with_the_same_listeners() -> None:
    same = np.ones((4, 12))
    same[:, 0] = 0
    channel = ItemKnn(neighbours=3).fit(sp.csr_array(same))
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
    [ItemKnn(), Als(), Als(factors=2, regularization=0.1, seed=1)],
    ids=["item-knn", "als as it comes", "als small"],
)
def test_a_checkerboard_with_its_diagonal_withheld_is_completed(
    channel: Channel, checkerboard: npt.NDArray[np.float64]
) -> None:
    shown = checkerboard.copy()
    listeners = np.arange(len(shown))
    withheld = listeners + 1
    assert (shown[listeners, withheld] == 1).all()
    shown[listeners, withheld] = 0
    found = scores(channel.fit(sp.csr_array(shown)), sp.csr_array(shown))
    open_ones = np.where(shown > 0, -np.inf, found)[:, 1:]
    assert (open_ones.argmax(1) + 1 == withheld).all()
