"""`python -m benchmarks.instances`: jobs a minute of 1, 2 and 4 instances on one Postgres and one bucket.

The stand-in engine is slow, as a real one is for long recordings, so that the instances wait and the machine
does not become the limit. Every job is polled at another instance than the one that accepted it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.acceptance.api import Api
from tests.acceptance.client import tone
from tests.cluster import Cluster
from tests.replies import Reply
from tests.upstream import Upstream

COUNTS = (1, 2, 4)
JOBS_AT_ONCE = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instances", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="what the engine takes for a job")
    parser.add_argument("--jobs", type=int, default=18, help="jobs for each instance")
    arguments = parser.parse_args()
    print(f"{'instances':>9} {'jobs/min':>9} {'times one':>9} {'CPU-ms/job':>10}")
    alone = None
    for count in COUNTS:
        engine = Upstream(default=Reply(delay=arguments.seconds))
        with engine as upstream, tempfile.TemporaryDirectory() as root:
            rate, cpu = measure(count, count * arguments.jobs, upstream, Path(root))
        alone = alone or rate
        print(f"{count:9} {rate * 60:9.1f} {rate / alone:9.2f} {cpu * 1000:10.0f}", flush=True)


def measure(count: int, jobs: int, upstream: Upstream, root: Path) -> tuple[float, float]:
    """Jobs a second from the first submit to the last end, and CPU seconds of all instances for each job."""
    settings = {"JOBS_AT_ONCE": str(JOBS_AT_ONCE), "MAX_QUEUE": "1000", "UPLOAD_SLOTS": "64"}
    cluster = Cluster(root, upstream, settings)
    try:
        apis = [Api(cluster.start().url) for _ in range(count)]
        audios = [tone(random.Random(number)) for number in range(jobs)]
        cpu_before, began = cpu_of(cluster), time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda at: apis[at % count].accepted(audios[at]), range(jobs)))
        for at, job_id in enumerate(ids):
            apis[(at + 1) % count].completed(job_id, within=600)
        return jobs / (time.monotonic() - began), (cpu_of(cluster) - cpu_before) / jobs
    finally:
        cluster.stop()


def cpu_of(cluster: Cluster) -> float:
    times = [instance.ps.cpu_times() for instance in cluster.instances]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    main()
