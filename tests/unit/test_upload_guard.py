"""The upload guard against slow, greedy and disappearing clients: over real sockets, with short deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, HTTPException, Request

from common.access.access import Access
from common.access.keys import digest_of
from common.access.ledger import PoolShares
from common.http.app import build_app
from common.http.caller import client_of_scope
from common.http.disconnect import body_of
from common.local.server.request_body import Pace, RequestBody
from common.local.server.upload_guard import UploadGuard
from common.local.server.upload_limits import UploadLimits, read_body_headers, refusal_of
from common.local.server.upload_slots import UploadSlots
from common.places import Place
from common.setting_types import parse_api_keys
from common.upload.receive import receive
from tests.serving import Answer, Client, serving, status_of, wait_until

MB = 1024 * 1024
BOUNDARY = "x3d74496d66958873ex3d74496d66958873e"
FORM = f"content-type: multipart/form-data; boundary={BOUNDARY}\r\n"
OPENING = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'.encode()
NO_HURRY = Pace(deadline=30, idle=30, grace=30, min_rate=0)


def form(content: bytes) -> bytes:
    return OPENING + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def block_the_loop(seconds: float) -> None:
    time.sleep(seconds)


@dataclass
class App:
    """An app that receives uploads as ours does, and records what happens in it."""

    folder: Path
    calls: int = 0
    received: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    pause: float = 0
    work: float = 0

    def build(self) -> Any:
        router = APIRouter()

        @router.post("/upload")
        async def upload(request: Request) -> dict[str, int]:
            self.calls += 1
            try:
                file = await receive(self._stream(request), request.headers, self.folder, max_bytes=MB)
            except BaseException as exc:
                self.errors.append(type(exc).__name__)
                raise
            self.received.append(file.size_bytes)
            await asyncio.sleep(self.work)
            return {"size": file.size_bytes}

        @router.post("/json")
        async def json(request: Request) -> dict[str, int]:
            try:
                return {"size": len(await request.body())}
            except Exception as exc:
                raise HTTPException(400, "swallowed") from exc

        @router.post("/breaks")
        async def breaks(request: Request) -> None:
            try:
                await request.body()
            except Exception as exc:
                raise KeyError("hidden") from exc

        @router.post("/unread")
        async def unread() -> dict[str, str]:
            return {"answer": "without your body"}

        @router.post("/twice")
        async def twice(request: Request) -> dict[str, Any]:
            await request.body()
            return {"disconnected": await request.is_disconnected()}

        return build_app(router, _quick_routes())

    async def _stream(self, request: Request) -> Any:
        async for block in body_of(request):
            await asyncio.sleep(self.pause)
            yield block

    @property
    def files(self) -> list[Path]:
        return list(self.folder.iterdir())


def _quick_routes() -> APIRouter:
    router = APIRouter()

    @router.get("/block")
    async def block() -> None:
        block_the_loop(1)  # so that the server receives at once what clients send meanwhile

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return router


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


LIMITS = UploadLimits(uploads={"/upload": MB}, slots=4, pace=NO_HURRY, linger=5)


@contextlib.contextmanager
def guarded(app: App, **changed: Any) -> Iterator[int]:
    with serving(UploadGuard(app.build(), replace(LIMITS, **changed))) as port:
        yield port


def code(answer: Answer) -> tuple[int, str]:
    return answer[0], answer[2]["error"]["code"]


# ── what passes ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 1000, 20_000, 900_000])
def test_an_upload_passes_whole_and_the_connection_is_kept(app: App, size: int) -> None:
    with guarded(app) as port, Client(port) as client:
        for _ in range(2):
            status, headers, answer = client.post("/upload", form(bytes(size)), headers=FORM).answer()
            assert (status, answer) == (200, {"size": size})
            assert "connection" not in headers
            app.files[0].unlink()


def test_a_body_in_pieces_passes_whole(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        body = form(bytes(50_000))
        client.post("/upload", body[:10], length=len(body), headers=FORM)
        for at in range(10, len(body), 5000):
            time.sleep(0.002)
            client.send(body[at : at + 5000])
        assert client.answer()[2] == {"size": 50_000}


def test_after_the_body_the_app_still_learns_whether_the_client_is_connected(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        assert client.post("/twice", b"{}").answer()[2] == {"disconnected": False}


def test_a_slow_server_does_not_count_its_own_time_against_the_client(app: App) -> None:
    app.pause = 1.1
    pace = Pace(deadline=30, idle=1, grace=1, min_rate=100_000)
    with guarded(app, pace=pace) as port, Client(port) as client:
        assert client.post("/upload", form(bytes(300_000)), headers=FORM).answer()[0] == 200


# ── too slow ──────────────────────────────────────────────────────────────────────────────────────


def dribble(client: Client, data: bytes = b"\r\n" * 5000, every: float = 0.02) -> None:
    """Send byte after byte until the server answers."""
    client.socket.settimeout(every)
    with contextlib.suppress(ConnectionError):
        for at in range(len(data)):
            client.send(data[at : at + 1])
            with contextlib.suppress(TimeoutError):
                client.socket.recv(1, 2)  # MSG_PEEK
                break
    client.socket.settimeout(60)


def test_a_client_that_sends_a_few_bytes_a_second_is_refused_before_the_app_is_called(app: App) -> None:
    pace = replace(NO_HURRY, grace=0.3, min_rate=1000)
    with guarded(app, pace=pace, slots=1) as port, Client(port) as slow:
        dribble(slow.post("/upload", length=MB, headers=FORM))
        assert app.calls == 0 or app.errors == ["UploadTooSlow"]
        assert code(slow.answer()) == (408, "upload_too_slow")
        assert slow.until_closed() == b""
        assert app.files == []


def test_a_client_that_sends_slowly_takes_no_slot_from_another(app: App) -> None:
    with guarded(app, slots=1) as port, Client(port) as slow, Client(port) as quick:
        slow.post("/upload", form(b"")[:20], length=MB, headers=FORM)
        time.sleep(0.1)
        assert quick.post("/upload", form(bytes(50_000)), headers=FORM).answer()[0] == 200
        assert app.calls == 1


def test_a_client_that_stops_midway_is_refused_and_its_file_is_removed(app: App) -> None:
    with guarded(app, pace=replace(NO_HURRY, idle=5)) as port, Client(port) as client:
        client.post("/upload", form(bytes(900_000))[:600_000], length=900_000, headers=FORM)
        wait_until(lambda: len(app.files) == 1)
        status, headers, answer = client.answer()
        assert (status, answer["error"]["code"]) == (408, "upload_too_slow")
        assert headers["connection"] == "close"
        assert answer["error"]["requestId"] == headers["x-request-id"]
        assert client.until_closed() == b""
        assert app.files == []


def test_a_steady_client_is_refused_at_the_deadline(app: App) -> None:
    with guarded(app, pace=replace(NO_HURRY, deadline=2)) as port, Client(port) as client:
        dribble(client.post("/upload", form(bytes(50_000))[:-10], length=MB, headers=FORM), bytes(10_000))
        assert code(client.answer()) == (408, "upload_too_slow")
        assert app.errors == ["UploadTooSlow"]


def test_of_too_many_slow_clients_the_oldest_is_refused(app: App) -> None:
    with guarded(app, max_reading_ahead=2) as port, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(port)) for _ in range(3)]
        for client in clients:
            client.post("/upload", b"--", length=MB, headers=FORM)
            time.sleep(0.2)
        assert code(clients[0].answer()) == (408, "upload_too_slow")
        clients[2].socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            clients[2].answer()


def test_of_many_slow_bodies_that_begin_at_once_all_but_the_newest_are_refused(app: App) -> None:
    with guarded(app, max_reading_ahead=2) as port, contextlib.ExitStack() as stack:
        blocking = stack.enter_context(Client(port)).get("/block")
        time.sleep(0.2)
        clients = [stack.enter_context(Client(port)) for _ in range(12)]
        for client in clients:
            client.post("/upload", b"--", length=MB, headers=FORM)
        assert blocking.answer()[0] == 200
        answers = [client.answer_within(0.5) for client in clients]
        refused = [code(answer) for answer in answers if answer]
        assert refused == [(408, "upload_too_slow")] * 10
        assert answers.count(None) == 2


@pytest.mark.parametrize("path", ["/json", "/breaks"])
def test_the_guard_answers_when_the_app_hides_why_the_body_failed(app: App, path: str) -> None:
    with guarded(app, pace=replace(NO_HURRY, idle=0.2)) as port, Client(port) as client:
        client.post(path, b"{", length=100, headers="accept-language: es\r\n")
        status, headers, answer = client.answer()
        assert (status, answer["error"]["code"]) == (408, "upload_too_slow")
        assert headers["content-language"] == "es"


@pytest.mark.parametrize("answers", [True, False])
def test_the_guard_answers_when_the_app_breaks_over_a_failed_body_without_a_response(answers: bool) -> None:
    async def breaks(_scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Exception:
            if answers:
                await send({"type": "http.response.start", "status": 408, "headers": []})
            raise

    with (
        serving(UploadGuard(breaks, replace(LIMITS, pace=replace(NO_HURRY, idle=0.2)))) as port,
        Client(port) as client,
    ):
        answer = client.post("/", b"{", length=100).until_closed()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert (b"upload_too_slow" in answer) is not answers


@pytest.mark.parametrize(
    ("wait", "due"),
    [
        ({"waiting_since": 100.0}, 110.0),  # idle
        ({"waiting_since": 125.0}, 130.0),  # deadline
        ({"waiting_since": 101.0, "waited": 4.0}, 102.0),  # grace: nothing came in 5 s of waiting
        ({"waiting_since": 101.0, "waited": 4.0, "received": 300}, 105.0),  # 300 bytes buy 3 s
        ({"waiting_since": 120.0, "waited": 4.0, "received": 10**9}, 130.0),  # we were slow
    ],
)
def test_when_a_client_is_too_slow(wait: dict[str, Any], due: float) -> None:
    pace = Pace(deadline=30, idle=10, grace=5, min_rate=100)
    received = 0 if "waited" in wait else 10**6
    assert pace.due(**{"started_at": 100.0, "waited": 0.0, "received": received, **wait}) == due


# ── too large ─────────────────────────────────────────────────────────────────────────────────────


def send_for_ever(client: Client, size: int) -> None:
    while True:
        client.send(bytes(size))
        time.sleep(0.001)


def test_a_body_whose_announced_length_is_too_large_is_refused_before_it_is_read(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        status, headers, answer = client.post("/upload", length=25 * MB, headers=FORM).answer()
        assert (status, answer["error"]["code"]) == (413, "upload_too_large")
        assert "1 MB" in answer["error"]["message"]
        assert headers["connection"] == "close"
        assert app.files == []


def test_a_client_that_goes_on_sending_can_still_read_the_refusal_of(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        client.post("/upload", bytes(8 * MB), headers=FORM)
        assert code(client.answer()) == (413, "upload_too_large")
        assert client.until_closed() == b""


def test_a_client_that_never_stops_sending_is_disconnected_after_some_time(app: App) -> None:
    with guarded(app, linger=0.3) as port, Client(port) as client:
        client.post("/upload", length=10**12, headers=FORM)
        with pytest.raises(ConnectionError):
            send_for_ever(client, 1000)


def test_a_client_that_never_stops_sending_is_disconnected_after_some_bytes(app: App) -> None:
    with guarded(app, linger=60, linger_bytes=MB) as port, Client(port) as client:
        client.post("/upload", length=10**12, headers=FORM)
        with pytest.raises(ConnectionError):
            send_for_ever(client, 65536)


def test_too_many_refused_clients_are_disconnected_at_once(app: App) -> None:
    with guarded(app, max_lingering=0) as port, Client(port) as client:
        client.post("/upload", length=25 * MB, headers=FORM)
        assert b" 413 " in client.until_closed()


def test_a_body_in_chunks_is_refused_once_it_is_too_large(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        client.send(f"POST /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n{FORM}\r\n".encode())
        for block in (OPENING, *[bytes(65536)] * 24, b""):
            client.send(b"%x\r\n%b\r\n" % (len(block), block))
        assert code(client.answer()) == (413, "upload_too_large")
        assert app.files == []


def test_a_body_over_its_limit_is_refused_even_if_the_app_hides_why(app: App) -> None:
    with guarded(app, other_bytes=100_000) as port, Client(port) as client:
        client.send(b"POST /json HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for block in (*[bytes(50_000)] * 3, b""):
            client.send(b"%x\r\n%b\r\n" % (len(block), block))
            time.sleep(0.02)
        assert code(client.answer()) == (413, "upload_too_large")


def test_a_client_that_expects_100_continue_for_too_large_a_body_is_refused_without_it(app: App) -> None:
    with guarded(app, linger=30) as port, Client(port) as client:
        client.post("/upload", length=25 * MB, headers=FORM + "expect: 100-continue\r\n")
        answer = client.until_closed()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"100 Continue" not in answer


def test_a_client_that_expects_100_continue_gets_it(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        body = form(b"sound")
        client.post("/upload", length=len(body), headers=FORM + "expect: 100-continue\r\n")
        assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.send(body).answer()[2] == {"size": 5}


def test_a_large_body_to_an_unknown_address_gets_404_and_with_a_wrong_method_405(app: App) -> None:
    with guarded(app) as port, Client(port) as client, Client(port) as other:
        assert code(client.post("/nowhere", bytes(4 * MB)).answer()) == (404, "not_found")
        assert code(other.post("/health", bytes(4 * MB)).answer()) == (405, "method_not_allowed")


def test_a_response_before_the_body_was_read_closes_the_connection(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        client.post("/unread", bytes(50_000), length=80_000)
        status, headers, _ = client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert client.send(bytes(30_000)).until_closed() == b""


def test_an_encoded_body_is_refused(app: App) -> None:
    with guarded(app) as port, Client(port) as client:
        client.post("/upload", form(b"sound"), headers=FORM + "content-encoding: gzip\r\n")
        assert code(client.answer()) == (415, "content_encoding_unsupported")


def test_the_headers_tell_whether_there_is_a_body() -> None:
    assert not read_body_headers([]).has_body
    assert not read_body_headers([(b"content-length", b"0")]).has_body
    chunked = read_body_headers([(b"transfer-encoding", b"chunked")])
    assert chunked.has_body
    assert refusal_of(chunked, file_bytes=1, limit_bytes=1) is None
    assert refusal_of(read_body_headers([(b"content-length", b"1")]), file_bytes=1, limit_bytes=1) is None


# ── too many ──────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def uploads_in_slots(app: App, port: int, count: int) -> Iterator[list[Client]]:
    """Clients that have sent the first 50 KB of `BODY` and then nothing."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(port)) for _ in range(count)]
        for client in clients:
            client.post("/upload", BODY[:50_000], length=len(BODY), headers=FORM)
        wait_until(lambda: app.calls == count)
        yield clients


