"""A synthetic world of listening with a planted truth, for tests, demos and timing.

Everybody in it has a taste over genres and over acoustic regions ("calm", "driving" …). A listener
draws a (genre, region) cell by taste, then a track of that cell by its appeal (Zipf), and now and
then stays with the artist just heard. How often a drawn track is played grows with the listener's
activity, the track's appeal and the affinity of the two. Because the answer is planted, a
recommender can be asked to give it back.

Shape suffixes: U listeners, T tracks, A artists, G genres, R regions, C = G x R cells, P distinct
pairs of listener and track, F ties of friendship, N draws.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from encore import folder, schema
from encore.data.clock import CLOCKS, Times, stamps
from encore.data.dataset import Dataset
from encore.data.ledger import Counts, Ledger
from encore.data.scenery import REGIONS, furnish, genre_names, ids, take
from encore.errors import UsageError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TRUTH_KIND = "truth"

NEW_LISTENERS = 0.03  # share of listeners with friends and no plays
UNHEARD_TRACKS = 0.03  # share of tracks that nobody has played
ZIPF_EXPONENT = 0.75  # appeal = rank ** -exponent
TASTE_GENRES = 1.2  # Dirichlet concentration: roughly how many genres make up a taste
TASTE_REGIONS = 1.2
EXPLORING = 0.1  # share of draws by appeal alone, whatever the taste
STAYING = 0.3  # share of draws that stay with the artist of the draw before
BUSY = 0.6  # standard deviation of the log of how many tracks a listener has played
FRIENDS = 5  # ties that each listener starts, on average
KINDRED = 0.85  # share of ties to a listener of like taste; the others are to anybody

# log(plays) = LEVEL + activity + appeal + affinity + noise, each standard normal times its weight
LEVEL, ACTIVITY, APPEAL, AFFINITY, NOISE = 1.4, 0.5, 0.2, 0.25, 0.55
MOST_PLAYS = 5000
SKIPS = 0.5  # mean number of skips of a pair of average affinity

ROUNDS = 12  # of drawing distinct pairs; a listener whose taste is exhausted by then stays short


@dataclass(frozen=True)
class Truth:
    """What the world was made from.

    genre_tastes, region_tastes: user_id and a column for each genre or region; a row sums to 1.
    listeners: user_id, activity (standard normal), clock. tracks: track_id, genre, region, appeal
    (sums to 1). new_listeners, unheard_tracks: the ids that no play names.
    """

    genre_tastes: pl.DataFrame
    region_tastes: pl.DataFrame
    listeners: pl.DataFrame
    tracks: pl.DataFrame
    new_listeners: pl.DataFrame
    unheard_tracks: pl.DataFrame


@dataclass(frozen=True)
class World:
    """A synthetic Dataset and the truth it was made from."""

    data: Dataset
    truth: Truth

    def save(self, path: str | Path) -> None:
        """Write the Dataset folder `path` and, beside it, the truth as Parquet in `path`.truth."""
        path = Path(path)

        def fill(target: Path) -> dict[str, Any]:
            for field in fields(self.truth):
                getattr(self.truth, field.name).write_parquet(target / f"{field.name}.parquet")
            return {}

        self.data.save(path)
        folder.write(path.with_name(f"{path.name}.truth"), TRUTH_KIND, schema.SCHEMA_VERSION, fill)


@dataclass(frozen=True)
class _Music:  # each over T
    genre: Ints
    region: Ints
    artist: Ints
    appeal: Floats
    heard: Bools


@dataclass(frozen=True)
class _People:  # each over U
    genres: Floats  # U x G
    regions: Floats  # U x R
    activity: Floats
    clock: Ints
    new: Bools


def make(
    listeners: int = 1000,
    tracks: int = 2000,
    *,
    plays_per_listener: float = 40,
    genres: int = 12,
    seed: int = 0,
    events: bool = True,
) -> World:
    """Make a world; the same arguments make the same world.

    `plays_per_listener` is about how many different tracks a listener has played. With `events`
    every single listen has a row (about nine for each pair); without, all else is the same and
    far less memory is needed. Past the twelve named genres, more are numbered ("rock 2").

    Raises `UsageError` on fewer than 10 listeners, 20 tracks, 1 play a listener or 1 genre.

    >>> world = make(listeners=100, tracks=200, seed=1)
    >>> world.data.listeners.height, world.data.tracks.height
    (100, 200)
    >>> world.data.plays.join(world.truth.new_listeners, on="user_id").height
    0
    """
    for name, found, least in (
        ("listeners", listeners, 10),
        ("tracks", tracks, 20),
        ("plays_per_listener", plays_per_listener, 1),
        ("genres", genres, 1),
    ):
        if found < least:
            raise UsageError(f"{name}={found}: a world needs at least {least}")
    rng = np.random.default_rng(seed)
    names = genre_names(genres)
    weight_G = rng.dirichlet(np.full(genres, 5.0))
    music = _music(rng, tracks, weight_G)
    people = _people(rng, listeners, weight_G)
    user_ids = ids("l", listeners)
    friend_F, other_F = _friends(rng, people)
    track_frame = furnish(rng, music.artist, music.genre, music.region, names)

    listener_P, track_P, affinity_P = _pairs(rng, music, people, plays_per_listener)
    plays_P, skips_P = _counts(rng, music, people, listener_P, track_P, affinity_P)
    times = Times(rng, people.clock[listener_P], plays_P)
    user_id_P, track_id_P = user_ids[listener_P], track_frame["track_id"][track_P]
    plays = pl.DataFrame(
        {
            "user_id": user_id_P,
            "track_id": track_id_P,
            "plays": plays_P,
            "skips": skips_P,
            "first_played": stamps(times.first_P),
            "last_played": stamps(times.last_P),
        }
    ).with_columns(pl.when(pl.col("plays") > 0).then(pl.col("first_played", "last_played")))
    ledger = Ledger(notes=[f"a synthetic world, made by encore from seed {seed}"])
    data = Dataset(
        plays=schema.conform(plays, "plays"),
        tracks=track_frame,
        events=times.events(user_id_P, track_id_P, track_frame["duration_ms"][track_P], skips_P)
        if events
        else schema.empty("events"),
        listeners=pl.DataFrame({"user_id": user_ids}),
        friends=pl.DataFrame({"user_id": user_ids[friend_F], "friend_id": user_ids[other_F]}),
        ledger=ledger,
    )
    for name in schema.TABLES:
        rows = data.table(name).height
        ledger.tables[name] = Counts(read=rows, kept=rows)
    return World(data, _truth(data, music, people, names))


def _music(rng: np.random.Generator, tracks: int, weight_G: Floats) -> _Music:
    # squared: few artists have many tracks, most have some
    artist_T = np.floor(rng.random(tracks) ** 2 * max(1, tracks // 6))
    artist_T = np.unique(artist_T, return_inverse=True)[1]
    artists = int(artist_T.max()) + 1
    genre_A = rng.choice(len(weight_G), artists, p=weight_G)
    region_A = rng.integers(len(REGIONS), size=artists)
    other_genre_T = rng.choice(len(weight_G), tracks, p=weight_G)
    other_region_T = rng.integers(len(REGIONS), size=tracks)
    renown_T = 0.6 * rng.standard_normal(artists)[artist_T] + rng.standard_normal(tracks)
    appeal_T = (1.0 + np.argsort(np.argsort(-renown_T))) ** -ZIPF_EXPONENT
    heard_T = np.ones(tracks, dtype=bool)
    heard_T[rng.choice(tracks, max(1, round(UNHEARD_TRACKS * tracks)), replace=False)] = False
    return _Music(
        np.where(rng.random(tracks) < 0.1, other_genre_T, genre_A[artist_T]),
        np.where(rng.random(tracks) < 0.4, other_region_T, region_A[artist_T]),
        artist_T,
        appeal_T / appeal_T.sum(),
        heard_T,
    )


def _people(rng: np.random.Generator, listeners: int, weight_G: Floats) -> _People:
    new_U = np.zeros(listeners, dtype=bool)
    new = max(1, round(NEW_LISTENERS * listeners))
    new_U[rng.choice(listeners, new, replace=False)] = True
    return _People(
        # + 1e-3: a Dirichlet with tiny concentrations underflows to a taste for nothing
        rng.dirichlet(TASTE_GENRES * weight_G + 1e-3, listeners),
        rng.dirichlet(np.full(len(REGIONS), TASTE_REGIONS / len(REGIONS)), listeners),
        rng.standard_normal(listeners),
        rng.integers(len(CLOCKS), size=listeners),
        new_U,
    )


def _friends(rng: np.random.Generator, people: _People) -> tuple[Ints, Ints]:
    """Return both directions of each tie; most ties join listeners of like taste."""
    listeners = len(people.new)
    favourites = (people.regions.argmax(axis=1), people.genres.argmax(axis=1))
    line = np.lexsort((rng.random(listeners), *favourites))  # neighbours on it are kindred
    place_F = np.repeat(np.arange(listeners), np.maximum(rng.poisson(FRIENDS, listeners), 1))
    near_F = np.minimum(rng.geometric(0.1, len(place_F)), listeners - 1)
    far_F = rng.integers(1, listeners, len(place_F))
    step_F = np.where(rng.random(len(place_F)) < KINDRED, near_F, far_F)
    one_F, other_F = line[place_F], line[(place_F + step_F) % listeners]
    ties = np.concatenate([one_F * listeners + other_F, other_F * listeners + one_F])
    return np.divmod(np.unique(ties), listeners)


class _Urn:
    """Draws tracks of a group (a cell, an artist) in proportion to their weights."""

    def __init__(self, group_T: Ints, weight_T: Floats) -> None:
        drawable = np.flatnonzero(weight_T > 0)
        self.tracks = drawable[np.argsort(group_T[drawable], kind="stable")]
        self.edges = np.concatenate([[0.0], np.cumsum(weight_T[self.tracks])])
        self.ends = np.cumsum(np.bincount(group_T[drawable], minlength=group_T.max() + 1))
        self.starts = np.concatenate([[0], self.ends[:-1]])
        self.mass = self.edges[self.ends] - self.edges[self.starts]

    def draw(self, rng: np.random.Generator, group_N: Ints) -> Ints:
        at_N = self.edges[self.starts[group_N]] + self.mass[group_N] * rng.random(len(group_N))
        found_N = np.searchsorted(self.edges, at_N, side="right") - 1
        return np.asarray(
            self.tracks[np.clip(found_N, self.starts[group_N], self.ends[group_N] - 1)]
        )


def _pairs(
    rng: np.random.Generator, music: _Music, people: _People, mean: float
) -> tuple[Ints, Ints, Floats]:
    """Return listener, track and standardised affinity of each distinct pair, sorted."""
    weight_T = music.appeal * music.heard
    # cells are numbered without gaps: a cell that has no track is in nobody's reach
    cell_T = np.unique(music.genre * len(REGIONS) + music.region, return_inverse=True)[1]
    by_cell, by_artist = _Urn(cell_T, weight_T), _Urn(music.artist, weight_T)
    genre_C, region_C = np.empty((2, len(by_cell.mass)), dtype=np.int64)
    genre_C[cell_T], region_C[cell_T] = music.genre, music.region

    listeners, cells = len(people.new), len(by_cell.mass)
    taste_UC = people.genres[:, genre_C] * people.regions[:, region_C]
    taste_UC /= taste_UC @ by_cell.mass[:, None] + 1e-12
    taste_UC = EXPLORING + (1 - EXPLORING) * taste_UC * by_cell.mass.sum()
    line_UC = np.cumsum(taste_UC * by_cell.mass, axis=1)
    line_UC /= line_UC[:, -1:]
    line_UC += np.arange(listeners)[:, None]  # one sorted line on which listener u owns [u, u + 1)

    def draw(listener_N: Ints) -> Ints:
        at_N = listener_N + (1 - 1e-9) * rng.random(len(listener_N))
        cell_N = np.searchsorted(line_UC.ravel(), at_N, side="right") - listener_N * cells
        track_N = by_cell.draw(rng, cell_N)
        begins_N = np.diff(listener_N, prepend=-1) > 0
        stays_N = (rng.random(len(listener_N)) < STAYING) & ~begins_N
        lead_N = np.maximum.accumulate(np.where(stays_N, 0, np.arange(len(listener_N))))
        track_N[stays_N] = by_artist.draw(rng, music.artist[track_N[lead_N[stays_N]]])
        return track_N

    wanted_U = np.exp(np.log(mean) - BUSY**2 / 2 + BUSY * people.activity).round()
    wanted_U = np.clip(wanted_U, 1, music.heard.sum() // 3).astype(np.int64)
    wanted_U[people.new] = 0
    tracks = len(music.genre)
    listener_P, track_P = np.divmod(_distinct(draw, wanted_U, tracks), tracks)
    affinity_P = np.log(taste_UC[listener_P, cell_T[track_P]])
    affinity_P -= affinity_P.mean()
    return listener_P, track_P, affinity_P / max(affinity_P.std(), 1e-12)


def _distinct(draw: Callable[[Ints], Ints], wanted_U: Ints, tracks: int) -> Ints:
    """Draw until each listener has the wanted number of different tracks; return sorted codes.

    A code is listener x tracks + track. Drawing in order and passing over what was drawn before is
    sampling without replacement.
    """
    done, kept = [], np.empty(0, dtype=np.int64)
    missing_U = wanted_U
    for _ in range(ROUNDS):
        listener_N = np.repeat(np.arange(len(wanted_U)), missing_U + missing_U // 2)
        codes = np.concatenate([kept, listener_N * tracks + draw(listener_N)])
        codes = codes[np.sort(np.unique(codes, return_index=True)[1])]
        codes = codes[np.argsort(codes // tracks, kind="stable")]
        owner = codes // tracks
        count_U = np.bincount(owner, minlength=len(wanted_U))
        place = np.arange(len(owner)) - (np.cumsum(count_U) - count_U)[owner]
        full = (count_U >= wanted_U)[owner]
        done.append(codes[full & (place < wanted_U[owner])])
        kept = codes[~full]
        # a listener of whom no code is left was done in an earlier round
        missing_U = np.where(count_U > 0, np.maximum(wanted_U - count_U, 0), 0)
        if not missing_U.any():
            break
    return np.sort(np.concatenate([*done, kept]))


def _counts(
    rng: np.random.Generator,
    music: _Music,
    people: _People,
    listener_P: Ints,
    track_P: Ints,
    affinity_P: Floats,
) -> tuple[Ints, Ints]:
    renown_T = np.log(music.appeal)
    renown_T = (renown_T - renown_T.mean()) / renown_T.std()
    level_P = LEVEL + ACTIVITY * people.activity[listener_P] + APPEAL * renown_T[track_P]
    level_P += AFFINITY * affinity_P + NOISE * rng.standard_normal(len(affinity_P))
    plays_P = np.exp(level_P).clip(max=MOST_PLAYS).round().astype(np.int64)
    skips_P = rng.poisson(SKIPS * np.exp(-0.5 * affinity_P))
    return plays_P, np.maximum(skips_P, plays_P == 0)


def _truth(data: Dataset, music: _Music, people: _People, names: list[str]) -> Truth:
    users, tracks = data.listeners["user_id"], data.tracks["track_id"]
    genres = dict(zip(names, people.genres.T, strict=True))
    regions = dict(zip(REGIONS, people.regions.T, strict=True))
    clocks = take(list(CLOCKS), people.clock)
    plays = data.plays
    return Truth(
        genre_tastes=pl.DataFrame({"user_id": users, **genres}),
        region_tastes=pl.DataFrame({"user_id": users, **regions}),
        listeners=pl.DataFrame({"user_id": users, "activity": people.activity, "clock": clocks}),
        tracks=pl.DataFrame(
            {
                "track_id": tracks,
                "genre": take(names, music.genre),
                "region": take(list(REGIONS), music.region),
                "appeal": music.appeal,
            }
        ),
        new_listeners=users.to_frame().join(plays, on="user_id", how="anti", maintain_order="left"),
        unheard_tracks=tracks.to_frame().join(
            plays, on="track_id", how="anti", maintain_order="left"
        ),
    )
