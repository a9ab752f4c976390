"""Channels: small scorers with one contract. A plain dict maps their names to them."""

from encore.config import TrainConfig
from encore.errors import InputError
from encore.models.channels.als import Als
from encore.models.channels.bpr import Bpr
from encore.models.channels.content import Content
from encore.models.channels.contract import Channel
from encore.models.channels.ease import Ease
from encore.models.channels.friends import Friends
from encore.models.channels.hybrid import Hybrid
from encore.models.channels.item_knn import ItemKnn
from encore.models.channels.popularity import PersonalPopularity, Popularity
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
    "UserKnn",
    "fit_channels",
]

CHANNELS: dict[str, type[Channel]] = {
    channel.name: channel
    for channel in (
        Popularity,
        PersonalPopularity,
        ItemKnn,
        UserKnn,
        Als,
        Bpr,
        Ease,
        Hybrid,
        Content,
        Friends,
    )
}


def fit_channels(config: TrainConfig, inputs: Inputs) -> dict[str, Channel]:
    """Return the channels that `config` names and `inputs` feed, fitted; popularity always.

    Raises `InputError` on a name that no channel has.
    """
    wanted = dict.fromkeys((Popularity.name, *config.channels))
    unknown = [name for name in wanted if name not in CHANNELS]
    if unknown:
        raise InputError(f"channels: {unknown[0]!r} is none of {', '.join(CHANNELS)}")
    there = {
        "plays": True,
        "content": inputs.content_TC.nnz > 0,
        "friends": inputs.friends_UU.nnz > 0,
    }
    return {
        name: CHANNELS[name].of(config).fit(inputs)
        for name in wanted
        if there[CHANNELS[name].needs]
    }