# More than is received before a slot is free.
BODY = form(bytes(500_000))
NO_SLOW = {"max_slow": 0, "line_wait": 30.0}


def test_a_fifth_upload_for_four_slots_waits_until_another_is_complete(app: App) -> None:
    with guarded(app, **NO_SLOW) as port, uploads_in_slots(app, port, 4) as clients, Client(port) as fifth:
        fifth.post("/upload", BODY, headers=FORM)
        assert fifth.answer_within(0.3) is None
        assert status_of(port) == 200
        assert app.calls == 4
        assert clients[2].send(BODY[50_000:]).answer()[0] == 200
        assert fifth.answer()[0] == 200


def test_a_slot_is_the_keys_and_not_the_addresses(app: App) -> None:
    access = Access(is_on=True, configured=parse_api_keys(f"a {digest_of('1')}; b {digest_of('2')}"))
    limits, client_of = replace(LIMITS, slots=2, max_slow=0, line_wait=30.0), partial(client_of_scope, access)
    one, two = (f"{FORM}x-api-key: {key}\r\n" for key in "12")
    with (
        serving(UploadGuard(app.build(), limits, PoolShares(1), client_of)) as port,
        Client(port) as first,
        Client(port) as again,
        Client(port) as other,
    ):
        first.post("/upload", BODY[:50_000], length=len(BODY), headers=one)
        wait_until(lambda: app.calls == 1)
        again.post("/upload", BODY, headers=one)
        assert again.answer_within(0.3) is None
        assert other.post("/upload", BODY, headers=two).answer()[0] == 200
        assert app.calls == 2
        assert first.send(BODY[50_000:]).answer()[0] == 200
        assert again.answer()[0] == 200


