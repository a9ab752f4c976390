"""The network's arithmetic, without any training: starting point, split first layer, heads."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from encore import Dataset, HybridMusicRecommender
from encore.data.features import Features
from encore.models.batches import Heard, Tables, sizes
from encore.models.means import ShrunkMeans
from encore.models.network import ListenerInputs, ResidualBlock, Sizes, TrackInputs
from encore.models.training import encode

SIZES = Sizes(
    users=7, music=11, artists=5, genres=6, user_numerical=3, numerical=4, binary=2
)  # genres: the unknown, four, and the padding
PADDING = SIZES.genres - 1
LISTENERS, TRACKS, SLOTS = 6, 10, 3


@pytest.fixture
def network() -> HybridMusicRecommender:
    """A network whose every weight and running statistic is drawn, as if trained."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = HybridMusicRecommender(SIZES, embedding_dim=4, hidden_layers=(9, 9, 5))
        for parameter in made.parameters():
            nn.init.normal_(parameter, std=0.5)
        for module in made.modules():
            if isinstance(module, nn.BatchNorm1d):
                nn.init.normal_(module.running_mean)
                nn.init.uniform_(module.running_var, 0.5, 2)
        made.mean.fill_(1.25)
        made.confidence.fill_(0.75)
    return made.eval()


@pytest.fixture
def listeners() -> ListenerInputs:
    draw = torch.Generator().manual_seed(1)
    return ListenerInputs(
        torch.arange(LISTENERS) % SIZES.users,
        torch.randn(LISTENERS, SIZES.user_numerical, generator=draw),
        torch.randn(LISTENERS, generator=draw),
    )


@pytest.fixture
def tracks() -> TrackInputs:
    draw = torch.Generator().manual_seed(2)
    genres = torch.randint(0, PADDING, (TRACKS, SLOTS), generator=draw)
    genres[:4, 1:] = PADDING
    genres[4:7, 2:] = PADDING
    return TrackInputs(
        torch.arange(TRACKS) % SIZES.music,
        torch.arange(TRACKS) % SIZES.artists,
        genres,
        torch.randn(TRACKS, SIZES.numerical, generator=draw),
        torch.rand(TRACKS, SIZES.binary, generator=draw),
        torch.randn(TRACKS, generator=draw),
    )


def at(inputs: ListenerInputs | TrackInputs, rows: Tensor) -> ListenerInputs | TrackInputs:
    return type(inputs)(*(part[rows] for part in vars(inputs).values()))


def every_pair(
    network: HybridMusicRecommender, listeners: ListenerInputs, tracks: TrackInputs
) -> Tensor:
    """Plays of each listener with each track, (L, K), each pair given side by side."""
    user, track = (
        i.flatten()
        for i in torch.meshgrid(torch.arange(LISTENERS), torch.arange(TRACKS), indexing="ij")
    )
    return network(at(listeners, user), at(tracks, track)).view(LISTENERS, TRACKS)


def test_it_has_the_parts_that_its_users_know_by_name(network: HybridMusicRecommender) -> None:
    embeddings = ("user_embedding", "music_embedding", "artist_embedding", "genre_embedding")
    rows = (SIZES.users, SIZES.music, SIZES.artists, SIZES.genres)
    for name, expected in zip(embeddings, rows, strict=True):
        assert tuple(getattr(network, name).weight.shape) == (expected, 4)
    for name, width in (("numerical_layer", SIZES.numerical), ("binary_layer", SIZES.binary)):
        branch = getattr(network, name)
        assert [type(part) for part in branch] == [nn.Linear, nn.ReLU, nn.BatchNorm1d]
        assert branch[0].in_features == width
    assert [block.main.out_features for block in network.fc_layers] == [9, 9, 5]
    assert network.final_layer.out_features == 1


def test_its_defaults_are_the_known_ones() -> None:
    network = HybridMusicRecommender(SIZES)
    assert network.user_embedding.embedding_dim == 64
    assert [block.main.out_features for block in network.fc_layers] == [256, 128, 64]
    assert {block.dropout.p for block in network.fc_layers} == {0.2}


