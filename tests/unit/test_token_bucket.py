"""One bucket with its clock: how much it lets through, and for how long it makes a caller wait."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.token_bucket import CLOCK_JITTER, DAY, Bucket, Budget

NOW = 1_790_000_000.0


def budget(limit: float = 10.0, *, used: float = 0.0, pinned: bool = True) -> Budget:
    return Budget(at=NOW, bucket=Bucket(limit=limit, period=DAY, used=used, pinned=pinned))


def spend(account: Budget, now: float, times: int) -> Budget:
    for _ in range(times):
        account, wait = account.take(now)
        assert wait == 0
    return account


def test_a_spent_budget_refills_steadily() -> None:
    spent = spend(budget(10), NOW, 10)
    unchanged, wait = spent.take(NOW)
    assert unchanged == spent
    assert wait == pytest.approx(DAY / 10, abs=0.01)
    assert spent.take(NOW + DAY / 10 - 1)[1] > 0
    assert spent.take(NOW + wait)[1] == 0


@given(st.lists(st.floats(0, DAY), max_size=40), st.integers(1, 10))
def test_no_stretch_of_time_gets_more_than_the_bucket_and_its_refill(pauses: list[float], limit: int) -> None:
    account, now = budget(limit), NOW
    taken: list[float] = []
    for pause in pauses:
        now += pause
        account, wait = account.take(now)
        if not wait:
            taken.append(now)
    for first, last in combinations_with_replacement(range(len(taken)), 2):
        stretch = taken[last] - taken[first]
        assert last - first + 1 <= limit * (1 + stretch / DAY) + 1e-6


@given(st.floats(0, 1.5), st.floats(0.1, 1))
def test_what_fits_the_bucket_is_let_through_after_the_wait(used: float, share: float) -> None:
    account = budget(10, used=10 * used)
    _, wait = account.take(NOW, 10 * share)
    assert account.take(NOW + wait, 10 * share)[1] == 0


@given(st.floats(0, CLOCK_JITTER))
def test_a_clock_that_lags_gives_nothing_and_gets_a_wait_of_its_own(lag: float) -> None:
    spent = spend(budget(10), NOW, 10)
    _, wait = spent.take(NOW - lag)
    assert wait >= DAY / 10 + lag
    assert spent.take(NOW - lag + wait)[1] == 0


def test_a_clock_that_was_corrected_is_believed() -> None:
    spent = spend(budget(10), NOW, 10)
    _, wait = spent.take(NOW - 5 * DAY)
    assert wait == pytest.approx(DAY / 10, abs=0.01)


def test_a_stored_budget_has_the_limit_of_today_and_the_use_of_yesterday() -> None:
    stored = spend(budget(10), NOW, 4).model_dump_json(by_alias=True)
    resumed = budget(20).resume(stored)
    assert (resumed.bucket.limit, resumed.bucket.used, resumed.at) == (20, 4, NOW)


def test_a_stored_account_of_another_kind_counts_as_nothing() -> None:
    assert budget(10).resume('{"at": 5, "colour": "blue"}') == budget(10)
