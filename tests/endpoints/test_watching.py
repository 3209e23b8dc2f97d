"""Watching jobs by WebSocket and SSE: real sockets, real clients, the real store."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from common.errors import EngineBroken, StoreUnavailable
from common.http import disconnect
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.events import make_event
from common.jobs.watch import drop_superseded
from common.local.server.connections import ConnectionLimits
from common.models import Job, Piece
from tests.job_service import JobService
from tests.serving import wait_until

Message = dict[str, Any]

UNKNOWN = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobService]:
    with JobService(tmp_path_factory.mktemp("jobs")) as running:
        yield running


async def by_socket(
    service: JobService, job_id: str, *, after: int | None = None, **arguments: Any
) -> AsyncGenerator[Message, None]:
    """Every message until the server closes with 1000."""
    query = "" if after is None else f"?after={after}"
    async with connect(
        f"{service.ws_url}/ws/transcription/{job_id}{query}", open_timeout=60, **arguments
    ) as watching:
        async for text in watching:
            yield json.loads(text)
        assert watching.close_code == 1000


async def by_events(
    service: JobService, job_id: str, *, after: int | None = None
) -> AsyncGenerator[Message, None]:
    """As an EventSource does, with the last id."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with (
        httpx.AsyncClient(timeout=60, verify=False) as client,
        client.stream("GET", f"{service.url}/job/{job_id}/events", headers=headers) as answer,
    ):
        assert answer.status_code in {200, 204}
        last_id = ""
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                last_id = line.removeprefix("id: ")
            if line.startswith("data: "):
                message = json.loads(line.removeprefix("data: "))
                assert str(message["seq"]) == last_id
                yield message


async def all_of(messages: AsyncIterator[Message]) -> list[Message]:
    return [message async for message in messages]


PROTOCOLS = pytest.mark.parametrize("watch", [by_socket, by_events], ids=["socket", "events"])


# ── what a watcher gets ────────────────────────────────────────────────────────────────────────


async def run_to_the_end(service: JobService, job: Job, pieces: int = 3) -> None:
    """From queued to completed, in the steps of a worker."""
    running = await commit_job(service.services, state.start(job, now=service.now()))
    running = await service.report_progress(running, 0.5)
    running = await commit_job(
        service.services, state.plan(running, pieces=pieces, done=0, now=service.now())
    )
    for index in range(pieces):
        running = await service.add_piece(running, f"pieza {index} ¿sí?")
    await service.complete(running)


@PROTOCOLS
async def test_a_watcher_gets_a_snapshot_and_then_every_change_in_order(
    service: JobService, watch: Any
) -> None:
    job = await service.call_async(service.create_queued())
    messages = watch(service, job.job_id)
    first = await anext(messages)
    await service.call_async(run_to_the_end(service, job))
    rest = await all_of(messages)
    assert (first["type"], first["seq"], first["pieces"]) == ("snapshot", 1, [])
    assert first["job"]["status"] == "queued"
    assert [message["text"] for message in rest if message["type"] == "text"] == [
        f"pieza {index} ¿sí?" for index in range(3)
    ]
    statuses = [message["job"]["status"] for message in rest if message["type"] == "state"]
    assert statuses == ["processing", "processing", "completed"]
    seqs = [message["seq"] for message in rest]
    assert seqs == sorted(set(seqs))
    assert "result" not in rest[-1]["job"]


@PROTOCOLS
async def test_the_snapshot_has_the_pieces_so_far(service: JobService, watch: Any) -> None:
    job = await service.call_async(service.create_running(2))
    job = await service.call_async(service.add_piece(job, "Hola"))
    messages = watch(service, job.job_id)
    first = await anext(messages)
    assert first["pieces"] == [{"index": 0, "start": 0.0, "end": 2.5, "text": "Hola"}]
    job = await service.call_async(service.add_piece(job, "mundo"))
    await service.call_async(service.complete(job))
    rest = await all_of(messages)
    assert [message["text"] for message in rest if message["type"] == "text"] == ["mundo"]


