"""What is told to others when telling itself goes wrong: nothing spins, nothing else waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.delivery.outbox import deliver
from common.delivery.webhook import WebhookSender
from common.errors import StorageFull
from common.groq.client import Groq
from common.jobs import state
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.relay import Relay
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.local.upload_ticket import UploadTickets
from common.models import Audio, Job, Transcript
from common.ports import Delivery, DeliveryFailed, Sender, Target
from common.services import Services
from common.settings import Settings
from tests.new_jobs import queued_job


class Counting:
    """A sender that does its work, or breaks as a bug would."""

    problem: str | None = None

    def __init__(self, broken: Exception | None = None) -> None:
        self.broken = broken
        self.pushed: list[str] = []
        self.first = asyncio.Event()

    async def send(self, job: Job, result: Transcript | None) -> None:
        self.pushed.append(job.job_id)
        self.first.set()
        if self.broken:
            raise self.broken


class Forgetful(SqliteJobs):
    """The disk is full: nothing of how a delivery went can be kept."""

    async def settle(self, delivery: Delivery) -> None:
        raise StorageFull


@asynccontextmanager
async def relaying(
    root: Path,
    sender: Sender | None,
    kind: type[SqliteJobs] = SqliteJobs,
    *,
    page: Sender | None = None,
) -> AsyncIterator[Services]:
    """The services of a relay that runs, with one sender to Convex and callbacks alike, or none."""
    database = Database(root / "jobs.sqlite3")
    services = Services(
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
        senders={"convex": page or sender, "callback": sender} if sender else {},
    )
    working = asyncio.create_task(Relay().work(services))
    try:
        yield services
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        database.close()


async def ended(
    services: Services, callback_url: str | None = None, targets: tuple[Target, ...] = ("callback",)
) -> Job:
    """A job that has failed, whose end is to be told."""
    now = services.now()
    job = queued_job(
        str(uuid4()),
        now=now,
        expires_at=now + 3600,
        audio=Audio(size_bytes=5, sha256="0" * 64),
        callback_url=callback_url,
    )
    await services.jobs.create(job, state.event_of(job), targets=targets)
    over = state.fail(job, StorageFull(), now=now, expires_at=now + 3600)
    await services.jobs.commit(over, state.event_of(over))
    return over


async def told(services: Services, job: Job) -> Delivery:
    found = await services.jobs.delivery(job.job_id, "callback")
    assert found
    return found


async def until_tried(services: Services, job: Job) -> Delivery:
    for _ in range(6000):
        if (delivery := await told(services, job)).last_error:
            return delivery
        await asyncio.sleep(0.01)
    raise AssertionError("it was never tried")


async def test_a_sender_that_breaks_is_asked_again_later_and_not_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.delivery.outbox._BACKOFF", (60.0,))
    sender = Counting(broken=RuntimeError("a bug"))
    async with relaying(tmp_path, sender) as services:
        job = await ended(services)
        delivery = await until_tried(services, job)
        await asyncio.sleep(0.3)
        assert (delivery.last_error, delivery.attempts) == ("RuntimeError", 1)
        assert len(sender.pushed) == 1


async def test_a_target_whose_setting_was_taken_away_waits_until_it_is_back(tmp_path: Path) -> None:
    async with relaying(tmp_path, None) as services:
        delivery = await until_tried(services, await ended(services))
        assert (delivery.last_error, delivery.attempts) == ("not_set_up", 1)
        assert delivery.confirmed_seq < delivery.wanted_seq
        assert delivery.next_at > services.now()


@pytest.mark.parametrize(("last_error", "is_given_up"), [("ConnectError", False), ("job_not_found", True)])
async def test_a_page_that_is_late_has_its_time_however_long_convex_was_away(
    tmp_path: Path, last_error: str, is_given_up: bool
) -> None:
    late = Counting(broken=DeliveryFailed("job_not_found", attempts=10))
    async with relaying(tmp_path, None) as services:
        job = await ended(services)
        tried = Delivery(job.job_id, "convex", job.seq, 0, attempts=9, next_at=0.0, last_error=last_error)
        after = await deliver(replace(services, senders={"convex": late}), tried)
    assert after.last_error == "job_not_found"
    assert (after.confirmed_seq == job.seq) is is_given_up
    assert is_given_up or after.attempts == 1


async def test_what_cannot_be_kept_does_not_go_out_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.local.relay._PAUSE", 60.0)
    sender = Counting()
    async with relaying(tmp_path, sender, Forgetful) as services:
        await ended(services)
        async with asyncio.timeout(60):
            await sender.first.wait()
        await asyncio.sleep(0.3)
        assert len(sender.pushed) == 1


async def test_callbacks_that_answer_nobody_keep_convex_from_nothing(tmp_path: Path) -> None:
    page = Counting()
    async with relaying(tmp_path, Silent(), page=page) as services:
        for _ in range(20):
            await ended(services)
        job = await ended(services, targets=("convex",))
        async with asyncio.timeout(60):
            await page.first.wait()
        assert page.pushed == [job.job_id]


class Silent(Counting):
    """A sender whose addresses never answer."""

    async def send(self, job: Job, result: Transcript | None) -> None:
        await asyncio.Event().wait()


async def test_an_address_that_is_none_is_recorded_and_not_tried_again(tmp_path: Path) -> None:
    sender = WebhookSender(secret="s", private_allowed=False, now=time.time)
    async with relaying(tmp_path, sender) as services:
        # As an older version took them: its rows are still there after an upgrade.
        job = await ended(services, "https://a..com/hook")
        delivery = await until_tried(services, job)
        assert delivery.last_error == "the address is none"
        assert delivery.confirmed_seq == delivery.wanted_seq


async def test_a_name_that_leads_to_this_machine_is_not_called(tmp_path: Path) -> None:
    sender = WebhookSender(secret="s", private_allowed=False, now=time.time)
    async with relaying(tmp_path, sender) as services:
        job = await ended(services, "https://127.1:1/hook")
        assert (await until_tried(services, job)).last_error == "the address is not a public one"


async def test_it_ends_though_it_was_woken_in_the_same_moment(tmp_path: Path) -> None:
    """Python 3.11's wait_for loses a cancellation that comes with what was waited for."""
    relay = Relay()
    async with relaying(tmp_path, Counting()) as services:
        working = asyncio.create_task(relay.work(services))
        await asyncio.sleep(0.2)  # it waits for news
        relay.wake()
        await asyncio.sleep(0)  # the news is on its way to it
        working.cancel()
        done, _ = await asyncio.wait([working], timeout=60)
        assert done
