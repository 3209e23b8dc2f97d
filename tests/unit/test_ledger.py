"""One client holds no more than its share of a pool."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from common.access.ledger import Ledger, all_but_one, share_of
from common.errors import TooManyWatchers


def test_a_client_is_refused_beyond_its_share_and_another_is_not() -> None:
    pool = Ledger({"watchers": 2}).pool("watchers")
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(pool.take("greedy", TooManyWatchers))
        with pytest.raises(TooManyWatchers), pool.take("greedy", TooManyWatchers):
            pass
        with pool.take("modest", TooManyWatchers):
            assert dict(pool.held) == {"greedy": 2, "modest": 1}
    with pool.take("greedy", TooManyWatchers), pool.take("greedy", TooManyWatchers):
        pass
    assert (dict(pool.held), pool.refused) == ({}, 1)


def test_a_client_without_a_name_is_bounded_by_the_pool_alone() -> None:
    pool = Ledger({"watchers": 1}).pool("watchers")
    with pool.take("", TooManyWatchers), pool.take("", TooManyWatchers):
        pass


def test_a_pool_without_a_bound_refuses_nobody() -> None:
    pool = Ledger().pool("ffmpeg")
    with ExitStack() as held:
        for _ in range(1000):
            held.enter_context(pool.take("greedy", TooManyWatchers))


@pytest.mark.parametrize(("places", "share", "most"), [(500, 0.5, 250), (1, 0.5, 1), (3, 1, 3), (3, 0.5, 1)])
def test_a_share_is_at_least_one_place(places: int, share: float, most: int) -> None:
    assert share_of(places, share) == most


@pytest.mark.parametrize(("places", "share", "most"), [(5, 0.5, 4), (1, 0.5, 1), (5, 1, 5), (2, 0.1, 1)])
def test_all_places_but_one_are_at_least_one(places: int, share: float, most: int) -> None:
    assert all_but_one(places, share) == most