@PROTOCOLS
async def test_a_watcher_that_comes_while_the_store_goes_away_waits_for_it(
    service: JobService, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await service.call_async(service.complete(text="Hola"))
    jobs, failures = service.services.jobs, [StoreUnavailable(retry_after=0.05)] * 3
    read = jobs.pieces

    async def pieces(job_id: str) -> list[Piece]:
        if failures:
            raise failures.pop()
        return await read(job_id)

    monkeypatch.setattr(jobs, "pieces", pieces)
    messages = [message for message in await all_of(watch(service, job.job_id)) if message["type"] != "ping"]
    assert [message["type"] for message in messages] == ["snapshot"]
    assert not failures


@PROTOCOLS
async def test_a_watcher_that_reconnects_gets_what_it_missed_and_nothing_twice(
    service: JobService, watch: Any
) -> None:
    job = await service.call_async(service.create_queued())
    await service.call_async(run_to_the_end(service, job))
    missed = await all_of(watch(service, job.job_id, after=2))
    assert [message["type"] for message in missed].count("text") == 3
    assert "snapshot" not in {message["type"] for message in missed}
    assert all(message["seq"] > 2 for message in missed)
    assert missed[-1]["job"]["status"] == "completed"


@PROTOCOLS
async def test_a_seq_that_was_never_reached_gets_a_snapshot(service: JobService, watch: Any) -> None:
    job = await service.call_async(service.complete())
    received = await all_of(watch(service, job.job_id, after=999_999))
    assert [message["type"] for message in received] == ["snapshot"]


@PROTOCOLS
async def test_a_watcher_that_has_the_last_event_gets_nothing(service: JobService, watch: Any) -> None:
    job = await service.call_async(service.complete())
    assert await all_of(watch(service, job.job_id, after=job.seq)) == []


async def test_an_event_source_that_has_the_last_event_gets_204(service: JobService) -> None:
    job = await service.call_async(service.complete())
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(
            f"{service.url}/job/{job.job_id}/events", headers={"Last-Event-ID": str(job.seq)}
        )
    assert answer.status_code == 204


async def test_events_have_the_form_that_an_event_source_needs(service: JobService) -> None:
    job = await service.call_async(service.complete())
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(f"{service.url}/job/{job.job_id}/events?after=1")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    retry, *events, end = answer.text.split("\n\n")
    assert retry == "retry: 2000"
    assert end == ""
    assert all(event.startswith("id: ") and event.count("\n") == 1 for event in events)


@PROTOCOLS
async def test_a_failure_is_in_the_watchers_language(service: JobService, watch: Any) -> None:
    job = await service.call_async(service.create_failed(EngineBroken()))
    received = await all_of(
        by_socket(service, job.job_id, additional_headers={"Accept-Language": "es"})
        if watch is by_socket
        else by_events(service, job.job_id)
    )
    expected = "El motor" if watch is by_socket else "The transcription engine"
    assert received[-1]["job"]["error"]["message"].startswith(expected)


@PROTOCOLS
async def test_cancelling_ends_the_watch(service: JobService, watch: Any) -> None:
    job = await service.call_async(service.create_running())
    messages = watch(service, job.job_id)
    await anext(messages)
    async with httpx.AsyncClient(timeout=60) as client:
        await client.delete(f"{service.url}/job/{job.job_id}")
    assert (await all_of(messages))[0]["job"]["status"] == "cancelled"


@PROTOCOLS
async def test_a_retried_job_can_be_watched_from_its_last_seq(service: JobService, watch: Any) -> None:
    job = await service.call_async(service.create_failed(EngineBroken()))
    async with httpx.AsyncClient(timeout=60) as client:
        await client.post(f"{service.url}/job/{job.job_id}/retry")
    messages = watch(service, job.job_id, after=1)
    async with aclosing(messages):
        statuses = []
        while "queued" not in statuses:
            statuses.append((await anext(messages))["job"]["status"])
    assert statuses[-2:] == ["failed", "queued"]


async def test_changes_by_another_process_are_sent_with_the_next_heartbeat(tmp_path: Path) -> None:
    with JobService(tmp_path, watch_heartbeat=0.1) as service:
        job = await service.call_async(service.create_running(1))
        messages = by_socket(service, job.job_id)
        await anext(messages)
        # Committed but not published, as by another process on the same file.
        done = state.complete(job, language=None, now=service.now(), expires_at=service.now() + 60)
        await service.call_async(service.services.jobs.commit(done, make_event(done)))
        received = [message for message in await all_of(messages) if message["type"] != "ping"]
        assert [message["job"]["status"] for message in received] == ["completed"]


async def test_a_job_without_changes_has_heartbeats(tmp_path: Path) -> None:
    with JobService(tmp_path, watch_heartbeat=0.05) as service:
        job = await service.call_async(service.create_queued())
        async with aclosing(by_socket(service, job.job_id)) as messages:
            assert [(await anext(messages))["type"] for _ in range(3)] == ["snapshot", "ping", "ping"]
        async with (
            httpx.AsyncClient(timeout=60) as client,
            client.stream("GET", f"{service.url}/job/{job.job_id}/events") as answer,
        ):
            lines = answer.aiter_lines()
            while await anext(lines) != ":":
                pass


# ── clients that may not watch ─────────────────────────────────────────────────────────────────────────────


async def closing_of(service: JobService, job_id: str, **arguments: Any) -> tuple[int | None, str | None]:
    async with connect(
        f"{service.ws_url}/ws/transcription/{job_id}", open_timeout=60, **arguments
    ) as watching:
        with suppress(ConnectionClosed):
            while True:
                await watching.recv()
        return watching.close_code, watching.close_reason


@pytest.mark.parametrize("job_id", [UNKNOWN, "x", "%00", "..%5c..%5cx", "a" * 5000])
async def test_an_unknown_job_closes_with_4404(service: JobService, job_id: str) -> None:
    assert await closing_of(service, job_id) == (4404, "There is no such job.")


async def test_a_deleted_job_closes_with_4410_and_its_events_are_410(service: JobService) -> None:
    job = await service.call_async(service.complete())
    async with httpx.AsyncClient(timeout=60) as client:
        await client.delete(f"{service.url}/job/{job.job_id}")
        assert (await client.get(f"{service.url}/job/{job.job_id}/events")).status_code == 410
    code, reason = await closing_of(service, job.job_id, additional_headers={"Accept-Language": "es"})
    assert code == 4410
    assert reason is not None
    assert reason.startswith("El texto y el audio")


async def test_too_many_watchers_close_with_4429_and_are_429(tmp_path: Path) -> None:
    with JobService(tmp_path, max_watchers=2) as service:
        job = await service.call_async(service.create_queued())
        one, other = by_socket(service, job.job_id), by_events(service, job.job_id)
        async with aclosing(one), aclosing(other), httpx.AsyncClient(timeout=60) as client:
            await anext(one)
            await anext(other)
            assert (await closing_of(service, job.job_id))[0] == 4429
            for path in ("/events", "?wait=1"):
                answer = await client.get(f"{service.url}/job/{job.job_id}{path}")
                assert answer.status_code == 429
                assert answer.json()["error"]["code"] == "too_many_watchers"
            assert (await client.get(f"{service.url}/job/{job.job_id}")).status_code == 200
        await asyncio.to_thread(wait_until, lambda: service.services.active.watchers == 0)


async def test_only_pages_of_allowed_origins_and_of_our_own_may_open_sockets(tmp_path: Path) -> None:
    with JobService(tmp_path, cors_origins=("https://page.example",)) as service:
        job = await service.call_async(service.complete())
        for origin in (None, "https://page.example", f"http://127.0.0.1:{service.port}"):
            assert (await closing_of(service, job.job_id, origin=origin))[0] == 1000
        for origin in ("https://evil.example", "null", "https://page.example.evil.example"):
            with pytest.raises(InvalidStatus) as refused:
                await closing_of(service, job.job_id, origin=origin)
            assert refused.value.response.status_code == 403


async def test_any_page_may_open_a_socket_where_no_origin_is_set_or_all_are_allowed(
    service: JobService, tmp_path: Path
) -> None:
    job = await service.call_async(service.complete())
    assert (await closing_of(service, job.job_id, origin="https://any.example"))[0] == 1000
    with JobService(tmp_path, cors_origins=("*",)) as open_to_all:
        job = await open_to_all.call_async(open_to_all.complete())
        assert (await closing_of(open_to_all, job.job_id, origin="https://any.example"))[0] == 1000


async def test_what_a_watcher_sends_is_ignored_and_too_large_a_message_closes(service: JobService) -> None:
    job = await service.call_async(service.create_running(1))
    async with connect(f"{service.ws_url}/ws/transcription/{job.job_id}", open_timeout=60) as watching:
        await watching.recv()
        for message in ("hello", '{"type":"cancel"}', b"\x00\xff", ""):
            await watching.send(message)
        job = await service.call_async(service.add_piece(job, "Hola"))
        assert json.loads(await watching.recv())["text"] == "Hola"
        await watching.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            await watching.recv()
        assert watching.close_code == 1009


async def test_a_shutdown_closes_with_1012_and_does_not_wait_for_watchers(tmp_path: Path) -> None:
    with JobService(tmp_path) as service:
        job = await service.call_async(service.create_queued())
        events = by_events(service, job.job_id)
        await anext(events)
        async with connect(f"{service.ws_url}/ws/transcription/{job.job_id}", open_timeout=60) as watching:
            await watching.recv()
            service.stop()
            with pytest.raises(ConnectionClosed):
                await watching.recv()
            assert (watching.close_code, watching.close_reason) == (1012, "connect again")
        assert await all_of(events) == []  # the stream ends regularly, so an EventSource reconnects


# ── many at once ──────────────────────────────────────────────────────────────────────────────────


async def watch_to_the_end(
    service: JobService, job_id: str, random_: random.Random, watch: Any
) -> list[Message]:
    """Watch over connections that break now and then, each from the last seq."""
    received: list[Message] = []
    while not (received and received[-1]["job"]["status"] == "completed"):
        messages_left = random_.choice([1, 3, 10, 1000])
        after = received[-1]["seq"] if received else None
        messages = watch(service, job_id, after=after)
        async with aclosing(messages):
            async for message in messages:
                if message["type"] != "ping":
                    received.append(message)
                messages_left -= 1
                if not messages_left:
                    break
    return received


@pytest.mark.alone
async def test_a_hundred_watchers_that_reconnect_get_the_same_states_and_the_same_text(
    service: JobService,
) -> None:
    job = await service.call_async(service.create_queued())
    watchers = [
        asyncio.create_task(
            watch_to_the_end(service, job.job_id, random.Random(number), (by_socket, by_events)[number % 2])
        )
        for number in range(100)
    ]
    await asyncio.to_thread(wait_until, lambda: service.services.active.watchers >= 60)
    await service.call_async(run_to_the_end(service, job, pieces=40))
    received = await asyncio.gather(*watchers)
    events = await service.call_async(service.services.jobs.events(job.job_id, after=1))
    states = [(event.seq, event.job.status, event.job.stage) for event in events if event.type == "state"]
    texts = [(event.index, event.text) for event in events if event.type == "text"]
    assert len(texts) == 40
    for messages in received:
        seqs = [message["seq"] for message in messages]
        assert seqs == sorted(set(seqs))
        mine = _states(messages)
        assert mine == states[len(states) - len(mine) :]
        assert _texts(messages) == texts
    # A watcher from the beginning got every state.
    assert all(_states(messages) == states for messages in received if messages[0]["seq"] == 1)
    assert sum(messages[0]["seq"] == 1 for messages in received) >= 20


def _states(messages: list[Message]) -> list[tuple[int, str, str | None]]:
    return [
        (message["seq"], message["job"]["status"], message["job"]["stage"])
        for message in messages
        if message["type"] == "state"
    ]


def _texts(messages: list[Message]) -> list[tuple[int, str]]:
    pieces = [piece for message in messages for piece in message.get("pieces", [])]
    news = [message for message in messages if message["type"] == "text"]
    return sorted((piece["index"], piece["text"]) for piece in [*pieces, *news])


# ── clients that do not read ─────────────────────────────────────────────────────────────────────────────


def connect_without_reading(port: int, request: str) -> socket.socket:
    """A client that sends a request and then never reads."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(request.encode())
    return client


def events_without_reading(port: int, job_id: str) -> socket.socket:
    return connect_without_reading(port, f"GET /job/{job_id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n")


def socket_without_reading(port: int, job_id: str) -> socket.socket:
    return connect_without_reading(
        port,
        f"GET /ws/transcription/{job_id} HTTP/1.1\r\nhost: localhost\r\n"
        "connection: upgrade\r\nupgrade: websocket\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )


async def fill_buffers(service: JobService, job: Job) -> Job:
    """Commit pieces until the buffers of the system are full and the server must keep what it sends."""
    while _most_unsent(service) < 64 * 1024:
        job = await service.call_async(service.add_piece(job, "x" * 30_000))
        assert job.pieces_done < 1000
    return job


@pytest.mark.parametrize("open_", [events_without_reading, socket_without_reading])
async def test_a_client_that_does_not_read_delays_nobody_fills_no_memory_and_is_disconnected(
    tmp_path: Path, open_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnect, "_MAX_SEND_SECONDS", 2)
    with JobService(tmp_path, limits=ConnectionLimits(stalled=5, shutdown=2)) as service:
        job = await service.call_async(service.create_running(1000))
        silent = open_(service.port, job.job_id)
        try:
            await asyncio.to_thread(wait_until, lambda: service.services.active.watchers == 1)
            reading = asyncio.create_task(all_of(by_socket(service, job.job_id)))
            await asyncio.to_thread(wait_until, lambda: service.services.active.watchers == 2)
            job = await fill_buffers(service, job)
            for _ in range(20):
                job = await service.call_async(service.add_piece(job, "x" * 30_000))
                # At 64 KiB uvicorn stops taking more: at most one message lies above it.
                assert _most_unsent(service) < 64 * 1024 + 32 * 1024
            await asyncio.to_thread(wait_until, lambda: service.services.active.watchers == 1)
            await service.call_async(service.complete(job))
            indexes = [message["index"] for message in await reading if message["type"] == "text"]
            assert indexes == list(range(job.pieces_done))
            await asyncio.to_thread(wait_until, lambda: not service.server.server_state.connections)
        finally:
            silent.close()


async def test_a_client_that_reads_slowly_misses_nothing(service: JobService) -> None:
    job = await service.call_async(service.create_running(1000))
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", service.port))
    slow.setblocking(False)
    async with aclosing(by_socket(service, job.job_id, sock=slow, max_queue=1)) as messages:
        await anext(messages)
        job = await fill_buffers(service, job)
        await service.call_async(service.complete(job))
        indexes = [message["index"] for message in await all_of(messages) if message["type"] == "text"]
    assert indexes == list(range(job.pieces_done))


def _most_unsent(service: JobService) -> int:
    connections = list(service.server.server_state.connections)
    return max((connection.transport.get_write_buffer_size() for connection in connections), default=0)


async def test_a_watcher_that_is_behind_gets_only_the_newest_progress() -> None:
    job = state.accept("j", options={}, now=0, expires_at=1)  # type: ignore[arg-type]
    kinds = ["progress", "state", "progress", "text", "progress", "progress"]
    events = [
        make_event(job.model_copy(update={"seq": seq}), kind)  # type: ignore[arg-type]
        for seq, kind in enumerate(kinds, 2)
    ]
    assert [(event.seq, event.type) for event in drop_superseded(events)] == [
        (3, "state"),
        (5, "text"),
        (7, "progress"),
    ]
    assert drop_superseded([]) == []
