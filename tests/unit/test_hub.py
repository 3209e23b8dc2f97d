"""Waking those who watch, in one process."""

from __future__ import annotations

import asyncio

import pytest

from common.errors import TooManyWatchers
from common.jobs import state
from common.local.hub import Hub
from common.models import JobEvent, Options


def an_event(seq: int, job_id: str = "j") -> JobEvent:
    job = state.accept(job_id, options=Options(), now=0, expires_at=1)
    return state.event_of(job.model_copy(update={"seq": seq}))


def seqs(events: list[JobEvent] | None) -> list[int] | None:
    return None if events is None else [event.seq for event in events]


async def test_a_listener_hears_of_its_job_and_of_no_other() -> None:
    hub = Hub(in_all=10)
    with hub.listen("j") as listener:
        assert listener.since(1) == []
        await hub.publish(an_event(2))
        await hub.publish(an_event(2, "other"))
        assert await listener.news(1)
        assert seqs(listener.since(1)) == [2]
        assert listener.since(2) == []


async def test_news_that_came_since_it_was_last_asked_do_not_wait() -> None:
    hub = Hub(in_all=10)
    with hub.listen("j") as listener:
        listener.since(1)
        await hub.publish(an_event(2))
        assert await listener.news(60)


async def test_all_who_wait_are_woken_at_once_and_silence_ends_by_itself() -> None:
    hub = Hub(in_all=10)
    with hub.listen("j") as one, hub.listen("j") as other, hub.listen("k") as elsewhere:
        waiting = [asyncio.create_task(listener.news(60)) for listener in (one, other)]
        silent = asyncio.create_task(elsewhere.news(0.02))
        await asyncio.sleep(0)
        await hub.publish(an_event(2))
        assert await asyncio.gather(*waiting) == [True, True]
        assert await silent is False


async def test_one_whose_time_is_up_does_not_spoil_the_waiting_of_others() -> None:
    hub = Hub(in_all=10)
    with hub.listen("j") as hasty, hub.listen("j") as patient:
        waiting = asyncio.create_task(patient.news(60))
        assert await hasty.news(0.01) is False
        await hub.publish(an_event(2))
        assert await waiting is True


async def test_who_fell_behind_the_ring_is_sent_to_the_store() -> None:
    hub = Hub(in_all=10)
    with hub.listen("j") as listener:
        for seq in range(2, 102):
            await hub.publish(an_event(seq))
        assert listener.since(1) is None
        assert seqs(listener.since(99)) == [100, 101]


async def test_news_out_of_order_never_make_the_ring_look_whole() -> None:
    hub = Hub(in_all=10)
    with hub.listen("j") as listener:
        await hub.publish(an_event(2))
        await hub.publish(an_event(4))
        assert listener.since(1) is None
        assert listener.since(2) is None
        assert seqs(listener.since(3)) == [4]
        await hub.publish(an_event(3))
        assert listener.since(2) is None
        assert seqs(listener.since(3)) == [4]


async def test_listeners_are_limited_and_one_that_leaves_makes_room_for_another() -> None:
    hub = Hub(in_all=3)
    with hub.listen("j"), hub.listen("j"):
        with hub.listen("k"), pytest.raises(TooManyWatchers), hub.listen("l"):
            pass
        with hub.listen("l"), pytest.raises(TooManyWatchers), hub.listen("j"):
            pass
    with hub.listen("j"), hub.listen("j"), hub.listen("j"):
        pass


async def test_nothing_is_kept_of_jobs_that_nobody_watches() -> None:
    hub = Hub(in_all=3)
    await hub.publish(an_event(2))
    with hub.listen("j") as listener:
        await hub.publish(an_event(3))
        assert seqs(listener.since(2)) == [3]
    with hub.listen("j") as listener:
        assert listener.since(2) == []
    assert hub._topics == {}


async def test_closing_wakes_everybody_now_and_later() -> None:
    hub = Hub(in_all=3)
    with hub.listen("j") as listener:
        waiting = asyncio.create_task(listener.news(60))
        await asyncio.sleep(0)
        hub.close()
        assert await waiting
        assert listener.closing
        assert await listener.news(60)
    with hub.listen("k") as late:
        assert late.closing
        assert await late.news(60)
