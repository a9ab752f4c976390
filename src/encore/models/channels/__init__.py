"""Channels: small scorers with one contract. A plain dict maps their names to them."""

from encore.models.channels.als import Als
from encore.models.channels.contract import Channel
from encore.models.channels.item_knn import ItemKnn
from encore.models.channels.popularity import Popularity

__all__ = ["CHANNELS", "Als", "Channel", "ItemKnn", "Popularity"]

CHANNELS: dict[str, type[Channel]] = {
    Popularity.name: Popularity,
    ItemKnn.name: ItemKnn,
    Als.name: Als,
}
