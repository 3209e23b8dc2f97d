"""The sender to Convex against a small server on a socket: what it sends, and what each answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from common.delivery.convex import ConvexSender, monthly, snapshot_of
from common.errors import AudioUnreadable
from common.jobs import state
from common.local.sqlite.account import SqliteAccount
from common.local.sqlite.database import Database
from common.models import Audio, Job, Options, Segment, Transcript, Word
from common.quota import Quota
from common.sender_port import DeliveryFailed, DeliveryRejected
from tests.new_jobs import queued_job
from tests.wire import read_request

NOW = 1_700_000_000.25
ID = "0b5f1f0e-2f62-4c1e-8d0c-6a7f0f1f7b42"
AUDIO = Audio(size_bytes=5, sha256="0" * 64, filename="voz.mp3")
OK = (200, '{"ok": true, "outcome": "applied"}')

Reply = tuple[int, str] | str


def refusal(status: int, code: str) -> Reply:
    return (status, json.dumps({"ok": False, "error": {"code": code, "message": "…"}}))


class Deployment:
    """Answers `replies` in turn, the last one for ever.

    "hang" never answers, "cut" hangs up, "flood" sends without end.
    """

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)
        self.received: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.connections = 0
        self.flooded = 0
        self._handlers: set[asyncio.Task[Any] | None] = set()

    async def wait_for_clients(self) -> None:
        """Return once all its clients have gone."""
        await asyncio.gather(*filter(None, self._handlers))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._handlers.add(asyncio.current_task())
        try:
            while request := await read_request(reader):
                body = b"".join([part async for part in request.body()])
                self.paths.append(f"{request.method} {request.path}")
                self.headers.append(request.headers)
                self.received.append(json.loads(body))
                reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
                if isinstance(reply, str):
                    await self._misbehave(reply, reader, writer)
                    return
                status, text = reply
                answer = text.encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-length: {len(answer)}\r\n\r\n".encode() + answer
                )
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._handlers.discard(asyncio.current_task())
            writer.close()

    async def _misbehave(self, how: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if how == "hang":
            await reader.read()  # until the client has gone
        elif how == "flood":
            writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 1000000000\r\n\r\n")
            while not reader.at_eof() and self.flooded < 100_000_000:
                writer.write(b"x" * 100_000)
                self.flooded += 100_000
                await writer.drain()


class Sender(ConvexSender):
    """Its clock stands still, and it writes its pauses down instead of sleeping."""

    def __init__(self, url: str, **more: Any) -> None:
        self.clock = NOW
        self.slept: list[float] = []

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        super().__init__(site_url=url, api_key="the-key", now=lambda: self.clock, sleep=sleep, **more)

    def set_problem(self, problem: str) -> None:
        self.problem = problem


@asynccontextmanager
async def deployed(*replies: Reply, **more: Any) -> AsyncIterator[tuple[Deployment, Sender]]:
    deployment = Deployment(*replies)
    server = await asyncio.start_server(deployment.handle, "127.0.0.1", 0)
    sender = Sender(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", **more)
    try:
        yield deployment, sender
    finally:
        await sender.aclose()
        server.close()
        await deployment.wait_for_clients()


def queued(**more: Any) -> Job:
    return queued_job(ID, now=NOW, expires_at=NOW + 60, audio=AUDIO, **more)


def failed() -> Job:
    running = state.start(queued(), now=NOW + 1)
    return state.fail(running, AudioUnreadable(), now=NOW + 2.0004, expires_at=NOW + 60)


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────


async def test_a_push_is_one_post_with_the_key_and_the_whole_snapshot() -> None:
    async with deployed(OK) as (deployment, sender):
        job = queued(user_id="ana")
        await sender.send(job, None)
    assert deployment.paths == ["POST /transcription-jobs"]
    assert deployment.headers[0]["authorization"] == "Bearer the-key"
    assert deployment.headers[0]["content-type"] == "application/json"
    assert deployment.received == [snapshot_of(job, None)]
    assert sender.problem is None


async def test_pushes_share_a_connection_until_it_is_closed() -> None:
    async with deployed(OK) as (deployment, sender):
        for _ in range(3):
            await sender.send(queued(), None)
        assert deployment.connections == 1
        await sender.aclose()
        await sender.send(queued(), None)
        assert deployment.connections == 2


def test_one_sender_serves_one_event_loop_after_another(tmp_path: Path) -> None:
    deployment = Deployment(OK)

    async def once(sender: Sender | None) -> Sender:
        server = await asyncio.start_server(deployment.handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = sender or Sender("http://127.0.0.1:1")
        sender._url = f"http://127.0.0.1:{port}/transcription-jobs"
        await sender.send(queued(), None)
        assert sender._client is not None
        await sender._client.aclose()  # the loop ends, and what is open in it
        server.close()
        await deployment.wait_for_clients()
        return sender

    sender = asyncio.run(once(None))
    asyncio.run(once(sender))
    assert len(deployment.received) == 2


# ── tries ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_passing_failure_is_tried_three_times_with_pauses_between() -> None:
    async with deployed((500, "oh"), (502, "<html>"), OK) as (deployment, sender):
        await sender.send(queued(), None)
    assert len(deployment.received) == 3
    assert sender.slept == [0.2, 1.0]


async def test_a_third_failure_is_raised() -> None:
    async with deployed((500, "oh")) as (deployment, sender):
        with pytest.raises(DeliveryFailed) as raised:
            await sender.send(queued(), None)
    assert len(deployment.received) == 3
    failure = raised.value
    assert (failure.reason, failure.retry_after, failure.attempts) == ("answered 500", None, None)
    assert sender.problem is None


async def test_a_try_without_an_answer_ends_after_its_time_and_is_repeated() -> None:
    async with deployed("hang", OK, "hang", timeout=2.0) as (deployment, sender):
        await sender.send(queued(), None)
        assert (len(deployment.received), sender.slept) == (2, [0.2])
        sender._tries = 1
        with pytest.raises(DeliveryFailed, match=r"^(TimeoutError|ReadTimeout)$"):
            await sender.send(queued(), None)


async def test_a_connection_that_is_cut_is_a_failure_that_is_tried_again() -> None:
    async with deployed("cut", OK, "cut") as (deployment, sender):
        await sender.send(queued(), None)
        assert (len(deployment.received), sender.slept) == (2, [0.2])
        with pytest.raises(DeliveryFailed, match=r"^(RemoteProtocolError|ReadError)$"):
            await sender.send(queued(), None)


async def test_a_deployment_that_is_away_is_tried_three_times() -> None:
    sender = Sender("http://127.0.0.1:9")
    with pytest.raises(DeliveryFailed, match="ConnectError"):
        await sender.send(queued(), None)
    await sender.aclose()
    assert sender.slept == [0.2, 1.0]


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async with deployed("flood", tries=1) as (deployment, sender):
        with pytest.raises(DeliveryFailed, match="answered 500"):
            await sender.send(queued(), None)
    assert deployment.flooded < 20_000_000


# ── what answers mean ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "reason", "problem"),
    [
        (refusal(401, "unauthorized"), "unauthorized", "Convex refuses CONVEX_API_KEY (401)"),
        ((401, "who are you"), "answered 401", "Convex refuses CONVEX_API_KEY (401)"),
        ((403, "<html>"), "answered 403", "Convex refuses CONVEX_API_KEY (403)"),
        (refusal(403, "unauthorized"), "unauthorized", "Convex refuses CONVEX_API_KEY (403)"),
        ((404, "No matching routes found"), "answered 404", "CONVEX_SITE_URL has no /transcription-jobs"),
        (refusal(503, "not_configured"), "not_configured", "ESCRIBA_API_KEY is not set on the Convex"),
    ],
)
async def test_an_answer_that_concerns_every_job_stops_pushes_for_a_minute_and_is_a_problem(
    reply: Reply, reason: str, problem: str
) -> None:
    async with deployed(reply, OK) as (deployment, sender):
        with pytest.raises(DeliveryFailed) as raised:
            await sender.send(queued(), None)
        failure = raised.value
        assert (failure.reason, failure.retry_after, failure.attempts) == (reason, 60.0, None)
        assert sender.problem is not None
        assert sender.problem.startswith(problem)
        sender.clock += 59
        with pytest.raises(DeliveryFailed) as shut:
            await sender.send(queued(), None)
        assert shut.value.reason == "shut"
        assert shut.value.retry_after == pytest.approx(1.0)
        assert len(deployment.received) == 1  # one try, and none while it is shut
        assert sender.slept == []
        sender.clock += 1
        await sender.send(queued(), None)
        assert sender.problem is None


async def test_a_problem_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async with deployed(refusal(401, "unauthorized")) as (_, sender):
        for _ in range(3):
            with pytest.raises(DeliveryFailed):
                await sender.send(queued(), None)
            sender.clock += 60
    assert [record.message for record in caplog.records if record.name == "escriba"] == ["convex.refused"]


async def test_a_row_that_does_not_exist_yet_is_a_failure_with_ten_attempts() -> None:
    async with deployed(refusal(404, "job_not_found")) as (deployment, sender):
        sender.set_problem("an old problem")
        with pytest.raises(DeliveryFailed) as raised:
            await sender.send(queued(), None)
        failure = raised.value
        assert (failure.reason, failure.retry_after, failure.attempts) == ("job_not_found", 0.0, 10)
        assert len(deployment.received) == 1  # the back-off of deliveries repeats it, not this push
        assert sender.problem is None  # our functions have answered: address and key are right


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refusal(403, "user_mismatch"), "user_mismatch"),
        (refusal(400, "invalid_snapshot"), "invalid_snapshot"),
        ((400, "[]"), "answered 400"),
        (refusal(413, "too_large"), "too_large"),
    ],
)
async def test_an_answer_that_rejects_one_job_is_not_tried_again(reply: Reply, reason: str) -> None:
    async with deployed(reply, OK) as (deployment, sender):
        sender.set_problem("an old problem")
        with pytest.raises(DeliveryRejected) as raised:
            await sender.send(queued(), None)
        assert raised.value.reason == reason
        assert len(deployment.received) == 1
        assert sender.problem is None
        await sender.send(queued(), None)  # others pass


@pytest.mark.parametrize("reply", [(503, "busy"), (429, "{}"), (301, ""), refusal(503, "asleep")])
async def test_other_answers_stop_no_later_push(reply: Reply) -> None:
    async with deployed(reply, tries=1) as (_, sender):
        with pytest.raises(DeliveryFailed) as raised:
            await sender.send(queued(), None)
        assert (raised.value.retry_after, sender.problem) == (None, None)


# ── the budget ────────────────────────────────────────────────────────────────────────────────────


async def test_a_spent_budget_postpones_progress_and_never_the_end(tmp_path: Path) -> None:
    database = Database(tmp_path / "escriba.sqlite")
    budget = SqliteAccount(database, name="convex", start=monthly(60))
    async with deployed(OK, budget=budget) as (deployment, sender):
        await sender.send(queued(), None)
        await sender.send(queued(), None)
        with pytest.raises(DeliveryFailed) as raised:
            await sender.send(queued(), None)
        assert raised.value.reason == "budget"
        # A day's share is 2, so the next is free in half a day; no delivery is postponed for so long.
        assert raised.value.retry_after == 3600
        assert len(deployment.received) == 2
        await sender.send(failed(), None)
        assert len(deployment.received) == 3
        sender.clock += 43_201
        await sender.send(queued(), None)
    database.close()


def test_a_month_s_pushes_are_a_thirtieth_a_day() -> None:
    bucket = monthly(300_000).bucket
    assert (bucket.limit, bucket.period) == (10_000, 86_400)
    assert monthly(1).bucket.limit == 1


async def test_a_budget_that_an_older_version_stored_begins_anew(tmp_path: Path) -> None:
    database = Database(tmp_path / "escriba.sqlite")
    await SqliteAccount(database, name="convex", start=Quota()).change(lambda quota: quota.take(NOW, 0.0))
    budget = SqliteAccount(database, name="convex", start=monthly(60))
    assert await budget.change(lambda budget: budget.take(NOW)) == 0
    assert await budget.change(lambda budget: (budget, budget.bucket.used)) == 1
    database.close()


# ── the message ───────────────────────────────────────────────────────────────────────────────────

EMPTY = {
    "jobId": ID,
    "userId": None,
    "seq": 1,
    "run": 1,
    "status": "queued",
    "stage": "queue",
    "progress": 0,
    "chunks": {"done": 0, "total": None},
    "waitingUntil": None,
    "result": None,
    "error": None,
    "timestamps": {"createdAt": 1_700_000_000_250, "startedAt": None, "completedAt": None},
}
SAID = Transcript(
    text="Hola mundo",
    language="es",
    duration=2.5,
    model="whisper-large-v3-turbo",
    segments=(Segment(id=0, start=0.0, end=2.5, text=" Hola mundo", avg_logprob=-0.25),),
    words=(Word(word=" Hola", start=0.0, end=1.0), Word(word=" mundo", start=1.0, end=2.5)),
)
RESULT = {
    "text": "Hola mundo",
    "language": "es",
    "languages": ["es"],
    "duration": 2.5,
    "model": "whisper-large-v3-turbo",
    "segments": [{"id": 0, "start": 0.0, "end": 2.5, "text": "Hola mundo", "avgLogprob": -0.25}],
}


def snapshots() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """For each status what is sent, and what it must be."""
    job = queued(user_id="ana", locale="es")
    pending = state.accept(ID, options=Options(), now=NOW, expires_at=NOW + 60)
    running = state.start(job, now=NOW + 1)
    planned = state.plan(running, pieces=4, done=1, now=NOW + 2)
    waiting = state.wait(planned, until=NOW + 90.5, now=NOW + 3, attempt_counts=False)
    merging = state.merge(planned, now=NOW + 3)
    done = state.complete(merging, language="es", now=NOW + 4, expires_at=NOW + 60)
    cancelled = state.cancel(job, now=NOW + 1, expires_at=NOW + 60)
    started = {"createdAt": 1_700_000_000_250, "startedAt": 1_700_000_001_250, "completedAt": None}
    ended = {**started, "completedAt": 1_700_000_004_250}
    ana = {**EMPTY, "userId": "ana"}
    sending = {**ana, "status": "processing", "stage": "transcribe", "timestamps": started}
    quarter = {"chunks": {"done": 1, "total": 4}, "progress": planned.progress}
    return {
        "pending": (snapshot_of(pending, None), {**EMPTY, "status": "pending", "stage": "upload"}),
        "queued": (snapshot_of(job, None), ana),
        "processing": (snapshot_of(planned, None), {**sending, "seq": 3, **quarter}),
        "waiting": (
            snapshot_of(waiting, None),
            {**sending, "seq": 4, **quarter, "status": "waiting", "waitingUntil": 1_700_000_090_750},
        ),
        "completed": (
            snapshot_of(done, SAID),
            {
                **ana,
                "seq": 5,
                "status": "completed",
                "stage": None,
                "progress": 100,
                "chunks": {"done": 4, "total": 4},
                "result": RESULT,
                "timestamps": ended,
            },
        ),
        "failed": (
            snapshot_of(failed(), None),
            {
                **EMPTY,
                "seq": 3,
                "status": "failed",
                "stage": "prepare",
                "error": {
                    "code": "audio_unreadable",
                    "message": AudioUnreadable.sentence.en,
                    "hint": AudioUnreadable.hint and AudioUnreadable.hint.en,
                    "stage": "prepare",
                    "retryable": False,
                },
                "timestamps": {**started, "completedAt": 1_700_000_002_250},
            },
        ),
        "cancelled": (
            snapshot_of(cancelled, None),
            {
                **ana,
                "seq": 2,
                "status": "cancelled",
                "stage": "queue",
                "timestamps": {**started, "startedAt": None, "completedAt": 1_700_000_001_250},
            },
        ),
    }


@pytest.mark.parametrize(
    "status", ["pending", "queued", "processing", "waiting", "completed", "failed", "cancelled"]
)
def test_the_message_of_each_status(status: str) -> None:
    sent, expected = snapshots()[status]
    assert sent == expected
    assert json.loads(json.dumps(sent, allow_nan=False)) == expected