def test_an_upload_that_the_app_has_received_needs_no_slot_while_the_app_works(app: App) -> None:
    app.work = 1.5
    with guarded(app, slots=1, **NO_SLOW) as port, Client(port) as first, Client(port) as second:
        first.post("/upload", BODY, headers=FORM)
        wait_until(lambda: len(app.received) == 1)
        second.post("/upload", BODY, headers=FORM)
        wait_until(lambda: len(app.received) == 2)
        assert first.answer_within(0.01) is None
        assert [first.answer()[0], second.answer()[0]] == [200, 200]


def test_json_and_short_uploads_need_no_slot(app: App) -> None:
    with guarded(app, slots=1, **NO_SLOW) as port, uploads_in_slots(app, port, 1), Client(port) as client:
        kind = "content-type: application/json; charset=utf-8\r\n"
        assert client.post("/json", bytes(40_000), headers=kind).answer()[2] == {"size": 40_000}
        assert client.post("/upload", form(bytes(1000)), headers=FORM).answer()[0] == 200
        assert client.post("/twice", bytes(40_000), headers=kind).answer()[0] == 200


def test_slow_uploads_go_on_without_a_slot_while_a_quick_one_needs_theirs(app: App) -> None:
    pace = replace(NO_HURRY, slow_after=0.1)
    with guarded(app, pace=pace) as port, uploads_in_slots(app, port, 4) as slow, Client(port) as quick:
        started_at = time.monotonic()
        assert quick.post("/upload", BODY, headers=FORM).answer()[0] == 200
        assert time.monotonic() - started_at < 10  # they would need 30 s
        for client in slow:
            assert client.send(BODY[50_000:]).answer()[0] == 200


