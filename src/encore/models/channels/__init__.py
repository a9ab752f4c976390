"""Channels: small scorers with one contract. A plain dict maps their names to them."""

import re
from typing import TypeVar, get_args

from encore.config import TrainConfig
from encore.errors import InputError, UsageError
from encore.models.channels.als import Als
from encore.models.channels.bpr import Bpr
from encore.models.channels.content import Content
from encore.models.channels.contract import PARTS, Channel, Need
from encore.models.channels.ease import Ease
from encore.models.channels.friends import Friends
from encore.models.channels.hybrid import Hybrid
from encore.models.channels.item_knn import ItemKnn
from encore.models.channels.popularity import PersonalPopularity, Popularity
from encore.models.channels.repeat import Repeat
from encore.models.channels.tag_popularity import TagPopularity
from encore.models.channels.user_knn import UserKnn
from encore.models.inputs import Inputs

__all__ = [
    "CHANNELS",
    "Als",
    "Bpr",
    "Channel",
    "Content",
    "Ease",
    "Friends",
    "Hybrid",
    "ItemKnn",
    "PersonalPopularity",
    "Popularity",
    "Repeat",
    "TagPopularity",
    "UserKnn",
    "fit_channels",
    "named",
    "register",
]

#: What other scorers and rows of a board are called.
TAKEN = ("network-rank", "network-plays", "blend", "encore", "encore-list", "chance")

Own = TypeVar("Own", bound=type[Channel])

CHANNELS: dict[str, type[Channel]] = {
    channel.name: channel
    for channel in (
        Popularity,
        PersonalPopularity,
        Repeat,
        ItemKnn,
        UserKnn,
        Als,
        Bpr,
        Ease,
        Hybrid,
        Content,
        TagPopularity,
        Friends,
    )
}


def register(channel: Own) -> Own:
    """Let the setting `channels`, and bundles, name a channel of your own; return its class.

    Also a decorator. A class defined anew takes its old place, as where a notebook's cell runs
    twice. Raises `UsageError` on a name that is taken or of odd characters, and on a class that
    lacks a part of the contract.

    >>> import encore
    >>> class Longest(encore.Channel):
    ...     name = "longest"
    >>> encore.register(Longest)
    Traceback (most recent call last):
    encore.errors.UsageError: Longest lacks fit: write it, as encore.Channel describes it
    """
    if not isinstance(channel, type):
        raise UsageError(f"register: {channel!r} is no class: expected a class of channels")
    what, abstract = channel.__name__, getattr(channel, "__abstractmethods__", ())
    for part in PARTS:
        if part in abstract or not hasattr(channel, part):
            raise UsageError(f"{what} lacks {part}: write it, as encore.Channel describes it")
    name = channel.name
    if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(
            f"{what}: name = {name!r}: expected small letters, digits and hyphens, as in 'item-knn'"
        )
    if channel.needs not in get_args(Need):
        raise UsageError(
            f"{what}: needs = {channel.needs!r}: expected one of {', '.join(get_args(Need))}"
        )
    there = CHANNELS.get(name)
    if name in TAKEN or (there is not None and _place(there) != _place(channel)):
        has = "encore itself" if there is None else _place(there)
        raise UsageError(f"{what}: name = {name!r} is taken by {has}; choose another")
    CHANNELS[name] = channel
    return channel


def named(name: str, where: str) -> type[Channel]:
    """Return the channel of that name; raise `InputError` where there is none."""
    if name not in CHANNELS:
        raise InputError(
            f"{where}: {name!r} is none of {', '.join(CHANNELS)}; a channel of your own must be "
            "registered first (import the module that calls encore.register)"
        )
    return CHANNELS[name]


def fit_channels(config: TrainConfig, inputs: Inputs) -> dict[str, Channel]:
    """Return the channels that `config` names and `inputs` feed, fitted; popularity always.

    Raises `InputError` on a name that no channel has.
    """
    wanted = {
        name: named(name, "channels") for name in dict.fromkeys((Popularity.name, *config.channels))
    }
    there = {
        "plays": True,
        "content": inputs.content_TC.nnz > 0,
        "friends": inputs.friends_UU.nnz > 0,
    }
    return {
        name: channel.of(config).fit(inputs)
        for name, channel in wanted.items()
        if there[channel.needs]
    }


def _place(channel: type[Channel]) -> str:
    return f"{channel.__module__}.{channel.__qualname__}"
