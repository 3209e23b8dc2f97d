"""Hostile requests to a real server: each is refused by name, and nothing else suffers."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import psutil
import pytest

from tests.acceptance.api import Api, everything_below, files_below
from tests.acceptance.client import tone
from tests.server import Server
from tests.serving import Client, wait_until
from tests.upstream import Upstream

AUDIO = tone(random.Random(21))
Json = Callable[[bytes], httpx.Response]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all of these requests; it is well at the end and has logged no error."""
    data_dir = tmp_path_factory.mktemp("hostile") / "data"
    settings = {"CALLBACK_SECRET": "s", "CORS_ORIGINS": "https://page.example", "LOG_LEVEL": "DEBUG"}
    with Upstream() as upstream, Server(data_dir, GROQ_BASE_URL=upstream.url, **settings) as running:
        yield running
        assert '"level":"ERROR"' not in running.log
        assert httpx.get(f"{running.url}/health", timeout=60).json()["status"] == "ok"


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server.url)


@pytest.fixture
def post_json(server: Server) -> Json:
    def post(body: bytes) -> httpx.Response:
        headers = {"content-type": "application/json", "accept-language": "es"}
        return httpx.post(f"{server.url}/transcribe-job", content=body, headers=headers, timeout=60)

    return post


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────

BOMBS: dict[str, tuple[bytes, str]] = {
    "deep": (b"[" * 60_000, "body_malformed"),
    "deep objects": (b'{"a":' * 12_000, "body_malformed"),
    "large": (b'{"prompt":"' + b"a" * 70_000 + b'"}', "body_malformed"),
    "a number of 5 000 digits": (b'{"temperature":' + b"1" * 5_000 + b"}", "body_malformed"),
    "not a number": (b'{"temperature":NaN}', "option_invalid"),
    "infinite": (b'{"temperature":1e999}', "option_invalid"),
    "a list": (b"[1]", "body_malformed"),
    "nothing": (b"", "body_malformed"),
    "not UTF-8": (b'{"language":"\xff"}', "body_malformed"),
    "half a character": (b'{"prompt":"\\ud800"}', "body_malformed"),
    "half a character as a name": (b'{"\\ud800":true}', "body_malformed"),
    "half a character as an option": (b'{"\\udfff":"x"}', "body_malformed"),
    "half a language": (b'{"language":"\\ud800"}', "body_malformed"),
    "two ids": (b'{"jobId":["%s","%s"]}' % (b"a" * 36, b"b" * 36), "option_invalid"),
    "a user in another script": (json.dumps({"userId": "\u0663"}).encode(), "option_invalid"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_json_made_to_break_parsers_is_refused_by_name(post_json: Json, bomb: str) -> None:
    body, code = BOMBS[bomb]
    answer = post_json(body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["code"] == code


def test_an_error_is_wholly_in_one_language(server: Server, post_json: Json) -> None:
    unknown = f"{server.url}/job/{'0' * 8}-0000-0000-0000-{'0' * 12}"
    answer = httpx.get(unknown, params={"wait": "nan"}, timeout=60)
    assert answer.json()["error"]["hint"] == "Expected: a number, 0 or more."
    assert post_json(b"[]").json()["error"]["message"].endswith("es JSON, pero no un objeto.")
    several = post_json(b'{"prompt":["a","b"]}').json()["error"]
    assert several["hint"] == "Se espera: texto o un número."


# ── numbers in addresses and headers ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query", ["wait=nan", "wait=inf", "wait=-1", "wait=x", "after=-1", "after=1.5", "after=" + "9" * 5_000]
)
def test_an_invalid_number_is_refused(server: Server, api: Api, query: str) -> None:
    job_id = api.expect().json()["jobId"]
    answer = httpx.get(f"{server.url}/job/{job_id}?{query}", timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "option_invalid")


@pytest.mark.parametrize("last_id", ["nan", "9" * 40, "-1", "\xff", "1e3"])
def test_an_invalid_last_event_id_gets_a_snapshot(server: Server, api: Api, last_id: str) -> None:
    job_id = api.expect().json()["jobId"]
    headers = {"Last-Event-ID": last_id.encode("latin-1")}
    with httpx.stream("GET", f"{server.url}/job/{job_id}/events", headers=headers, timeout=60) as events:  # type: ignore[arg-type]
        assert '"type":"snapshot"' in next(block for block in events.iter_text() if "data" in block)


INVALID_HOSTS = ["[", "evil.example/x?", "a b", "user@evil.example", '"><script>', "\xff", "a\r\nHost: b"]


@pytest.mark.parametrize("host", INVALID_HOSTS)
def test_an_invalid_host_is_refused(server: Server, host: str) -> None:
    with Client(server.port) as client:
        status, _, answer = client.send(_expect_job(host)).answer()
    assert (status, answer["error"]["code"]) == (400, "request_malformed")


def test_a_host_that_cannot_be_connected_to_does_not_reach_the_addresses_in_answers(server: Server) -> None:
    with Client(server.port) as client:
        status, _, answer = client.send(_expect_job("localhost:99999")).answer()
    assert status == 201
    assert answer["statusUrl"] == f"{server.url}/job/{answer['jobId']}"


def _expect_job(host: str) -> bytes:
    head = b"POST /transcribe-job HTTP/1.1\r\nHost: %s\r\n"
    rest = b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    return head % host.encode("latin-1") + rest


SMUGGLED = [
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: xchunked",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length:",
    "Content-Length: 99999999999999999999999",
]


@pytest.mark.parametrize("lengths", SMUGGLED)
def test_a_body_of_ambiguous_length_closes_the_connection(server: Server, lengths: str) -> None:
    host = "Host: localhost\r\n"
    smuggled = f"POST /transcribe HTTP/1.1\r\n{host}{lengths}\r\n\r\nGET /health HTTP/1.1\r\n{host}\r\n"
    with Client(server.port) as client:
        answers = client.send(smuggled.encode()).until_closed()
    assert b" 200 OK" not in answers


# ── callbacks ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("url", ["https://a..com/", "https://127.0.0.1/", "https://[::127.0.0.1]/"])
def test_a_callback_to_an_invalid_or_private_address_is_refused(api: Api, url: str) -> None:
    answer = api.submit(AUDIO, callbackUrl=url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "option_invalid")


def test_a_callback_to_a_name_of_a_private_address_is_not_sent(server: Server, api: Api) -> None:
    with socket.socket() as private:
        private.bind(("127.0.0.1", 0))
        private.listen()
        private.settimeout(0.5)
        api.completed(api.accepted(AUDIO, callbackUrl=f"https://127.1:{private.getsockname()[1]}/"))
        wait_until(lambda: "the address is not a public one" in server.log)
        with pytest.raises(TimeoutError):
            private.accept()


# ── tickets ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "forged",
    [{"signature": "0" * 64}, {"expires": "99999999999"}, {"maxBytes": "999999999999"}, {"signature": "é"}],
)
def test_a_forged_ticket_is_refused(api: Api, forged: dict[str, str]) -> None:
    ticket = api.expect().json()["upload"]
    answer = api.upload({**ticket, "fields": {**ticket["fields"], **forged}}, AUDIO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "upload_ticket_invalid")


def test_a_ticket_is_valid_only_for_its_own_job_and_for_one_recording(api: Api) -> None:
    mine, other = api.expect().json()["upload"], api.expect().json()["upload"]
    assert api.upload({"url": mine["url"], "fields": other["fields"]}, AUDIO).status_code == 403
    assert api.upload(mine, AUDIO).status_code == 202
    assert api.upload(mine, AUDIO + b"other").json()["error"]["code"] == "job_conflict"


# ── what remains ──────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_no_recording_is_deleted_once_that_is_known(server: Server, api: Api) -> None:
    before = set(files_below(server.data_dir))
    job_id = api.accepted(os.urandom(50_000))
    failed = api.until(job_id, "failed")
    assert failed["error"]["code"] == "audio_unreadable"
    wait_until(lambda: set(files_below(server.data_dir)) <= before)
    again = api.retry(job_id)
    assert (again.status_code, again.json()["status"]) == (202, "pending")


def test_only_the_servers_user_can_read_its_files(server: Server) -> None:
    for path in [server.data_dir, *everything_below(server.data_dir)]:
        with suppress(FileNotFoundError):  # a file of the last test that is just being deleted
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_log_contains_no_text_option_file_name_or_user(server: Server, api: Api) -> None:
    words: dict[str, Any] = {"prompt": "unrepeatable", "userId": "unrepeatable"}
    files = {"file": ("unrepeatable.wav", AUDIO + b"1")}
    answer = httpx.post(f"{server.url}/transcribe-job", data=words, files=files, timeout=60)
    text = api.completed(answer.json()["jobId"])
    httpx.post(f"{server.url}/transcribe", data={"unrepeatable": "x"}, files=files, timeout=60)
    httpx.post(f"{server.url}/transcribe", data={"language": "unrepeatable"}, files=files, timeout=60)
    httpx.get(f"{server.url}/unrepeatable", headers={"X-Request-Id": 'unrepeatable" "'}, timeout=60)
    assert text not in server.log
    assert "unrepeatable" not in server.log


def test_many_requests_of_every_kind_leave_nothing_behind(
    server: Server, api: Api, pytestconfig: pytest.Config
) -> None:
    process, url = psutil.Process(server.ps.pid), f"{server.url}/transcribe"
    kinds: list[Callable[[], object]] = [
        lambda: httpx.post(url, files={"file": ("a", os.urandom(9_000))}, timeout=60),
        lambda: httpx.post(url, files={"file": ("a.wav", AUDIO)}, timeout=60),
        lambda: httpx.post(url, content=b"--x", headers=_FORM, timeout=60),
        lambda: httpx.get(f"{server.url}/job/{'0' * 8}-0000-0000-0000-{'0' * 12}", timeout=60),
        lambda: _leave_midway(server.port),
        lambda: api.expect(prompt="a"),
    ]
    for kind in kinds * 5:
        kind()
    files, memory = process.num_fds(), process.memory_info().rss
    for number in range(pytestconfig.getoption("--requests")):
        kinds[number % len(kinds)]()
    wait_until(lambda: process.num_fds() <= files + 2)
    assert process.memory_info().rss < memory + 16 * 2**20
    wait_until(lambda: not [path for path in files_below(server.data_dir) if "scratch" in path.parts])


_FORM = {"content-type": "multipart/form-data; boundary=x"}


def _leave_midway(port: int) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    with Client(port) as client:
        client.post(
            "/transcribe",
            head + bytes(20_000),
            length=90_000,
            headers=f"content-type: {_FORM['content-type']}\r\n",
        )


# ── WebSockets ────────────────────────────────────────────────────────────────────────────────────

_UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
)
UPGRADES = {
    "with a body": ("GET /ws/transcription/x", "Content-Length: 5\r\n", 404),
    "of an upload": ("POST /transcribe", "Content-Length: 5\r\n", 415),
    "of another method": ("DELETE /job/x", "", 404),
    "with too many headers": ("GET /ws/transcription/x", "X: y\r\n" * 150, 400),
    "from an invalid origin": ("GET /ws/transcription/x", "Origin: http://[\r\n", 403),
    "from a page of another origin": ("GET /ws/transcription/x", "Origin: https://evil.example\r\n", 403),
}


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_a_websocket_that_cannot_be_opened_is_refused(server: Server, upgrade: str) -> None:
    line, headers, status = UPGRADES[upgrade]
    head = f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{_UPGRADE}{headers}\r\n"
    with Client(server.port) as client:
        answer = client.send(f"{head}hello".encode()).until_closed()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


def test_what_a_watcher_sends_is_ignored_and_its_disconnect_is_no_error(server: Server, api: Api) -> None:
    path = f"/ws/transcription/{api.expect().json()['jobId']}"
    with Client(server.port) as client:
        client.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{_UPGRADE}\r\n".encode())
        client.until(b"\r\n\r\n")
        client.send(b"\x81\x81\0\0\0\0\xff" + b"\x81\x85\0\0\0\0hello" * 1000)
        client.send(b"\x89\x80\0\0\0\0")
        client.until(b"\x8a\x00")  # the pong: the server has read everything before it
    assert '"level":"ERROR"' not in server.log