def test_when_the_line_is_full_an_upload_is_refused_and_told_when_to_try_again(app: App) -> None:
    limits = {"slots": 1, "line_length": 1, **NO_SLOW}
    with (
        guarded(app, **limits) as port,
        uploads_in_slots(app, port, 1),
        Client(port) as waiting,
        Client(port) as refused,
    ):
        waiting.post("/upload", BODY[:50_000], length=len(BODY), headers=FORM)
        assert waiting.answer_within(0.3) is None
        status, headers, answer = refused.post("/upload", BODY, headers=FORM).answer()
        assert (status, answer["error"]["code"]) == (503, "busy")
        assert int(headers["retry-after"]) == answer["error"]["retryAfter"] > 0


def test_an_upload_that_waits_too_long_is_refused(app: App) -> None:
    limits = {"slots": 1, "max_slow": 0, "line_wait": 0.3}
    with guarded(app, **limits) as port, uploads_in_slots(app, port, 1) as clients, Client(port) as late:
        assert code(late.post("/upload", BODY, headers=FORM).answer()) == (503, "busy")
        assert clients[0].send(BODY[50_000:]).answer()[0] == 200


@pytest.mark.parametrize("sent", [50_000, 450_000], ids=["small", "more than is read"])
@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
def test_a_client_that_leaves_while_it_waits_frees_its_place_in_the_line(
    app: App, sent: int, reset: bool
) -> None:
    limits = {"slots": 1, "line_length": 1, **NO_SLOW}
    with guarded(app, **limits) as port, uploads_in_slots(app, port, 1) as clients, Client(port) as next_:
        with Client(port) as leaving:
            leaving.post("/upload", BODY[:sent], length=len(BODY), headers=FORM)
            assert leaving.answer_within(0.3) is None
            if reset:
                leaving.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(1.2)
        next_.post("/upload", BODY, headers=FORM)
        assert next_.answer_within(0.3) is None  # it waits
        assert clients[0].send(BODY[50_000:]).answer()[0] == 200
        assert next_.answer()[0] == 200
        assert app.calls == 2


