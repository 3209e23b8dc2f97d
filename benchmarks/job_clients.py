"""Clients of the job API that submit, poll and watch; minimal, so that they take little CPU themselves."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import random
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable

from benchmarks.app_process import AppProcess

Watch = Callable[[int, str, contextlib.AsyncExitStack], Awaitable[None]]

BOUNDARY = "escribabench0d6e4c1f8b1d0c5f2f6c9d"


class Poller:
    """Polls one server over one connection, and measures the latency of each answer."""

    def __init__(self, app: AppProcess, ids: list[str]) -> None:
        self._app = app
        self._ids = ids
        self._random = random.Random(3)
        self._connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
        self._seconds: list[float] = []
        self._cpu_before = 0.0

    def reset(self) -> None:
        self._seconds.clear()
        self._cpu_before = self._app.cpu

    def poll(self, times: int) -> None:
        for _ in range(times):
            path = f"/job/{self._random.choice(self._ids)}"
            start = time.perf_counter()
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
            body = answer.read()
            self._seconds.append(time.perf_counter() - start)
            assert answer.status == 200, body

    @property
    def median(self) -> float:
        return 1000 * statistics.median(self._seconds)

    @property
    def cpu(self) -> float:
        return self._app.cpu - self._cpu_before


def submit(port: int, audio: bytes) -> str:
    """Post one job, check that it is accepted, and return its id."""
    job_id = str(uuid.uuid4())
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="jobId"\r\n\r\n{job_id}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    )
    body = head.encode() + audio + f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection.request("POST", "/transcribe-job", body, headers)
    answer = connection.getresponse()
    response = answer.read()
    connection.close()
    if answer.status != 202:
        raise RuntimeError(f"{answer.status} {response[:300]!r}")
    return job_id


async def watch_by_socket(port: int, job_id: str, stack: contextlib.AsyncExitStack) -> None:
    """Add a watcher that has received the job's snapshot; it stays until `stack` ends."""
    from websockets.asyncio.client import connect

    url = f"ws://127.0.0.1:{port}/ws/transcription/{job_id}"
    await (await stack.enter_async_context(connect(url, compression=None))).recv()


async def watch_by_stream(port: int, job_id: str, stack: contextlib.AsyncExitStack) -> None:
    """The same with server-sent events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    writer.write(f"GET /job/{job_id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    await reader.readuntil(b"snapshot")
