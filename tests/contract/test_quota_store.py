"""What every AccountStore promises of the one account that all processes share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from common.errors import AudioOverQuota
from common.ports import QuotaStore
from common.quota import Quota, Wait
from tests.contract.sample_jobs import NOW
from tests.contract.targets import DeploymentTarget


def reserve(seconds: float) -> Callable[[Quota], tuple[Quota, bool]]:
    def decide(quota: Quota) -> tuple[Quota, bool]:
        outcome = quota.reserve(NOW, seconds)
        return (quota, False) if isinstance(outcome, Wait) else (outcome, True)

    return decide


def look(quota: Quota) -> tuple[Quota, Quota]:
    return quota, quota


async def test_an_account_that_was_never_used_is_full(quota: QuotaStore) -> None:
    assert await quota.change(look) == Quota()


async def test_a_decision_is_stored_and_its_answer_returned(quota: QuotaStore) -> None:
    assert await quota.change(reserve(100)) is True
    left = await quota.change(look)
    assert left == Quota().reserve(NOW, 100)


async def test_another_process_sees_the_same_account(target: DeploymentTarget) -> None:
    await target.quota.change(reserve(100))
    assert await target.other_quota.change(look) == await target.quota.change(look)


async def test_concurrent_reservations_never_exceed_a_limit(target: DeploymentTarget) -> None:
    stores = [target.quota, target.other_quota] * 15
    reserved = await asyncio.gather(*(store.change(reserve(10)) for store in stores))
    assert sum(reserved) == 20  # requests a minute
    left = await target.quota.change(look)
    assert left.requests_per_minute.used == 20
    assert left.audio_per_hour.used == 200


async def test_what_a_decision_raises_flies_on_and_nothing_is_stored(quota: QuotaStore) -> None:
    await quota.change(reserve(100))
    before = await quota.change(look)
    with pytest.raises(AudioOverQuota):
        await quota.change(reserve(1e9))
    assert await quota.change(look) == before
