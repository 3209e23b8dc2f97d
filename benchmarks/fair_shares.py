"""`python -m benchmarks.fair_shares`: how long one client waits for an answer while another does its worst.

One client asks, uploads, submits a job, watches it and gets its webhook, some times over: alone; while
another does its worst to a second server on the same machine (`elsewhere`: what sharing the cores costs); and
while it does so to this server (`beside`). By access keys, then by addresses. Medians in milliseconds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from subprocess import PIPE

import httpx

from tests.acceptance.client import tone
from tests.receiver import Receiver
from tests.replies import transcription
from tests.server import Server
from tests.upstream import Upstream

TIMES = 15
HEARD = 0.5  # seconds that the stand-in engine takes
ADMIN_KEY = "an admin key of at least 32 characters"
RANDOM = Random(14)


def main() -> None:
    for by in ("keys", "addresses"):
        with ExitStack() as stack:
            engine = stack.enter_context(Upstream(default=transcription("heard", delay=HEARD)))
            server, other = (_server(stack, engine, by) for _ in range(2))
            modest = _party(server, by, "modest")
            alone = _measure(server, modest)
            with _worst(other, _party(other, by, "greedy")):
                elsewhere = _measure(server, modest)
            with _worst(server, _party(server, by, "greedy")):
                beside = _measure(server, modest)
        print(f"{by:<10}{'alone':>10}{'elsewhere':>10}{'beside':>10}{'ratio':>9}")
        for what in alone:
            figures = "".join(f"{each[what]:>10.0f}" for each in (alone, elsewhere, beside))
            print(f"{what:<10}{figures}{beside[what] / elsewhere[what]:>8.1f}x", flush=True)


def _server(stack: ExitStack, engine: Upstream, by: str) -> Server:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    settings = {"CALLBACK_SECRET": "s" * 32, "CALLBACK_PRIVATE_ADDRESSES": "true", "LOG_LEVEL": "ERROR"}
    if by == "keys":
        settings["ADMIN_KEY"] = ADMIN_KEY
    return stack.enter_context(Server(folder / "data", GROQ_BASE_URL=engine.url, **settings))


def _party(server: Server, by: str, name: str) -> dict[str, str]:
    """The headers by which the server knows a client."""
    if by == "addresses":
        return {"X-Forwarded-For": "203.0.113.1" if name == "modest" else "203.0.113.2"}
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    answer = httpx.post(f"{server.url}/admin/keys", headers=headers, json={"name": name}, timeout=60)
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['key']}"}


def _measure(server: Server, headers: dict[str, str]) -> dict[str, float]:
    """Median milliseconds of each kind of use."""
    seconds: dict[str, list[float]] = {}

    def timed(what: str, do: Callable[[], object]) -> None:
        began = time.perf_counter()
        do()
        seconds.setdefault(what, []).append(time.perf_counter() - began)

    with httpx.Client(base_url=server.url, headers=headers, timeout=120) as client, Receiver() as receiver:
        for number in range(TIMES):
            timed("request", lambda: client.get("/v1/models").raise_for_status())
            timed("upload", lambda: _transcribe(client))
            timed("job", lambda: _run_job(client, receiver.url))
            timed("webhook", lambda count=number: _until(lambda: len(receiver.received) > count))  # type: ignore[misc]
    return {what: 1000 * statistics.median(each) for what, each in seconds.items()}


def _transcribe(client: httpx.Client) -> None:
    files = {"file": ("a.wav", tone(RANDOM, 10))}
    client.post("/transcribe", files=files, data={"cache": "false"}).raise_for_status()


def _run_job(client: httpx.Client, callback_url: str) -> None:
    """From the submission to the event that tells a watcher of the end."""
    files, data = {"file": ("a.wav", tone(RANDOM))}, {"cache": "false", "callbackUrl": callback_url}
    job = client.post("/transcribe-job", files=files, data=data).raise_for_status().json()
    with client.stream("GET", f"/job/{job['jobId']}/events") as events:
        if any('"status":"completed"' in line for line in events.iter_lines()):
            return
    raise AssertionError("the job did not complete")


def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.001)


@contextmanager
def _worst(server: Server, headers: dict[str, str]) -> Iterator[None]:
    """Another client at its worst while the block runs."""
    command = [sys.executable, "-m", "benchmarks.greedy_client", server.url, json.dumps(headers)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as greedy:
        assert greedy.stdin
        assert greedy.stdout
        assert greedy.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            greedy.stdin.close()
            print(f"# it sent {greedy.stdout.readline().strip()} requests a second")


if __name__ == "__main__":
    main()
