"""Notifying the watchers in one process."""

from __future__ import annotations

import asyncio

import pytest

from common.errors import TooManyWatchers
from common.jobs import state
from common.jobs.events import make_event
from common.local.hub import Hub
from common.models import JobEvent, Options


def an_event(seq: int, job_id: str = "j") -> JobEvent:
    job = state.accept(job_id, options=Options(), now=0, expires_at=1)
    return make_event(job.model_copy(update={"seq": seq}))


def seqs(events: list[JobEvent] | None) -> list[int] | None:
    return None if events is None else [event.seq for event in events]


async def test_a_listener_gets_events_of_its_job_and_of_no_other() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as listener:
        assert listener.events_after(1) == []
        await hub.publish(an_event(2))
        await hub.publish(an_event(2, "other"))
        assert await listener.wait(1)
        assert seqs(listener.events_after(1)) == [2]
        assert listener.events_after(2) == []


async def test_an_event_since_the_last_look_ends_the_wait_at_once() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as listener:
        listener.events_after(1)
        await hub.publish(an_event(2))
        assert await listener.wait(60)


async def test_an_event_ends_the_wait_of_all_its_listeners_and_of_no_other() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as first, hub.listen("j") as second, hub.listen("k") as other:
        waiting = [asyncio.create_task(listener.wait(60)) for listener in (first, second)]
        waiting_for_other = asyncio.create_task(other.wait(0.02))
        await asyncio.sleep(0)
        await hub.publish(an_event(2))
        assert await asyncio.gather(*waiting) == [True, True]
        assert await waiting_for_other is False


async def test_a_listener_whose_time_is_up_does_not_end_the_wait_of_others() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as short, hub.listen("j") as long:
        waiting = asyncio.create_task(long.wait(60))
        assert await short.wait(0.01) is False
        await hub.publish(an_event(2))
        assert await waiting is True


async def test_a_listener_that_is_behind_the_buffer_must_read_the_store() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as listener:
        for seq in range(2, 102):
            await hub.publish(an_event(seq))
        assert listener.events_after(1) is None
        assert seqs(listener.events_after(99)) == [100, 101]


async def test_events_out_of_order_never_make_the_buffer_look_complete() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as listener:
        await hub.publish(an_event(2))
        await hub.publish(an_event(4))
        assert listener.events_after(1) is None
        assert listener.events_after(2) is None
        assert seqs(listener.events_after(3)) == [4]
        await hub.publish(an_event(3))
        assert listener.events_after(2) is None
        assert seqs(listener.events_after(3)) == [4]


async def test_listeners_are_limited_and_one_that_leaves_makes_room_for_another() -> None:
    hub = Hub(max_listeners=3)
    with hub.listen("j"), hub.listen("j"):
        with hub.listen("k"), pytest.raises(TooManyWatchers), hub.listen("l"):
            pass
        with hub.listen("l"), pytest.raises(TooManyWatchers), hub.listen("j"):
            pass
    with hub.listen("j"), hub.listen("j"), hub.listen("j"):
        pass


async def test_events_of_jobs_without_listeners_are_not_buffered() -> None:
    hub = Hub(max_listeners=3)
    await hub.publish(an_event(2))
    with hub.listen("j") as listener:
        await hub.publish(an_event(3))
        assert seqs(listener.events_after(2)) == [3]
    with hub.listen("j") as listener:
        assert listener.events_after(2) == []
    assert hub._topics == {}


async def test_closing_ends_the_wait_of_all_listeners_now_and_later() -> None:
    hub = Hub(max_listeners=3)
    with hub.listen("j") as listener:
        waiting = asyncio.create_task(listener.wait(60))
        await asyncio.sleep(0)
        hub.close()
        assert await waiting
        assert listener.is_closing
        assert await listener.wait(60)
    with hub.listen("k") as late:
        assert late.is_closing
        assert await late.wait(60)


async def test_what_another_process_stored_ends_the_wait_and_is_read_from_the_store() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as listener:
        listener.events_after(1)
        hub.note_stored("j", 2)
        hub.note_stored("nobody listens to this one", 2)
        assert await listener.wait(60)
        assert listener.events_after(1) is None
        assert listener.events_after(2) == [], "it has read it"
        await hub.publish(an_event(3))
        assert listener.events_after(1) is None
        assert seqs(listener.events_after(2)) == [3]
        hub.note_stored("j", 3)  # the same commit once more
        assert seqs(listener.events_after(2)) == [3]


async def test_a_gap_ends_the_wait_without_an_event_so_that_the_store_is_read() -> None:
    hub = Hub(max_listeners=10)
    with hub.listen("j") as listener:
        waiting = asyncio.create_task(listener.wait(60))
        await asyncio.sleep(0)
        hub.note_gap()
        assert await waiting is False
