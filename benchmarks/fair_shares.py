"""`python -m benchmarks.fair_shares`: how long one client waits for an answer while another does its worst.

One client by its key asks, uploads, submits a job, watches it and gets its webhook, some times over, alone.
Then again while another floods with requests, holds slow uploads, and submits recordings whose webhooks never
answer as fast as it may. Medians in milliseconds, on whatever else the machine does.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

import httpx

from tests.acceptance.client import tone
from tests.receiver import Receiver, silence
from tests.replies import transcription
from tests.server import Server
from tests.serving import Client
from tests.upstream import Upstream

TIMES = 15
HEARD = 0.5  # seconds that the stand-in engine takes
ADMIN_KEY = "an admin key of at least 32 characters"
RANDOM = Random(14)


def main() -> None:
    engine = Upstream(default=transcription("heard", delay=HEARD))
    with engine, tempfile.TemporaryDirectory() as folder:
        settings = {"ADMIN_KEY": ADMIN_KEY, "CALLBACK_SECRET": "s" * 32, "CALLBACK_PRIVATE_ADDRESSES": "true"}
        with Server(Path(folder) / "data", GROQ_BASE_URL=engine.url, LOG_LEVEL="ERROR", **settings) as server:
            modest, greedy = _key(server, "modest"), _key(server, "greedy")
            alone = _measure(server, modest)
            with _worst(server, greedy):
                beside = _measure(server, modest)
    print(f"{'':<10}{'alone':>8}{'beside':>8}{'ratio':>8}")
    for what in alone:
        print(f"{what:<10}{alone[what]:>8.0f}{beside[what]:>8.0f}{beside[what] / alone[what]:>7.1f}x")


def _key(server: Server, name: str) -> dict[str, str]:
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
    stop = threading.Event()
    with ExitStack() as stack, Receiver() as mute:
        mute.script.extend([silence(60)] * 10_000)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        for _ in range(20):
            upload = stack.enter_context(Client(server.port))
            form = f"{lines}content-type: multipart/form-data; boundary=x\r\n"
            upload.post("/transcribe-job", b"x" * 40_000, length=20_000_000, headers=form)

        def repeat(do: Callable[[httpx.Client], object]) -> None:
            with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
                while not stop.is_set():
                    with suppress(httpx.HTTPError):
                        do(client)

        data = {"cache": "false", "callbackUrl": mute.url}
        files = {"file": ("a.wav", tone(RANDOM))}
        kinds: list[Callable[[httpx.Client], object]] = [
            lambda client: client.get("/v1/models"),
            lambda client: client.post("/transcribe-job", files=files, data=data),
            lambda client: client.post("/transcribe", files=files, data={"cache": "false"}),
            lambda client: client.post("/transcribe-job", json={}),
        ]
        threads = [threading.Thread(target=repeat, args=(kind,), daemon=True) for kind in kinds * 2]
        for thread in threads:
            thread.start()
        time.sleep(3)
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)


if __name__ == "__main__":
    main()
