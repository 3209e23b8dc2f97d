"""How long each retry waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.backoff import Backoff, doubling


def test_pauses_come_in_order_and_the_last_one_repeats() -> None:
    backoff = Backoff((1.0, 5.0, 15.0))
    assert [backoff.pause(failures) for failures in (1, 2, 3, 4, 1000)] == [1, 5, 15, 15, 15]


@pytest.mark.parametrize(
    ("first", "longest", "pauses"),
    [
        (2, 300, (2, 4, 8, 16, 32, 64, 128, 256, 300)),
        (1, 8, (1, 2, 4, 8)),
        (5, 5, (5,)),
        (0.005, 0.01, (0.005, 0.01)),
    ],
)
def test_doubling_pauses_end_with_the_longest(
    first: float, longest: float, pauses: tuple[float, ...]
) -> None:
    assert doubling(first, longest) == pauses


@pytest.mark.parametrize(
    ("spread", "shortest", "longest"), [(0.0, 10.0, 10.0), (0.5, 5.0, 15.0), (1.0, 0.0, 20.0)]
)
def test_chance_moves_a_pause_by_its_spread_either_way(
    spread: float, shortest: float, longest: float
) -> None:
    backoff = Backoff((10.0,), spread)
    assert (backoff.pause(1, 0.0), backoff.pause(1, 0.5), backoff.pause(1, 1.0)) == (shortest, 10.0, longest)


@given(st.floats(0.001, 10), st.floats(0.001, 1e4), st.floats(0, 1), st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_is_never_negative_nor_beyond_the_longest_and_its_spread(
    first: float, longest: float, spread: float, failures: int, chance: float
) -> None:
    pause = Backoff(doubling(first, longest), spread).pause(failures, chance)
    assert 0 <= pause <= max(first, longest) * (1 + spread) + 1e-9
