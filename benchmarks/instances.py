"""`python -m benchmarks.instances`: the cost of Postgres at a start, and what 1, 2 and 4 instances do.

The stand-in engine is slow, as a real one is for long recordings, so that the instances wait and the machine
does not become the limit. Every job is polled at another instance than the one that accepted it.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.acceptance.api import Api
from tests.acceptance.client import tone
from tests.cluster import Cluster
from tests.replies import Reply
from tests.server import Server
from tests.upstream import Upstream

SEVERAL = (2, 4)
STARTS = 5
JOBS_AT_ONCE = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instances", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="what the engine takes for a job")
    parser.add_argument("--jobs", type=int, default=18, help="jobs for each instance")
    arguments = parser.parse_args()
    compare_starts()
    print(f"{'instances':>9} {'jobs/min':>9} {'times one':>9} {'CPU-ms/job':>10}")
    measure("SQLite", 0, arguments.jobs, arguments.seconds)
    alone = measure("1", 1, arguments.jobs, arguments.seconds)
    for count in SEVERAL:
        measure(str(count), count, count * arguments.jobs, arguments.seconds, alone=alone)


def compare_starts() -> None:
    """Print CPU and memory of a healthy server that has done nothing, with each kind of storage."""
    print(f"{'storage':>9} {'start CPU-ms':>12} {'RSS MB':>9}")
    with Upstream() as upstream, tempfile.TemporaryDirectory() as root:
        cluster = Cluster(Path(root), upstream, {})
        default = Server(Path(root) / "default", GROQ_BASE_URL=upstream.url)
        for name, start in (("SQLite", default.start), ("Postgres", cluster.start)):
            usage = [usage_of(start) for _ in range(STARTS)]
            cpu, memory = (statistics.median(figures) for figures in zip(*usage, strict=True))
            print(f"{name:>9} {cpu * 1000:12.0f} {memory / 1e6:9.1f}", flush=True)
        cluster.stop()


def usage_of(start: Callable[[], Server]) -> tuple[float, int]:
    """CPU seconds and bytes of memory of a server that is stopped again."""
    server = start()
    time.sleep(2)
    times, memory = server.ps.cpu_times(), server.ps.memory_info().rss
    server.stop()
    return times.user + times.system, memory


def measure(name: str, count: int, jobs: int, seconds: float, *, alone: float | None = None) -> float:
    """Jobs a second from the first submit to the last end; without a `count`, of a server over SQLite."""
    settings = {"JOBS_AT_ONCE": str(JOBS_AT_ONCE), "MAX_QUEUE": "1000", "UPLOAD_SLOTS": "64"}
    with Upstream(default=Reply(delay=seconds)) as upstream, tempfile.TemporaryDirectory() as root:
        cluster = Cluster(Path(root), upstream, settings)
        default = Server(Path(root) / "default", GROQ_BASE_URL=upstream.url, **settings)
        servers = [cluster.start() for _ in range(count)] or [default.start()]
        before, began = cpu_of(servers), time.monotonic()
        run_jobs([Api(server.url) for server in servers], jobs)
        rate, cpu = jobs / (time.monotonic() - began), (cpu_of(servers) - before) / jobs
        for server in servers:
            server.kill()
    print(f"{name:>9} {rate * 60:9.1f} {rate / (alone or rate):9.2f} {cpu * 1000:10.0f}", flush=True)
    return rate


def run_jobs(apis: list[Api], jobs: int) -> None:
    audios = [tone(random.Random(number)) for number in range(jobs)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda at: apis[at % len(apis)].accepted(audios[at]), range(jobs)))
    for at, job_id in enumerate(ids):
        apis[(at + 1) % len(apis)].completed(job_id, within=600)


def cpu_of(servers: list[Server]) -> float:
    times = [server.ps.cpu_times() for server in servers]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    main()