def test_untrained_it_predicts_exactly_the_shrunk_means(small_world: Dataset) -> None:
    features = Features.fit(small_world)
    user, track, target = encode(small_world, features)
    rows = (features.listeners.rows, features.tracks.rows)
    means = ShrunkMeans.fit(user, track, target, rows, (2.0, 5.0))
    network = HybridMusicRecommender(sizes(features), 8, (16, 8)).eval()
    network.mean.fill_(means.mean)
    tables = Tables.of(features, means, torch.device("cpu"))
    # Everybody with everything: pairs never seen, new listeners and unheard tracks among them.
    users = torch.arange(rows[0]).repeat_interleave(rows[1])
    music = torch.arange(rows[1]).repeat(rows[0])
    with torch.inference_mode():
        found = network(tables.listeners_at(users), tables.tracks_at(music)).numpy()
    mu, b_U, b_T = np.float32(means.mean), means.b_U.astype("f4"), means.b_T.astype("f4")
    assert np.array_equal(found, mu + b_U[users.numpy()] + b_T[music.numpy()])
    assert found == pytest.approx(means.predict(users.numpy(), music.numpy()), abs=1e-6)


def test_the_split_first_layer_is_the_layer_on_the_concatenated_input(
    network: HybridMusicRecommender, listeners: ListenerInputs, tracks: TrackInputs
) -> None:
    pairs = torch.arange(LISTENERS)
    with torch.inference_mode():
        x_BI = torch.cat(
            [network.embed_listeners(listeners), network.embed_tracks(at(tracks, pairs))], 1
        )
        for block in network.fc_layers:
            x_BI = block(x_BI)
        trust = network.trust_layer(x_BI)
        b_user, b_track = listeners.mean_L, tracks.mean_K[pairs]
        delta = trust[:, 0] * b_user + trust[:, 1] * b_track + network.final_layer(x_BI)[:, 0]
        expected = 1.25 + b_user + b_track + 0.75 * delta
        found = network(listeners, at(tracks, pairs))
    assert delta.abs().min() > 1e-3
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_list_of_tracks_for_each_listener_scores_as_its_pairs_do(
    network: HybridMusicRecommender, listeners: ListenerInputs, tracks: TrackInputs
) -> None:
    with torch.inference_mode():
        part_L = network.listener_part(network.embed_listeners(listeners), listeners.mean_L)
        part_K = network.track_part(network.embed_tracks(tracks), tracks.mean_K)
        whole = network.plays(part_L.as_rows(), part_K)
        expected = every_pair(network, listeners, tracks)
        some = network.plays(part_L.at(torch.tensor([4, 2])).as_rows(), part_K)
    assert whole.shape == (LISTENERS, TRACKS)
    assert torch.allclose(whole, expected, atol=1e-5)
    assert torch.allclose(some, expected[[4, 2]], atol=1e-5)


def test_rank_pairs_is_the_diagonal_of_rank(
    network: HybridMusicRecommender, listeners: ListenerInputs, tracks: TrackInputs
) -> None:
    with torch.inference_mode():
        x_BI = network.embed_listeners(listeners)
        x_BJ = network.embed_tracks(at(tracks, torch.arange(LISTENERS)))
        whole = network.rank(x_BI, x_BJ)
        assert whole.shape == (LISTENERS, LISTENERS)
        assert torch.allclose(whole.diagonal(), network.rank_pairs(x_BI, x_BJ), atol=1e-5)
        assert whole.std() > 0.1


def test_padding_is_no_genre_whatever_its_vector(
    network: HybridMusicRecommender, tracks: TrackInputs
) -> None:
    wider = TrackInputs(**vars(tracks))
    more = torch.full((TRACKS, 4), PADDING, dtype=tracks.genres_KG.dtype)
    wider.genres_KG = torch.cat([tracks.genres_KG, more], 1)
    with torch.inference_mode():
        before = network.embed_tracks(tracks)
        assert torch.equal(network.embed_tracks(wider), before)
        network.genre_embedding.weight[PADDING] = 100.0
        assert torch.equal(network.embed_tracks(tracks), before)


def test_genres_are_averaged_and_the_padding_gets_no_gradient(
    network: HybridMusicRecommender, tracks: TrackInputs
) -> None:
    weight = network.genre_embedding.weight
    rows = network.genre_embedding(tracks.genres_KG)
    for row, genres in zip(rows, tracks.genres_KG, strict=True):
        mean = weight[genres[genres != PADDING]].mean(0)
        assert torch.allclose(row, mean, atol=1e-6)
    rows.sum().backward()
    assert weight.grad is not None
    assert (weight.grad[PADDING] == 0).all()
    assert (weight.grad[:PADDING] != 0).any(1).all()


