"""Clients that leave while the engine transcribes their recording: the work for them ends."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from random import Random

import pytest
from websockets.sync.client import connect

from tests.acceptance.api import Api, files_below
from tests.acceptance.client import tone
from tests.replies import Reply
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

BOUNDARY = "x3d74496d66958873ex3d74496d66958873e"


def post_form(port: int, path: str, fields: dict[str, str], audio: bytes) -> socket.socket:
    """A connection over which a whole form was sent and nothing was read."""
    parts = [
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    opening = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = b"".join([*parts, opening.encode(), audio, f"\r\n--{BOUNDARY}--\r\n".encode()])
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
        f"content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(head.encode() + body)
    return connection


@pytest.mark.parametrize(
    ("path", "fields"), [("/transcribe", {}), ("/v1/audio/transcriptions", {"model": "whisper-1"})]
)
def test_a_client_that_leaves_frees_its_place_and_ends_the_engine_request(
    path: str, fields: dict[str, str], start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, TRANSCRIPTIONS_AT_ONCE="2", LINE_LENGTH="1")
    api = Api(server.url)
    clients = [post_form(server.port, path, fields, tone(Random(seed))) for seed in range(2)]
    wait_until(lambda: len(upstream.requests) == 2)
    clients.append(post_form(server.port, path, fields, tone(Random(2))))
    wait_until(lambda: api.health()["inHand"]["waiting"] == 1)
    with post_form(server.port, path, fields, tone(Random(3))) as refused:
        answer = refused.recv(65536).decode().lower()
    assert answer.startswith("http/1.1 503 ")
    assert 1 <= int(answer.partition("retry-after: ")[2].partition("\r\n")[0]) <= 60
    for connection in reversed(clients):  # first the one that waits
        connection.close()
    wait_until(lambda: all(seen.client_gone for seen in upstream.requests))
    in_hand = ("transcriptions", "waiting")
    wait_until(lambda: [api.health()["inHand"][what] for what in in_hand] == [0, 0])
    wait_until(lambda: files_below(server.data_dir) == [])
    assert len(upstream.requests) == 2
    assert "ERROR" not in server.log


def hang_up(port: int, request: str, body: bytes = b"", *, after: float = 0.05) -> None:
    """Send all this, and reset the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request.encode() + body)
        time.sleep(after)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_client_that_leaves_is_no_error_on_any_route(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url)
    api = Api(server.url)
    job = f"/job/{api.expect().json()['jobId']}"
    audio = tone(Random(1), seconds=3)
    opening = (
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()
    )
    whole = opening + audio + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = f"HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(whole)}\r\ncontent-type: "
    for path in ("/transcribe", "/transcribe-job", f"{job}/audio", "/v1/audio/transcriptions", "/v1/x", "/x"):
        form = f"POST {path} {head}multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        for body in (whole[:100], whole[:30_000], whole):
            hang_up(server.port, form, body)
        hang_up(server.port, f"POST {path} {head}application/json\r\n\r\n", b"{")
    for path in (job, f"{job}?wait=20", f"{job}/events", "/docs", "/v1/models", "/health", "/"):
        for after in (0, 0.05):
            hang_up(server.port, f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n", after=after)
    with connect(f"ws://127.0.0.1:{server.port}/ws/transcription/{job.removeprefix('/job/')}") as watcher:
        watcher.recv()
        watcher.socket.close()
    idle = {"transcriptions": 0, "waiting": 0, "watchers": 0}
    wait_until(lambda: {what: api.health()["inHand"][what] for what in idle} == idle)
    assert '"ERROR"' not in server.log


def test_a_full_queue_refuses_the_audio_of_a_pending_job_and_its_ticket_stays_valid(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    api = Api(start(GROQ_BASE_URL=upstream.url, MAX_QUEUE="1").url)
    pending = api.expect().json()
    blocking = api.accepted(tone(Random(1)))
    refused = api.upload(pending["upload"], tone(Random(2)))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert refused.headers["retry-after"]
    upstream.default = Reply()
    assert api.delete(blocking).status_code == 200
    assert api.upload(pending["upload"], tone(Random(2))).status_code == 202
    api.completed(pending["jobId"])
