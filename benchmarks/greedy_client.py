"""`python -m benchmarks.greedy_client <url> <headers as JSON>`: a client at its worst, until its input ends.

A process of its own, so that it shares no interpreter with the client that is measured. It gives way to
others, as a client on another machine takes no CPU of the server's. It prints `ready` when all runs, and
at its end how many requests a second it sent.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from random import Random
from urllib.parse import urlsplit

import httpx

from tests.acceptance.client import tone
from tests.receiver import Receiver, silence
from tests.serving import Client

RANDOM = Random(41)
SLOW_UPLOADS = 20
SOCKETS = 60
WARM_UP = 3.0  # seconds, until what is free at first is used up
Do = Callable[[httpx.Client], object]


def main(url: str, headers: dict[str, str]) -> None:
    os.nice(10)
    with ExitStack() as stack:
        mute = stack.enter_context(Receiver())
        mute.script.extend([silence(60)] * 10_000)
        port = urlsplit(url).port or 80
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        _watch(stack, url, port, headers, lines)
        for _ in range(SLOW_UPLOADS):
            form = f"{lines}content-type: multipart/form-data; boundary=x\r\n"
            upload = stack.enter_context(Client(port))
            upload.post("/transcribe-job", b"x" * 40_000, length=20_000_000, headers=form)
        flood = _Flood(url, headers, mute.url)
        time.sleep(WARM_UP)
        sent, since = flood.sent, time.monotonic()
        print("ready", flush=True)
        sys.stdin.read()
        print(f"{(flood.sent - sent) / (time.monotonic() - since):.0f}", flush=True)
        os._exit(0)  # its threads wait for answers


def _watch(stack: ExitStack, url: str, port: int, headers: dict[str, str], lines: str) -> None:
    """As many sockets as it gets, on a job whose recording never comes."""
    made = httpx.post(f"{url}/transcribe-job", json={}, headers=headers, timeout=60)
    for _ in range(SOCKETS):
        socket = stack.enter_context(Client(port))
        socket.send(f"GET /job/{made.json()['jobId']}/events HTTP/1.1\r\nhost: x\r\n{lines}\r\n".encode())


class _Flood:
    """Requests, as fast as they are answered; `sent` counts them."""

    def __init__(self, url: str, headers: dict[str, str], callback_url: str) -> None:
        self.sent = 0
        data = {"cache": "false", "callbackUrl": callback_url}
        files = {"file": ("a.wav", tone(RANDOM))}
        kinds: list[Do] = [
            lambda client: client.get("/v1/models"),
            lambda client: client.post("/transcribe-job", files=files, data=data),
            lambda client: client.post("/transcribe", files=files, data={"cache": "false"}),
            lambda client: client.post("/transcribe-job", json={}),
        ]
        for do in kinds * 2:
            threading.Thread(target=self._repeat, args=(url, headers, do), daemon=True).start()

    def _repeat(self, url: str, headers: dict[str, str], do: Do) -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            while True:
                with suppress(httpx.HTTPError):
                    do(client)
                self.sent += 1


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