def test_a_client_that_sent_all_and_closed_its_sending_side_keeps_its_place_in_the_line(app: App) -> None:
    with (
        guarded(app, slots=1, line_length=1, **NO_SLOW) as port,
        uploads_in_slots(app, port, 1) as clients,
        Client(port) as waiting,
    ):
        waiting.post("/upload", BODY, headers=FORM).socket.shutdown(socket.SHUT_WR)
        assert waiting.answer_within(1.2) is None
        assert clients[0].send(BODY[50_000:]).answer()[0] == 200
        assert waiting.answer()[0] == 200


def test_the_time_in_the_line_is_not_counted_against_the_client(app: App) -> None:
    limits = {"slots": 1, "pace": replace(NO_HURRY, deadline=1.0), **NO_SLOW}
    app.pause = 0.15  # the first upload is complete after more than the deadline of the second
    with guarded(app, **limits) as port, Client(port) as first, Client(port) as second:
        long = form(bytes(900_000))
        first.post("/upload", long, headers=FORM)
        wait_until(lambda: app.calls == 1)
        second.post("/upload", BODY, headers=FORM)
        assert [first.answer()[0], second.answer()[0]] == [200, 200]


def test_when_no_more_slow_uploads_may_go_on_the_slowest_ends(app: App) -> None:
    pace = replace(NO_HURRY, slow_after=0.1, yield_after=0.1, yield_rate=10**9)
    with (
        guarded(app, slots=1, max_slow=1, pace=pace) as port,
        uploads_in_slots(app, port, 1) as slowest,
        Client(port) as slow,
    ):
        time.sleep(0.3)
        slow.post("/upload", BODY[:400_000], length=len(BODY), headers=FORM)
        wait_until(lambda: app.calls == 2)
        with Client(port) as quick:
            assert quick.post("/upload", BODY, headers=FORM).answer()[0] == 200
        assert code(slowest[0].answer()) == (408, "upload_too_slow")
        assert slow.send(BODY[400_000:]).answer()[0] == 200


