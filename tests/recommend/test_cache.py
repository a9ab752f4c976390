"""A kept list is the list itself, and goes when what it rests on changes."""

import pytest

from encore import Recommender, Rules
from encore.errors import UsageError
from encore.recommend.cache import EACH, Cache


class Counting(Recommender):
    made = 0

    def recommend(self, *args, **named):
        self.made += 1
        return super().recommend(*args, **named)


@pytest.fixture
def model(small_model: Recommender) -> Counting:
    return Counting(small_model.bundle)


def listeners(model: Recommender) -> list[str]:
    return model.bundle.features.listeners.ids.to_list()


def test_who_asks_again_gets_the_same_list_without_its_being_made(model: Counting) -> None:
    cache, user = Cache(model), listeners(model)[0]
    first = cache.recommend(user, 5)
    assert first == model.recommend(user, 5)
    made = model.made
    assert cache.recommend(user, 5) is first
    assert model.made == made
    assert (cache.told.hits, cache.told.misses, cache.told.rate) == (1, 1, 0.5)


def test_other_lengths_and_other_rules_are_other_lists(model: Counting) -> None:
    cache, user = Cache(model), listeners(model)[0]
    for n, rules in ((5, None), (6, None), (5, Rules.plain()), (5, Rules(per_artist=1))):
        found = cache.recommend(user, n, rules=rules)
        assert found == model.recommend(user, n, rules=rules)
    assert (cache.told.hits, cache.told.misses) == (0, 4)
    cache.recommend(user, 5, rules=Rules())  # what no rules are
    assert cache.told.hits == 1


def test_prices_are_found_when_they_are_read(model: Counting) -> None:
    cache, user, rules = Cache(model), listeners(model)[0], Rules(per_artist=1)
    kept = cache.recommend(user, 5, rules=rules)
    assert kept.prices == model.recommend(user, 5, rules=rules).prices != {}


def test_what_is_heard_of_a_listener_forgets_their_lists_alone(model: Counting) -> None:
    cache, (one, other) = Cache(model), listeners(model)[:2]
    for user in (one, other):
        cache.recommend(user)
        cache.recommend(user, 3)
    cache.forget(one)
    made = model.made
    cache.recommend(other)
    cache.recommend(other, 3)
    assert model.made == made
    cache.recommend(one)
    assert model.made == made + 1


def test_a_list_made_before_something_was_heard_is_not_kept(model: Counting) -> None:
    cache, user = Cache(model), listeners(model)[0]
    make = model.recommend

    def heard_of_meanwhile(*args, **named):
        found = make(*args, **named)
        cache.forget(user)
        return found

    model.recommend = heard_of_meanwhile  # type: ignore[method-assign]
    cache.recommend(user)
    model.recommend = make  # type: ignore[method-assign]
    cache.recommend(user)
    assert cache.told.hits == 0


def test_another_model_makes_all_lists_anew(model: Counting) -> None:
    cache, user = Cache(model), listeners(model)[0]
    cache.recommend(user)
    other = Counting(model.bundle)
    cache.use(other)
    cache.recommend(user)
    assert other.made == 1


def test_the_longest_unasked_goes_first(model: Counting) -> None:
    cache, (one, two, three) = Cache(model, size=2), listeners(model)[:3]
    cache.recommend(one)
    cache.recommend(two)
    cache.recommend(one)
    cache.recommend(three)
    cache.recommend(one)
    assert cache.told.hits == 2
    cache.recommend(two)
    assert cache.told.hits == 2


def test_of_one_listener_so_many_lists_are_kept(model: Counting) -> None:
    cache, user = Cache(model), listeners(model)[0]
    for n in range(1, EACH + 2):
        cache.recommend(user, n)
    cache.recommend(user, EACH + 1)
    assert cache.told.hits == 1
    cache.recommend(user, 1)
    assert cache.told.hits == 1


def test_a_cache_of_nothing_is_refused(model: Counting) -> None:
    with pytest.raises(UsageError, match="size = 0: expected 1 or more"):
        Cache(model, size=0)