def test_gradients_of_the_large_tables_are_sparse_only_where_asked_for(
    listeners: ListenerInputs, tracks: TrackInputs
) -> None:
    for sparse in (True, False):
        network = HybridMusicRecommender(SIZES, 4, (8,), sparse=sparse)
        x_BI, x_KI = network.embed_listeners(listeners), network.embed_tracks(tracks)
        network.rank(x_BI, x_KI).sum().backward()
        for table in (network.user_embedding, network.music_embedding, network.artist_embedding):
            assert table.weight.grad is not None
            assert table.weight.grad.is_sparse == sparse


@pytest.mark.parametrize(("width", "project"), [(6, False), (6, True), (4, False)])
def test_a_residual_block_adds_its_input_or_a_projection_of_it(width: int, project: bool) -> None:
    block = ResidualBlock(6, width, dropout=0.5, project=project).eval()
    x = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    beside = x if width == 6 and not project else x @ block.residual.weight.T
    expected = block.norm(torch.relu(x @ block.main.weight.T + block.main.bias)) + beside
    assert torch.allclose(block(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    "changed", ["music_K", "artist_K", "genres_KG", "numerical_KF", "binary_KB"]
)
def test_every_input_of_a_track_reaches_both_heads(
    network: HybridMusicRecommender,
    listeners: ListenerInputs,
    tracks: TrackInputs,
    changed: str,
) -> None:
    values = getattr(tracks, changed)
    other = values.roll(1, 0) if values.dtype.is_floating_point else (values + 1) % 4
    _assert_heads_differ(
        network,
        (listeners, tracks),
        (listeners, TrackInputs(**{**vars(tracks), changed: other})),
    )


@pytest.mark.parametrize("changed", ["user_L", "numerical_LF"])
def test_every_input_of_a_listener_reaches_both_heads(
    network: HybridMusicRecommender,
    listeners: ListenerInputs,
    tracks: TrackInputs,
    changed: str,
) -> None:
    other = getattr(listeners, changed).roll(1, 0)
    _assert_heads_differ(
        network,
        (listeners, tracks),
        (ListenerInputs(**{**vars(listeners), changed: other}), tracks),
    )


@torch.inference_mode()
def _assert_heads_differ(
    network: HybridMusicRecommender,
    one: tuple[ListenerInputs, TrackInputs],
    other: tuple[ListenerInputs, TrackInputs],
) -> None:
    plays, ranks = [], []
    for listeners, tracks in (one, other):
        plays.append(every_pair(network, listeners, tracks))
        x_BI, x_KI = network.embed_listeners(listeners), network.embed_tracks(tracks)
        ranks.append(network.rank(x_BI, x_KI))
    assert (plays[0] - plays[1]).abs().max() > 1e-2
    assert (ranks[0] - ranks[1]).abs().max() > 1e-2


def test_ids_that_no_training_row_names_read_the_unknowns_vector(small_world: Dataset) -> None:
    features = Features.fit(small_world)
    rows = (features.listeners.rows, features.tracks.rows)
    tables = Tables.of(
        features, ShrunkMeans(0.0, np.zeros(rows[0]), np.zeros(rows[1])), torch.device("cpu")
    )
    for ids, heard in (
        (tables.listeners.user_L, features.heard_U),
        (tables.tracks.music_K, features.heard_T),
    ):
        assert (~heard[1:]).any()
        expected = np.where(heard, np.arange(len(heard)), 0)
        assert ids.tolist() == expected.tolist()


def test_heard_tracks_are_found_among_drawn_ones() -> None:
    rng = np.random.default_rng(0)
    heard_UT = rng.random((6, 9)) < 0.4
    heard_UT[2] = False  # somebody without a history
    user, track = (torch.from_numpy(i.astype(np.int32)) for i in np.nonzero(heard_UT))
    order = torch.randperm(len(user), generator=torch.Generator().manual_seed(0))
    heard = Heard(user[order], track[order], 6, 9)
    asked, drawn = torch.tensor([5, 2, 5, 0]), torch.tensor([8, 1, 3])
    expected = torch.from_numpy(heard_UT)[asked][:, drawn]
    for _ in range(2):  # asking leaves nothing behind
        assert torch.equal(heard.among(asked, drawn), expected)
