"""Deliveries go out side by side and in time, whatever breaks: a sender, the store, a receiver, the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.delivery import dispatch, rules
from common.delivery.dispatch import Dispatcher, deliver_during_run, deliver_pending
from common.delivery.outbox import deliver
from common.delivery.webhook import WebhookSender
from common.errors import StorageFull
from common.groq.client import Groq
from common.jobs import state
from common.jobs.events import make_event
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.models import Audio, Job, Transcript
from common.ports import Delivery, Target
from common.sender_port import DeliveryFailed, Sender
from common.services import Services
from common.settings import Settings
from common.upload.ticket import UploadTickets
from common.wiring import ledger
from tests.new_jobs import queued_job


class CountingSender:
    """Confirms everything, or raises `broken` as a bug would."""

    problem: str | None = None

    def __init__(self, broken: Exception | None = None) -> None:
        self.broken = broken
        self.sent: list[str] = []
        self.first = asyncio.Event()

    async def send(self, job: Job, result: Transcript | None, *, is_asked: bool = False) -> None:
        self.sent.append(job.job_id)
        self.first.set()
        if self.broken:
            raise self.broken


class SilentSender(CountingSender):
    """Its receivers answer once `answers` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def send(self, job: Job, result: Transcript | None, *, is_asked: bool = False) -> None:
        await super().send(job, result)
        await self.answers.wait()


class FullDisk(SqliteJobs):
    """Nothing of how a delivery went can be stored."""

    async def settle(self, delivery: Delivery) -> None:
        raise StorageFull


@asynccontextmanager
async def services_of(
    root: Path,
    sender: Sender | None = None,
    kind: type[SqliteJobs] = SqliteJobs,
    *,
    convex: Sender | None = None,
) -> AsyncIterator[Services]:
    """Services with one sender for Convex and webhooks alike, with two, or with none."""
    database = Database(root / "jobs.sqlite3")
    senders: dict[Target, Sender] = {}
    if sender:
        senders = {"convex": convex or sender, "callback": sender}
    yield Services(
        settings=Settings(data_dir=root),
        ffmpeg=Ffmpeg(),
        engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
        engine_problem=None,
        scratch=root,
        now=time.time,
        started_at=0.0,
        jobs=kind(database),
        audio=AudioFolder(root / "audio", budget_bytes=1, tickets=UploadTickets(b"s" * 32)),
        queue=SqliteQueue(database, now=time.time),
        subscribers=Hub(max_listeners=1),
        quota=None,
        senders=senders,
    )
    database.close()


@asynccontextmanager
async def dispatching(
    root: Path,
    sender: Sender | None = None,
    kind: type[SqliteJobs] = SqliteJobs,
    *,
    convex: Sender | None = None,
) -> AsyncIterator[Services]:
    """The same, with a dispatcher at work as in the container."""
    async with services_of(root, sender, kind, convex=convex) as services, Dispatcher(services) as dispatcher:
        running = asyncio.create_task(dispatcher.run())
        try:
            yield services
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def created(
    services: Services,
    callback_url: str | None = None,
    targets: tuple[Target, ...] = ("callback",),
    client: str | None = None,
) -> Job:
    now = services.now()
    job = queued_job(
        str(uuid4()),
        now=now,
        expires_at=now + 3600,
        audio=Audio(size_bytes=5, sha256="0" * 64),
        callback_url=callback_url,
        client=client,
    )
    await services.jobs.create(job, make_event(job), targets=targets)
    return job


async def end(services: Services, job: Job) -> Job:
    now = services.now()
    over = state.fail(job, StorageFull(), now=now, expires_at=now + 3600)
    await services.jobs.commit(over, make_event(over))
    return over


async def ended(
    services: Services, callback_url: str | None = None, targets: tuple[Target, ...] = ("callback",)
) -> Job:
    """A job that has failed, whose end is to be delivered."""
    return await end(services, await created(services, callback_url, targets))


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def delivery_of(services: Services, job: Job, target: Target = "callback") -> Delivery:
    found = await services.jobs.delivery(job.job_id, target)
    assert found
    return found


async def failed_delivery(services: Services, job: Job) -> Delivery:
    """The delivery once a try has failed."""
    for _ in range(6000):
        if (delivery := await delivery_of(services, job)).last_error:
            return delivery
        await asyncio.sleep(0.01)
    raise AssertionError("it was never tried")


# ── in the container ──────────────────────────────────────────────────────────────────────────────


async def test_a_sender_that_breaks_is_called_again_later_and_not_at_once(tmp_path: Path) -> None:
    sender = CountingSender(broken=RuntimeError("a bug"))
    async with dispatching(tmp_path, sender) as services:
        job = await ended(services)
        delivery = await failed_delivery(services, job)
        await asyncio.sleep(0.3)
        assert (delivery.last_error, delivery.attempts) == ("RuntimeError", 1)
        assert len(sender.sent) == 1


