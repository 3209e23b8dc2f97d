"""Who asks on and on waits for each refusal; nobody else waits, and nobody holds many connections by it."""

from __future__ import annotations

import asyncio
import time

from common.access.held_refusals import HeldRefusals

NOW = 1_800_000_000.0
GREEDY, ADDRESS, OWN = "key:1a2b3c4d", "address:192.0.2.7", "address:127.0.0.1"


async def test_sixteen_refusals_of_one_client_are_held_and_the_next_is_not() -> None:
    refusals = HeldRefusals(60)
    held = [asyncio.create_task(refusals.hold(GREEDY)) for _ in range(16)]
    await asyncio.sleep(0)
    await refusals.hold(GREEDY)
    assert not any(task.done() for task in held)
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    again = asyncio.create_task(refusals.hold(GREEDY))
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


async def test_an_address_learns_many_times_at_once_that_a_key_is_wrong_and_then_late() -> None:
    refusals = HeldRefusals(60)
    async with asyncio.timeout(50):  # a single one that is held would take longer
        for _ in range(60):
            await refusals.hold_failure(ADDRESS, NOW)
        late = asyncio.create_task(refusals.hold_failure(ADDRESS, NOW))
        await asyncio.sleep(0)
        for _ in range(50):
            await refusals.hold_failure(OWN, NOW)
            await refusals.hold_failure("address:192.0.2.8", NOW)
    assert not late.done()
    late.cancel()


async def test_a_refusal_that_is_held_ends_with_its_time() -> None:
    refusals, since = HeldRefusals(0.2), time.monotonic()
    for _ in range(61):
        await refusals.hold_failure(ADDRESS, NOW)
    assert time.monotonic() - since >= 0.2


async def test_where_waiting_costs_money_nothing_is_held() -> None:
    refusals = HeldRefusals()
    for _ in range(100):
        await refusals.hold(GREEDY)
        await refusals.hold_failure(ADDRESS, NOW)
