"""`python -m benchmarks.jobs`: the server's cost of jobs: to accept them, to be polled, to keep them waiting.

The server runs at full speed and as in production, with a stand-in engine that makes every job wait.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.app_process import AppProcess, run_app
from benchmarks.cgroup import Cgroup
from benchmarks.job_clients import Poller, Watch, submit, watch_by_socket, watch_by_stream
from tests.acceptance.client import tone
from tests.kept_jobs import keep_finished_jobs
from tests.replies import rate_limited
from tests.upstream import Upstream

FEW, MANY = 10, 10_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Accepts of 1 MB per CPU-second, CPU in ms, latencies in ms (median), memory in KB."""

    accepts_per_cpu_second: float
    cpu_per_accept: float
    get_among_few: float
    get_among_many: float
    get_ratio: float
    cpu_per_get_ratio: float
    waiting_job_kb: float
    socket_watcher_kb: float
    stream_watcher_kb: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--accepts", type=int, default=60, help="jobs of 1 MB to submit")
    parser.add_argument("--gets", type=int, default=3000, help="polls of each server")
    parser.add_argument("--held", type=int, default=400, help="waiting jobs, and watchers of each kind")
    arguments = parser.parse_args()
    with (
        Upstream(default=rate_limited(retry_after=3600)) as upstream,
        tempfile.TemporaryDirectory() as folder,
    ):
        bench = Bench(upstream.url, Path(folder))
        figures = bench.run(arguments.accepts, arguments.gets, arguments.held)
    print(json.dumps(asdict(figures)) if arguments.json else table(figures))


@dataclass(frozen=True, slots=True)
class Bench:
    upstream: str
    folder: Path

    def run(self, accepts: int, gets: int, held: int) -> Figures:
        cpu_per_accept = self._measure_accepts(accepts)
        few, many, cpu_ratio = self._measure_polls(gets)
        return Figures(
            accepts_per_cpu_second=1000 / cpu_per_accept,
            cpu_per_accept=cpu_per_accept,
            get_among_few=few,
            get_among_many=many,
            get_ratio=many / few,
            cpu_per_get_ratio=cpu_ratio,
            waiting_job_kb=self._measure_waiting_job(held),
            socket_watcher_kb=self._measure_watcher(watch_by_socket, held),
            stream_watcher_kb=self._measure_watcher(watch_by_stream, held),
        )

    def _measure_accepts(self, times: int) -> float:
        """CPU-ms to accept one job: receive, hash and store 1 MB, commit its row, send the answer."""
        audio = tone(random.Random(1), seconds=62.5)
        # No job runs meanwhile: the first one takes the only place, and waits.
        with self._run_app("accepting", JOBS_AT_ONCE="1", MAX_QUEUE="10000") as app:
            for _ in range(5):
                submit(app.port, audio)
            time.sleep(2)
            before = app.cpu
            for _ in range(times):
                submit(app.port, audio)
            return (app.cpu - before) / times

    def _measure_polls(self, times: int) -> tuple[float, float, float]:
        """Median latency of GET /job/{id} with few and with many stored jobs, and the ratio of their CPU."""
        kept = {count: keep_finished_jobs(self.folder / str(count), count) for count in (FEW, MANY)}
        with self._run_app(str(FEW)) as few, self._run_app(str(MANY)) as many:
            pollers = {FEW: Poller(few, kept[FEW]), MANY: Poller(many, kept[MANY])}
            for poller in pollers.values():
                poller.poll(200)
            for poller in pollers.values():
                poller.reset()
            for _ in range(10):
                for poller in pollers.values():
                    poller.poll(times // 10)
            return pollers[FEW].median, pollers[MANY].median, pollers[MANY].cpu / pollers[FEW].cpu

    def _measure_waiting_job(self, count: int) -> float:
        """KB of process memory per waiting job."""
        with self._warm_app("waiting") as (app, _):
            before = app.rss_mb
            for number in range(count):
                submit(app.port, tone(random.Random(number), 0.1))
            _until_all_wait(app)
            return 1024 * (app.rss_mb - before) / count

    def _measure_watcher(self, watch: Watch, count: int) -> float:
        """KB per watcher. Each kind has its own server, since one reuses the memory that another frees."""
        with self._warm_app(watch.__name__) as (app, job_id):
            return asyncio.run(_memory_per_watcher(app, watch, job_id, count))

    @contextlib.contextmanager
    def _warm_app(self, name: str) -> Iterator[tuple[AppProcess, str]]:
        """A server that has already allocated what jobs and watchers share, and the id of a job."""
        limits = {"MAX_QUEUE": "10000", "MAX_WATCHERS": "5000", "WATCH_HEARTBEAT": "600"}
        with self._run_app(name, **limits) as app:
            ids = [submit(app.port, tone(random.Random(number), 0.1)) for number in range(50)]
            _until_all_wait(app)
            for watch in (watch_by_socket, watch_by_stream):
                asyncio.run(_memory_per_watcher(app, watch, ids[0], 20))
            time.sleep(2)
            yield app, ids[0]

    @contextlib.contextmanager
    def _run_app(self, name: str, **settings: str) -> Iterator[AppProcess]:
        cgroup = Cgroup("none")
        with run_app(["local_server.py"], cgroup, self.upstream, self.folder / name, **settings) as app:
            yield app


def _until_all_wait(app: AppProcess) -> None:
    """Wait until the engine has answered for each job and no job runs."""
    idle_polls = 0
    while idle_polls < 3:
        connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read())
        connection.close()
        idle_polls = idle_polls + 1 if health["inHand"]["jobs"] == 0 else 0
        time.sleep(0.5)


async def _memory_per_watcher(app: AppProcess, watch: Watch, job_id: str, count: int) -> float:
    async with contextlib.AsyncExitStack() as stack:
        before = app.rss_mb
        for _ in range(count):
            await watch(app.port, job_id, stack)
        return 1024 * (app.rss_mb - before) / count


ROWS = (
    ("accepts of 1 MB per CPU-second", "accepts_per_cpu_second", ""),
    ("CPU-ms per accept of 1 MB", "cpu_per_accept", ""),
    (f"GET /job, ms, {FEW} kept jobs", "get_among_few", ""),
    (f"GET /job, ms, {MANY} kept jobs", "get_among_many", ""),
    ("  ratio", "get_ratio", "1.2"),
    ("  ratio of the CPU", "cpu_per_get_ratio", "1.2"),
    ("KB per waiting job", "waiting_job_kb", ""),
    ("KB per watcher by WebSocket", "socket_watcher_kb", ""),
    ("KB per watcher by event stream", "stream_watcher_kb", ""),
)


def table(figures: Figures) -> str:
    lines = [f"{'jobs, at full speed':36}{'ours':>9}   aim"]
    lines += [f"{label:36}{getattr(figures, field):9.2f}   {aim}".rstrip() for label, field, aim in ROWS]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