async def test_a_target_without_its_setting_waits_until_it_is_back(tmp_path: Path) -> None:
    async with dispatching(tmp_path) as services:
        delivery = await failed_delivery(services, await ended(services))
        assert (delivery.last_error, delivery.attempts) == ("not_set_up", 1)
        assert delivery.is_open
        assert delivery.next_at > services.now()


async def test_what_cannot_be_stored_does_not_go_out_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_PAUSE", 60.0)
    sender = CountingSender()
    async with dispatching(tmp_path, sender, FullDisk) as services:
        await ended(services)
        async with asyncio.timeout(60):
            await sender.first.wait()
        await asyncio.sleep(0.3)
        assert len(sender.sent) == 1


async def test_webhooks_that_never_answer_do_not_hold_up_convex(tmp_path: Path) -> None:
    convex, webhooks = CountingSender(), SilentSender()
    async with dispatching(tmp_path, webhooks, convex=convex) as services:
        for _ in range(20):
            await ended(services)
        job = await ended(services, targets=("convex",))
        async with asyncio.timeout(60):
            await convex.first.wait()
        assert convex.sent == [job.job_id]
        assert len(webhooks.sent) <= dispatch.AT_ONCE


async def test_webhooks_of_one_client_that_never_answer_leave_places_to_anothers(tmp_path: Path) -> None:
    sender = SilentSender()
    async with services_of(tmp_path, sender) as open_services:
        services = replace(open_services, ledger=ledger(open_services.settings))
        for _ in range(12):
            await end(services, await created(services, client="greedy"))
        modest = await end(services, await created(services, client="modest"))
        async with Dispatcher(services) as dispatcher:
            running = asyncio.create_task(dispatcher.run())
            await until(lambda: modest.job_id in sender.sent)
            assert len(sender.sent) == 3  # two of greedy's
            sender.answers.set()
            await until(lambda: len(sender.sent) == 13)
            running.cancel()
        assert not services.ledger.pool("webhooks").held


async def test_a_commit_is_delivered_at_once_where_it_is_signalled(tmp_path: Path) -> None:
    changed, sender = asyncio.Event(), CountingSender()
    async with (
        services_of(tmp_path, sender) as services,
        Dispatcher(services, changed=changed, look_every=None) as dispatcher,
    ):
        running = asyncio.create_task(dispatcher.run())
        await asyncio.sleep(0.2)  # it has looked and found nothing
        await ended(services)
        changed.set()
        async with asyncio.timeout(60):
            await sender.first.wait()
        running.cancel()


async def test_it_ends_though_a_change_comes_in_the_same_moment(tmp_path: Path) -> None:
    """Python 3.11's wait_for loses a cancellation that comes with what was waited for."""
    changed = asyncio.Event()
    async with services_of(tmp_path) as services, Dispatcher(services, changed=changed) as dispatcher:
        running = asyncio.create_task(dispatcher.run())
        await asyncio.sleep(0.2)  # it waits for a change
        changed.set()
        await asyncio.sleep(0)  # the change is on its way to it
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=60)
        assert done


async def test_what_is_in_progress_at_the_end_is_cancelled_and_stays_due(tmp_path: Path) -> None:
    sender = SilentSender()
    async with services_of(tmp_path, sender) as services:
        job = await ended(services)
        async with asyncio.timeout(60), Dispatcher(services) as dispatcher:
            running = asyncio.create_task(dispatcher.run())
            await sender.first.wait()
            running.cancel()
        assert rules.is_due(await delivery_of(services, job), services.now())


# ── in a round of a Lambda function ───────────────────────────────────────────────────────────────


async def test_a_round_delivers_all_that_is_due_each_once(tmp_path: Path) -> None:
    sender = CountingSender(broken=DeliveryFailed("ConnectError", retry_after=0))
    async with services_of(tmp_path, sender) as services:
        jobs = [await ended(services) for _ in range(3 * dispatch.AT_ONCE)]
        # They are due again at once, by a clock that leaps with every look at it.
        leaping = iter(range(int(services.now()), 1 << 60, 3))
        await deliver_pending(replace(services, now=lambda: float(next(leaping))), until=float("inf"))
        assert sorted(sender.sent) == sorted(job.job_id for job in jobs)


async def test_a_round_ends_in_time_and_finishes_what_it_started(tmp_path: Path) -> None:
    sender = SilentSender()
    async with services_of(tmp_path, sender) as services:
        jobs = [await ended(services) for _ in range(2 * dispatch.AT_ONCE)]
        round_ = asyncio.create_task(deliver_pending(services, until=services.now() + 0.3))
        await asyncio.sleep(0.6)
        assert not round_.done()
        sender.answers.set()
        async with asyncio.timeout(60):
            await round_
        closed = [job for job in jobs if not (await delivery_of(services, job)).is_open]
        assert len(closed) == len(sender.sent) == dispatch.AT_ONCE


