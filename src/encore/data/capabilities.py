"""What a dataset lets encore do, and what is missing for the rest: a plain sentence for each.

Each answer is computed from the tables by the rule of the part that it speaks of (`data.split`,
`data.cold`, the channels, the rules of a list), so that it changes when the data does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from encore.data.cold import LEAST_LISTENERS, LEAST_ROWS, has_content
from encore.data.dataset import Dataset
from encore.data.music import Heard, has_genres, has_tags
from encore.data.split import PAIR
from encore.schema import ACOUSTIC
from encore.wording import counted, noun

State = Literal["yes", "partly", "no"]

PLAYED = pl.col("plays") > 0


@dataclass(frozen=True)
class Capability:
    """One thing that encore can do: with this dataset, with parts of it, or not; and why."""

    name: str
    state: State
    sentence: str


def capabilities(data: Dataset, heard: Heard) -> list[Capability]:
    """Return every capability with its state; `heard` is who played what in `data`."""
    return [Capability(name, *judge(data, heard)) for name, judge in JUDGES.items()]


Judgement = tuple[State, str]


def _training(data: Dataset, heard: Heard) -> Judgement:
    pairs = heard.by_UT.nnz
    if not pairs:
        return "no", "No pair was played: there is nothing to train on."
    were = noun(pairs, "was", "were")
    return "yes", f"{counted(pairs, 'pair')} of listener and {data.item_kind} {were} played."


def _counts(data: Dataset, _: Heard) -> Judgement:
    counts = data.plays.filter(PLAYED)["plays"].n_unique()
    if counts < 2:
        return "no", (
            "No two pairs differ in plays: how often cannot be predicted, only whether, and the "
            "plays board says nothing."
        )
    return "yes", "Pairs differ in plays: how often can be predicted."


def _split_by_time(data: Dataset, _: Heard) -> Judgement:
    if undated := data.events["listened_at"].null_count():
        return (
            "no",
            f"{undated:,} of {data.events.height:,} listens have no time: split by listener.",
        )
    eventless = data.plays.filter(PLAYED)
    if data.events.height:
        eventless = eventless.join(data.events, on=PAIR, how="anti")
    undated = eventless["first_played"].null_count()
    if data.events.is_empty() and undated == eventless.height:
        return (
            "no",
            "Nothing has a time: the past cannot be split from the future; split by listener.",
        )
    if undated:
        pairs = counted(undated, "pair has", "pairs have")
        return "no", f"{pairs} neither listens nor a first play: split by listener."
    return "yes", "Every listen or pair has a time: the past can be split from the future."


def _familiar(data: Dataset, heard: Heard) -> Judgement:
    state, why = _split_by_time(data, heard)
    if state == "no":
        return "no", f"It needs a split by time. {why}"
    listens = data.events.group_by(PAIR).len()
    again = listens.filter(pl.col("len") > 1).height
    if not again:
        return "no", (
            "No pair has two listens with times of their own: nobody is seen to return to a "
            f"{data.item_kind}."
        )
    pairs = counted(again, "pair was", "pairs were")
    return "yes", f"{pairs} listened to more than once, at known times."


def _repeat(data: Dataset, _: Heard) -> Judgement:
    played = data.plays.filter(PLAYED)
    undated = played.filter(
        pl.any_horizontal(pl.col("first_played", "last_played").is_null())
    ).height
    if not undated and played.height:
        return "yes", "Every pair has its first and last play: old plays fade."
    return "no", (
        f"{undated:,} of {played.height:,} played pairs lack a first or last play: the repeat "
        "channel and popularity count plays without their age."
    )


def _hours(data: Dataset, _: Heard) -> Judgement:
    times = data.events["listened_at"].drop_nulls()
    if times.is_empty():
        return "no", "No listen has a time: hours of the day are unknown."
    if (times == times.dt.truncate("1d")).all():
        return "no", "All listens are at midnight: the times are dates, hours are unknown."
    return "yes", "Listens have hours (UTC)."


def _friends(data: Dataset, _: Heard) -> Judgement:
    if data.friends.is_empty():
        return "no", (
            "No friends: there is no friends channel, and a listener without history gets what "
            "most play."
        )
    some, all_ = data.friends["user_id"].n_unique(), data.listeners.height
    return _shared(some, all_, "listeners name a friend", "the others start from what most play")


def _cold_tracks(data: Dataset, _: Heard) -> Judgement:
    kind, tracks = data.item_kind, data.tracks
    described = tracks.select(
        has_genres()
        | has_tags(data)
        | pl.any_horizontal(pl.col(*ACOUSTIC).is_not_null()).fill_null(False)
    ).to_series()
    named = tracks.select(pl.any_horizontal(pl.col("artist", "artist_id").is_not_null()))
    placed = int((described | named.to_series()).sum())
    if not placed:
        return "no", (
            f"No genres, tags, acoustics or artists: a {kind} that nobody has played cannot be "
            "placed."
        )
    if not described.any():
        return "partly", (
            f"No genres, tags or acoustics: a {kind} that nobody has played is placed by its "
            f"artist alone, and {counted(tracks.height - placed, 'has', 'have')} none."
        )
    return _shared(
        placed,
        tracks.height,
        f"{kind}s have a genre, a tag, acoustics or an artist",
        "the others cannot be placed before somebody plays them",
    )


def _cold_track_board(data: Dataset, heard: Heard) -> Judgement:
    often = pl.Series(heard.listeners_T[1:] >= LEAST_LISTENERS)
    able = int((data.tracks.select(has_content(data)).to_series() & often).sum())
    what = f"genres, acoustics or others' tags and {LEAST_LISTENERS} listeners"
    if not able:
        return "no", f"No {data.item_kind} has {what}: there is none to hold out."
    have = counted(able, f"{data.item_kind} has", f"{data.item_kind}s have")
    return "yes", f"{have} {what}: some of them are held out."


def _cold_listener_board(data: Dataset, heard: Heard) -> Judgement:
    able = int((heard.tracks_U >= LEAST_ROWS).sum())
    what = f"{LEAST_ROWS} played {data.item_kind}s"
    if able and len(heard.tracks_U) == 1:
        return "no", "Only one listener has played anything: without them nothing is left to learn."
    if not able:
        return "no", f"No listener has {what}: there is none to hold out."
    have = counted(able, "listener has", "listeners have")
    return "yes", f"{have} {what} or more: some of them are held out."


def _acoustics(data: Dataset, _: Heard) -> Judgement:
    known = data.tracks.filter(pl.any_horizontal(pl.col(*ACOUSTIC).is_not_null())).height
    if not known:
        return "no", "No acoustics: energy, tempo and the like play no part."
    return _shared(
        known,
        data.tracks.height,
        f"{data.item_kind}s have acoustics",
        "the others count as average",
    )


def _explicit(data: Dataset, _: Heard) -> Judgement:
    known = data.tracks.height - data.tracks["explicit"].null_count()
    if not known:
        return "no", (
            "No explicit flags: 'exclude' would leave nothing, as unknown is not clean, and "
            "'exclude_known' would exclude nothing."
        )
    return _shared(
        known,
        data.tracks.height,
        f"{data.item_kind}s have an explicit flag",
        "'exclude' leaves the others out too, 'exclude_known' keeps them",
    )


def _per_artist(data: Dataset, _: Heard) -> Judgement:
    if data.item_kind == "artist":
        return "yes", "Rows are artists: each is in a list but once."
    known = data.tracks.filter(
        pl.any_horizontal(pl.col("artist", "artist_id").is_not_null())
    ).height
    if not known:
        return "no", "No artists: a list cannot be limited to some tracks of each."
    return _shared(known, data.tracks.height, "tracks have an artist", "the others have no limit")


def _skips(data: Dataset, _: Heard) -> Judgement:
    only = data.plays.filter(pl.col("plays") == 0).height
    skipped = data.plays.filter(pl.col("skips") > 0).height
    if not only and not skipped:
        return "no", "No skips: what was tried and left cannot be told from what was never heard."
    pairs = counted(skipped, "pair has", "pairs have")
    return "yes", f"{pairs} skips; {counted(only, 'was', 'were')} never played to the end."


def _titles(data: Dataset, _: Heard) -> Judgement:
    known = data.tracks.filter(pl.col("title") != pl.col("track_id")).height
    if not known:
        return "no", "No titles: lists show ids."
    return _shared(
        known, data.tracks.height, f"{data.item_kind}s have a title", "the others show ids"
    )


JUDGES: dict[str, Callable[[Dataset, Heard], Judgement]] = {
    "training": _training,
    "play counts": _counts,
    "split by time": _split_by_time,
    "familiar board": _familiar,
    "ages in the repeat channel": _repeat,
    "hours of listening": _hours,
    "friends channel": _friends,
    "placing new tracks": _cold_tracks,
    "cold track board": _cold_track_board,
    "cold listener board": _cold_listener_board,
    "acoustics": _acoustics,
    "explicit filter": _explicit,
    "limit per artist": _per_artist,
    "skips": _skips,
    "titles in lists": _titles,
}


def _shared(some: int, all_: int, what: str, else_: str) -> Judgement:
    """Return "yes" where all have it, "partly" where not, and how many; `else_` tells the rest."""
    if some == all_:
        return "yes", f"All {all_:,} {what}."
    return "partly", f"{some:,} of {all_:,} {what}; {else_}."
