"""What listening to voices does to others: on a tenth of a processor, and with five uploads in 512 MB.

    python -m benchmarks.speakers_beside               about ten minutes

Where the system permits no cgroup the figures are of a whole machine, and the first line says so. The engine
is a stand-in that answers at once, so the times of the second client are those of our own work alone.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.app_process import AppProcess, run_app
from benchmarks.cgroup import small_cgroup
from tests.conversation import Conversation, make_conversation
from tests.upstream import Upstream

_TENTH = 0.1  # of a processor
_UPLOADS = 5
_POLL = 0.2  # seconds


class Client:
    """One who sends recordings to the app."""

    def __init__(self, app: AppProcess) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{app.port}", timeout=900)

    def submit(self, conversation: Conversation, **fields: str) -> str:
        with conversation.path.open("rb") as file:
            answer = self._http.post("/transcribe-job", files={"file": ("c.wav", file)}, data=fields)
        return str(answer.raise_for_status().json()["jobId"])

    def read(self, job_id: str, wait: int = 0) -> dict[str, Any]:
        job: dict[str, Any] = (
            self._http.get(f"/job/{job_id}", params={"wait": wait}).raise_for_status().json()
        )
        return job

    def wait_for(self, job_id: str) -> dict[str, Any]:
        while (job := self.read(job_id, wait=20))["status"] != "completed":
            assert job["status"] != "failed", job
        return job

    def seconds_of_text(self, conversation: Conversation, pause: float) -> float:
        """From sending a recording without speakers, after a pause, until its text is there."""
        time.sleep(pause)
        begin = time.perf_counter()
        self.wait_for(self.submit(conversation))
        return time.perf_counter() - begin

    def transcribe(self, conversation: Conversation) -> set[str]:
        with conversation.path.open("rb") as file:
            fields = {"speakers": "true"}
            answer = self._http.post("/transcribe", files={"file": ("c.wav", file)}, data=fields)
        return set(answer.raise_for_status().json()["speakers"])


def measure_neighbour(
    client: Client, upstream: Upstream, long: Conversation, short: Conversation, times: int, pause: float
) -> None:
    upstream.default = short.reply()
    client.seconds_of_text(short, pause)  # the first pays for imports
    alone = [client.seconds_of_text(short, pause) for _ in range(times)]
    upstream.default = long.reply()
    job_id = client.submit(long, speakers="true")
    while client.read(job_id)["stage"] != "speakers":
        time.sleep(_POLL)
    upstream.default = short.reply()
    begin = time.perf_counter()
    beside = [client.seconds_of_text(short, pause) for _ in range(times)]
    assert client.read(job_id)["stage"] == "speakers", "it ended before the others were measured"
    job = client.wait_for(job_id)
    took = time.perf_counter() - begin
    minutes = long.seconds / 60
    print(f"{minutes:.0f} minutes of speech: speakers after {took:.0f} s, an hour {took / minutes:.0f} min")
    print("a second job's text:")
    for name, middle in (("median", statistics.median), ("mean", statistics.mean)):
        before, after = middle(alone), middle(beside)
        print(f"  {name} {before:.2f} s alone, {after:.2f} s beside it, {after / before:.2f} ×")
    print(f"  speakers {sorted(job['result']['speakers'])}, {times} times each", flush=True)


def measure_uploads(app: AppProcess, recording: Conversation) -> None:
    with app.sample_family(), ThreadPoolExecutor(_UPLOADS) as pool:
        found = list(pool.map(lambda _: Client(app).transcribe(recording), range(_UPLOADS)))
    assert all(found), found
    print(f"{_UPLOADS} uploads of {recording.seconds / 60:.0f} minutes at once: {app.peak_family_mb:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speakers_beside", description=__doc__)
    parser.add_argument(
        "--minutes", type=int, default=9, help="of speech, fewer than ten, whose voices are listened to"
    )
    parser.add_argument("--times", type=int, default=40, help="jobs of a minute beside it, and without it")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds before each of these jobs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Upstream() as upstream:
        folder = Path(name)
        short = make_conversation(folder)
        long = make_conversation(folder, times=arguments.minutes)
        for cpus in (_TENTH, 2.0):
            with small_cgroup(cpus) as cgroup:
                print(f"{cpus:g} processors, 512 MB: {cgroup.kind}", flush=True)
                data = folder / f"data-{cpus:g}"
                with run_app(["local_server.py"], cgroup, upstream.url, data) as app:
                    if cpus == _TENTH:
                        times, pause = arguments.times, arguments.pause
                        measure_neighbour(Client(app), upstream, long, short, times, pause)
                    else:
                        upstream.default = long.reply()
                        measure_uploads(app, long)


if __name__ == "__main__":
    main()
