"""`python -m benchmarks.jobs`: what jobs cost the server: taking them in, being asked for them, holding them.

All of it at full speed, on the server as it is run, before a stand-in engine that lets every job wait.
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

from benchmarks.box import Box
from benchmarks.job_clients import Asked, Watch, by_socket, by_stream, submit
from benchmarks.served import Served, served
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
    parser.add_argument("--accepts", type=int, default=60, help="jobs of 1 MB that are taken in")
    parser.add_argument("--gets", type=int, default=3000, help="times that each server is asked for a job")
    parser.add_argument("--held", type=int, default=400, help="jobs that wait, and watchers of each kind")
    asked = parser.parse_args()
    with (
        Upstream(default=rate_limited(retry_after=3600)) as upstream,
        tempfile.TemporaryDirectory() as folder,
    ):
        bench = Bench(upstream.url, Path(folder))
        figures = bench.run(asked.accepts, asked.gets, asked.held)
    print(json.dumps(asdict(figures)) if asked.json else table(figures))


@dataclass(frozen=True, slots=True)
class Bench:
    upstream: str
    folder: Path

    def run(self, accepts: int, gets: int, held: int) -> Figures:
        cpu_per_accept = self._accepting(accepts)
        few, many, cpu_ratio = self._asking(gets)
        return Figures(
            accepts_per_cpu_second=1000 / cpu_per_accept,
            cpu_per_accept=cpu_per_accept,
            get_among_few=few,
            get_among_many=many,
            get_ratio=many / few,
            cpu_per_get_ratio=cpu_ratio,
            waiting_job_kb=self._waiting(held),
            socket_watcher_kb=self._watched(by_socket, held),
            stream_watcher_kb=self._watched(by_stream, held),
        )

    def _accepting(self, times: int) -> float:
        """CPU-ms of one accept: 1 MB received, hashed and kept, its row durable, the answer sent."""
        audio = tone(random.Random(1), seconds=62.5)
        # Nothing is run meanwhile: the one place for that is taken by a job of its own, which waits for ever.
        with self._served("accepting", JOBS_AT_ONCE="1", MAX_QUEUE="10000") as app:
            for _ in range(5):
                submit(app.port, audio)
            time.sleep(2)
            before = app.cpu
            for _ in range(times):
                submit(app.port, audio)
            return (app.cpu - before) / times

    def _asking(self, times: int) -> tuple[float, float, float]:
        """Median latency of GET /job/{id} among few jobs and among many, in turn; the ratio of their CPU."""
        kept = {count: keep_finished_jobs(self.folder / str(count), count) for count in (FEW, MANY)}
        with self._served(str(FEW)) as few, self._served(str(MANY)) as many:
            asked = {FEW: Asked(few, kept[FEW]), MANY: Asked(many, kept[MANY])}
            for one in asked.values():
                one.again(200)
            for one in asked.values():
                one.begin()
            for _ in range(10):
                for one in asked.values():
                    one.again(times // 10)
            return asked[FEW].median, asked[MANY].median, asked[MANY].cpu / asked[FEW].cpu

    def _waiting(self, count: int) -> float:
        """KB that one waiting job takes in the process."""
        with self._furnished("waiting") as (app, _):
            before = app.rss_mb
            for number in range(count):
                submit(app.port, tone(random.Random(number), 0.1))
            _until_all_wait(app)
            return 1024 * (app.rss_mb - before) / count

    def _watched(self, watch: Watch, count: int) -> float:
        """KB that one watcher takes, in a server of its own: what one kind lets go of another reuses."""
        with self._furnished(watch.__name__) as (app, job_id):
            return asyncio.run(_grown(app, watch, job_id, count))

    @contextlib.contextmanager
    def _furnished(self, name: str) -> Iterator[tuple[Served, str]]:
        """A server that has grown what it needs for any number of jobs and watchers, and a job's id."""
        limits = {"MAX_QUEUE": "10000", "MAX_WATCHERS": "5000", "WATCH_HEARTBEAT": "600"}
        with self._served(name, **limits) as app:
            ids = [submit(app.port, tone(random.Random(number), 0.1)) for number in range(50)]
            _until_all_wait(app)
            for watch in (by_socket, by_stream):
                asyncio.run(_grown(app, watch, ids[0], 20))
            time.sleep(2)
            yield app, ids[0]

    @contextlib.contextmanager
    def _served(self, name: str, **settings: str) -> Iterator[Served]:
        box = Box("none")
        with served(["local_server.py"], box, self.upstream, self.folder / name, **settings) as app:
            yield app


def _until_all_wait(app: Served) -> None:
    """Until each job has been asked about and told to wait."""
    quiet = 0
    while quiet < 3:
        connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
        connection.request("GET", "/health")
        told = json.loads(connection.getresponse().read())
        connection.close()
        quiet = quiet + 1 if told["inHand"]["jobs"] == 0 else 0
        time.sleep(0.5)


async def _grown(app: Served, watch: Watch, job_id: str, count: int) -> float:
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
