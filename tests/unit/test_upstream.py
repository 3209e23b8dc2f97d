"""The stand-in for Groq: as a process it is scripted over HTTP, and it is as strict as Groq."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.upstream import LARGEST, Upstream

FILE = ("audio.mp3", b"sound", "audio/mpeg")
FIELDS = {"model": "whisper-large-v3"}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def post(upstream: Upstream, *, path: str = "transcriptions", name: str = "audio.mp3", **data: Any) -> Any:
    files = {"file": (name, b"sound", "audio/mpeg")}
    return httpx.post(f"{upstream.url}/audio/{path}", data=FIELDS | data, files=files, timeout=60)


def test_as_a_process_it_prints_its_url_and_is_scripted_over_http() -> None:
    program = [sys.executable, "-m", "tests.upstream", "--key", "k"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        control = url.replace("/openai/v1", "/_control")
        script = {"script": [{"status": 503, "body": "later"}], "default": {"body": {"text": "scripted"}}}
        httpx.post(control, json=script, timeout=60)
        with httpx.Client(headers={"authorization": "Bearer k"}, timeout=60) as client:
            call = {"url": f"{url}/audio/transcriptions", "files": {"file": FILE}, "data": FIELDS}
            answers = [client.post(**call) for _ in range(2)]  # type: ignore[arg-type]
        assert [answer.status_code for answer in answers] == [503, 200]
        assert answers[1].json()["text"] == "scripted"
        assert httpx.post(f"{url}/audio/transcriptions", files={"file": FILE}, timeout=60).status_code == 401
        requests = httpx.get(control, timeout=60).json()["requests"]
        assert [request["form"]["size_bytes"] for request in requests] == [5, 5, 5]
        assert httpx.delete(control, timeout=60).json()["requests"] == []
        process.terminate()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"timestamp_granularities": "word"}, "unknown param"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities needs verbose_json"),
        ({"name": "audio.aac"}, "file must be one of the following types"),
        ({"model": "whisper-1"}, "model does not exist"),
        ({"prompt": "ñ" * 449}, "prompt is too long"),
        ({"path": "translations", "model": "whisper-large-v3-turbo"}, "model does not support translations"),
        ({"path": "translations", "language": "es"}, "unknown param"),
    ],
)
def test_it_refuses_what_groq_refuses(upstream: Upstream, call: dict[str, str], message: str) -> None:
    answer = post(upstream, **call)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_it_refuses_files_that_are_too_large(upstream: Upstream) -> None:
    files = {"file": ("audio.mp3", bytes(LARGEST + 1), "audio/mpeg")}
    answer = httpx.post(f"{upstream.url}/audio/transcriptions", data=FIELDS, files=files, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("fields", "present", "absent"),
    [
        ({"response_format": "verbose_json"}, {"segments", "task", "language"}, {"words"}),
        ({"response_format": "verbose_json", "timestamp_granularities[]": "word"}, {"words"}, {"segments"}),
        ({"response_format": "json"}, {"text", "x_groq"}, {"segments", "words", "language"}),
    ],
)
def test_it_answers_in_the_requested_format(
    upstream: Upstream, fields: dict[str, str], present: set[str], absent: set[str]
) -> None:
    answer = post(upstream, **fields).json()
    assert present <= set(answer)
    assert not absent & set(answer)


def test_it_answers_text_as_text(upstream: Upstream) -> None:
    assert post(upstream, response_format="text").text.startswith(" heard ")


def test_it_lists_its_models_and_answers_404_for_other_paths(upstream: Upstream) -> None:
    assert [model["id"] for model in httpx.get(f"{upstream.url}/models", timeout=60).json()["data"]] == [
        "whisper-large-v3",
        "whisper-large-v3-turbo",
    ]
    assert httpx.get(f"{upstream.url}/nowhere", timeout=60).status_code == 404


def test_it_takes_bodies_without_a_length_on_one_connection(upstream: Upstream) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-large-v3\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nsou'
        yield b"nd\r\n--b--\r\n"

    async def run() -> list[int]:
        kind = {"content-type": "multipart/form-data; boundary=b"}
        async with httpx.AsyncClient(timeout=60) as client:
            url = f"{upstream.url}/audio/transcriptions"
            return [(await client.post(url, content=body(), headers=kind)).status_code for _ in range(2)]

    assert asyncio.run(run()) == [200, 200]
    assert [request.form.size_bytes for request in upstream.requests] == [5, 5]
    assert upstream.most_at_once == 1


def test_it_answers_expect_100_continue(upstream: Upstream) -> None:
    async def run() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", upstream.port)
        body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--b--\r\n'
        writer.write(
            b"POST /openai/v1/audio/transcriptions HTTP/1.1\r\nExpect: 100-continue\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        second = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return first + second

    assert asyncio.run(run()) == b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Scripted\r\n"


@pytest.mark.parametrize("requests", [0, 3000], ids=["none sent", "answers not read"])
def test_clients_that_connect_at_the_end_leave_no_open_connection(requests: int) -> None:
    """As garbage it would fail some later test."""
    for _ in range(5):
        with Upstream() as upstream:
            client = socket.create_connection(("127.0.0.1", upstream.port))
            client.sendall(b"GET /openai/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n" * requests)
        client.close()
    gc.collect()
