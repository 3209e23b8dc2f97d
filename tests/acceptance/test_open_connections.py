"""A WebSocket or an event stream ends when the key or token that opened it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.server import Server

ADMIN_KEY = "an admin key of at least 32 characters"
ENDS_IN = 60.0  # seconds; on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("connections") / "data"
    with Server(data, GROQ_BASE_URL="http://127.0.0.1:9", ADMIN_KEY=ADMIN_KEY) as server:
        yield server


def call(server: Server, method: str, path: str, key: str, **arguments: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.request(method, server.url + path, headers=headers, timeout=ENDS_IN, **arguments)
    assert answer.is_success, answer.text
    return answer


def make_key(server: Server, *scopes: str) -> dict[str, Any]:
    body = {"name": "watcher", "scopes": scopes}
    return dict(call(server, "POST", "/admin/keys", ADMIN_KEY, json=body).json())


def pending_job(server: Server, key: str) -> str:
    """It waits for its audio, so nothing happens to it."""
    return str(call(server, "POST", "/transcribe-job", key, json={"filename": "a.wav"}).json()["jobId"])


def close_code(server: Server, job_id: str, key: str, on_open: Callable[[], object] = bool) -> int:
    """Watches until the server closes the socket."""
    address = f"{server.url.replace('http', 'ws', 1)}/ws/transcription/{job_id}"
    with connect(address, subprotocols=[Subprotocol("escriba"), Subprotocol(key)]) as socket:
        assert json.loads(socket.recv(timeout=ENDS_IN))["type"] == "snapshot"
        on_open()
        try:
            while True:
                socket.recv(timeout=ENDS_IN)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0


def stream(server: Server, path: str, key: str, on_open: Callable[[], object] = bool) -> str:
    """Reads an event stream to its end."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.stream("GET", server.url + path, headers=headers, timeout=ENDS_IN) as answer:
        text = ""
        for part in answer.iter_text():
            if not text:
                on_open()
            text += part
    return text


def test_a_socket_and_a_stream_end_with_their_token_and_another_opens_them_again(
    server: Server,
) -> None:
    key = make_key(server, "transcribe", "read")["key"]
    job_id = pending_job(server, key)
    token = call(server, "POST", "/tokens", key, json={"seconds": 4}).json()["token"]
    with ThreadPoolExecutor() as pool:
        code = pool.submit(close_code, server, job_id, token)
        events = pool.submit(stream, server, f"/job/{job_id}/events", token)
        assert code.result() == 4401
        assert '"snapshot"' in events.result()
    refused = httpx.get(f"{server.url}/job/{job_id}/events", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_expired")
    again = call(server, "POST", "/tokens", key, json={"seconds": 4}).json()["token"]
    assert close_code(server, job_id, again) == 4401


def test_they_end_when_the_key_is_revoked_those_of_its_tokens_and_of_admins_too(server: Server) -> None:
    made, other = make_key(server, "transcribe", "read", "admin"), make_key(server, "transcribe", "read")
    job_id, others_job = pending_job(server, made["key"]), pending_job(server, other["key"])
    token = call(server, "POST", "/tokens", made["key"], json={}).json()["token"]
    with (
        ThreadPoolExecutor() as pool,
        connect(
            f"{server.url.replace('http', 'ws', 1)}/ws/transcription/{others_job}",
            additional_headers={"X-API-Key": other["key"]},
        ) as others,
    ):
        assert json.loads(others.recv(timeout=ENDS_IN))["type"] == "snapshot"
        opened = Semaphore(0)
        codes = [
            pool.submit(close_code, server, job_id, text, opened.release) for text in (made["key"], token)
        ]
        now = pool.submit(stream, server, "/admin/now/events", made["key"], opened.release)
        assert all(opened.acquire(timeout=ENDS_IN) for _ in range(3))
        call(server, "DELETE", f"/admin/keys/{made['keyId']}", ADMIN_KEY)
        assert [code.result() for code in codes] == [4401, 4401]
        assert "uptimeSeconds" in now.result()
        call(server, "DELETE", f"/job/{others_job}", other["key"])  # a socket of another key is still open
        assert json.loads(others.recv(timeout=ENDS_IN))["job"]["jobId"] == others_job