async def test_a_round_is_not_held_up_by_webhooks_that_never_answer(tmp_path: Path) -> None:
    convex, webhooks = CountingSender(), SilentSender()
    async with services_of(tmp_path, webhooks, convex=convex) as services:
        for _ in range(2 * dispatch.AT_ONCE):
            await ended(services, targets=("convex", "callback"))
        round_ = asyncio.create_task(deliver_pending(services, until=services.now() + 60))
        for _ in range(5000):
            if len(convex.sent) == 2 * dispatch.AT_ONCE:
                break
            await asyncio.sleep(0.01)
        assert len(convex.sent) == 2 * dispatch.AT_ONCE
        round_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await round_


async def test_a_round_raises_what_the_store_raises(tmp_path: Path) -> None:
    async with services_of(tmp_path, CountingSender()) as services:
        (tmp_path / "jobs.sqlite3").write_bytes(b"no database" * 1000)
        with pytest.raises(Exception, match="database"):
            await deliver_pending(services, until=services.now() + 60)


# ── beside a run of a Lambda function ─────────────────────────────────────────────────────────────


async def test_a_run_delivers_its_own_job_while_it_runs_and_its_end_after_it(tmp_path: Path) -> None:
    sender = CountingSender()
    async with services_of(tmp_path, sender) as services:
        other = await ended(services)
        job = await created(services, targets=("convex", "callback"))
        async with asyncio.timeout(60), deliver_during_run(services, job.job_id):
            await sender.first.wait()
            await end(services, job)
        assert not (await delivery_of(services, job, "convex")).is_open
        assert not (await delivery_of(services, job, "callback")).is_open
        assert (await delivery_of(services, other)).is_open
        assert set(sender.sent) == {job.job_id}


async def test_what_is_in_progress_when_a_run_ends_is_sent_once(tmp_path: Path) -> None:
    webhooks = SilentSender()
    async with services_of(tmp_path, webhooks, convex=CountingSender()) as services:
        job = await ended(services)
        async with asyncio.timeout(60), deliver_during_run(services, job.job_id):
            await webhooks.first.wait()
            asyncio.get_running_loop().call_later(0.2, webhooks.answers.set)
        assert webhooks.sent == [job.job_id]
        assert not (await delivery_of(services, job)).is_open


async def test_the_end_is_delivered_after_a_run_though_the_clock_has_stepped_back(tmp_path: Path) -> None:
    sender = CountingSender()
    async with services_of(tmp_path, sender) as services:
        job = await ended(services)
        earlier = replace(services, now=lambda: time.time() - 600)
        async with deliver_during_run(earlier, job.job_id):
            pass
        assert sender.sent == [job.job_id]


async def test_a_run_waits_a_limited_time_for_a_receiver_that_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_LAST_DELIVERIES", 0.3)
    sender = SilentSender()
    async with services_of(tmp_path, sender) as services:
        job = await ended(services)
        async with asyncio.timeout(30), deliver_during_run(services, job.job_id):
            await sender.first.wait()
        assert rules.is_due(await delivery_of(services, job), services.now())


# ── one delivery ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("last_error", "is_rejected"), [("ConnectError", False), ("job_not_found", True)])
async def test_a_late_page_has_all_its_tries_however_long_convex_was_away(
    tmp_path: Path, last_error: str, is_rejected: bool
) -> None:
    late = CountingSender(broken=DeliveryFailed("job_not_found", attempts=10))
    async with services_of(tmp_path, late) as services:
        job = await ended(services, targets=("convex",))
        stored = replace(await delivery_of(services, job, "convex"), attempts=9, last_error=last_error)
        tried = await deliver(services, stored)
    assert tried.last_error == "job_not_found"
    assert (tried.confirmed_seq == job.seq) is is_rejected
    assert is_rejected or tried.attempts == 1


async def test_an_invalid_address_is_recorded_and_not_tried_again(tmp_path: Path) -> None:
    sender = WebhookSender(secret="s", private_allowed=False, now=time.time)
    async with services_of(tmp_path, sender) as services:
        # An older version accepted it: its row is still there after an upgrade.
        job = await ended(services, "https://a..com/hook")
        tried = await deliver(services, await delivery_of(services, job))
    assert tried.last_error == "the address is not valid"
    assert not tried.is_open


async def test_a_name_that_leads_to_this_machine_is_not_called(tmp_path: Path) -> None:
    sender = WebhookSender(secret="s", private_allowed=False, now=time.time)
    async with services_of(tmp_path, sender) as services:
        job = await ended(services, "https://127.1:1/hook")
        tried = await deliver(services, await delivery_of(services, job))
    assert tried.last_error == "the address is not a public one"
