"""One caller holds no more than its share of a pool."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from common.access.shares import Shares, share_of
from common.errors import TooManyWatchers


def test_a_caller_is_refused_beyond_its_share_and_another_is_not() -> None:
    shares = Shares(2, TooManyWatchers)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(shares.take("greedy"))
        with pytest.raises(TooManyWatchers), shares.take("greedy"):
            pass
        with shares.take("modest"):
            pass
    with shares.take("greedy"), shares.take("greedy"):
        pass
    assert not shares._held


def test_a_caller_without_a_name_is_bounded_by_the_pool_alone() -> None:
    shares = Shares(1, TooManyWatchers)
    with shares.take(""), shares.take(""):
        pass


@pytest.mark.parametrize(("places", "share", "most"), [(500, 0.5, 250), (1, 0.5, 1), (3, 1, 3), (3, 0.5, 1)])
def test_a_share_is_at_least_one_place(places: int, share: float, most: int) -> None:
    assert share_of(places, share) == most