@pytest.mark.parametrize("changed", [{"yield_rate": 1}, {"yield_after": 30}], ids=["quick", "new"])
def test_an_upload_that_is_quick_enough_or_new_is_not_ended(app: App, changed: dict[str, Any]) -> None:
    pace = replace(NO_HURRY, **{"slow_after": 0, "yield_after": 0, "yield_rate": 10**9} | changed)
    limits = {"slots": 1, "max_slow": 0, "line_wait": 0.8}
    with guarded(app, pace=pace, **limits) as port, uploads_in_slots(app, port, 1) as clients:
        with Client(port) as late:
            assert code(late.post("/upload", BODY, headers=FORM).answer()) == (503, "busy")
        assert clients[0].send(BODY[50_000:]).answer()[0] == 200


async def test_the_slowest_upload_is_the_one_to_end() -> None:
    def body(received: int, *, waited: float = 60.0, is_complete: bool = False) -> RequestBody:
        body = RequestBody(None, pace=Pace(), limit_bytes=MB, file_bytes=MB)
        body.received, body._waited, body.is_complete = received, waited, is_complete
        return body

    slots = UploadSlots(replace(LIMITS, max_slow=0))
    complete, new, quick = body(1, is_complete=True), body(1, waited=29), body(60 * 32 * 1024)
    slow, slower = body(600_000), body(400_000)
    slots._in_slots = {each: Place(slots._places) for each in (complete, new, quick)}
    slots._make_slow_place()
    assert not new.failure
    slots._in_slots |= {each: Place(slots._places) for each in (slow, slower)}
    slots._make_slow_place()
    assert slower.failure
    assert not slow.failure


# ── clients that leave ──────────────────────────────────────────────────────────────────────────────


def test_a_client_that_leaves_midway_leaves_no_file_and_frees_its_slot(app: App) -> None:
    body = form(bytes(900_000))
    with guarded(app, slots=1) as port:
        with Client(port) as client:
            client.post("/upload", body[:500_000], length=len(body), headers=FORM)
            wait_until(lambda: len(app.files) == 1)
        wait_until(lambda: app.errors == ["UploadTooSlow"])
        wait_until(lambda: app.files == [])
        with Client(port) as client:
            assert client.post("/upload", body, headers=FORM).answer()[0] == 200


def test_the_app_is_not_called_for_a_client_that_leaves_before_its_body_begins(app: App) -> None:
    with guarded(app, slots=1) as port:
        with Client(port) as client:
            client.post("/upload", b"--", length=MB, headers=FORM)
            time.sleep(0.05)
        time.sleep(0.05)
        assert status_of(port) == 200
        assert app.calls == 0
