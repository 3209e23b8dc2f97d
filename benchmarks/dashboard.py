"""`python -m benchmarks.dashboard`: how many statements open dashboards cost SQLite and Postgres.

Each dashboard holds the stream that the page holds. What the server asks without any is taken off; a request
every few seconds keeps Postgres from counting as idle, since then a dashboard asks it nothing at all.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.cluster import Cluster
from tests.server import Server
from tests.upstream import Upstream

ADMIN_KEY = "an admin key of at least 32 characters"
UNKNOWN = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"
SETTINGS = {"ADMIN_KEY": ADMIN_KEY, "WATCH_HEARTBEAT": "2", "QUOTA_REQUESTS_PER_MINUTE": "600"}
HEADERS = {"Authorization": f"Bearer {ADMIN_KEY}"}

Count = Callable[[], Counter[str]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of each measurement")
    parser.add_argument("--dashboards", type=int, nargs="*", default=[1, 3])
    arguments = parser.parse_args()
    with Upstream() as upstream, tempfile.TemporaryDirectory() as name:
        for store, start in (("SQLite", start_sqlite), ("Postgres", start_postgres)):
            with start(upstream, Path(name)) as (server, count):
                measure(store, server, count, arguments.dashboards, arguments.seconds)


def measure(store: str, server: Server, count: Count, dashboards: list[int], seconds: float) -> None:
    """Print what each number of dashboards adds a second."""
    without = run(server, count, 0, seconds / 2)
    print(f"{store:>9} without a dashboard: {sum(without.values()) * 2 / seconds:.2f} statements a second")
    for number in dashboards:
        with_them = run(server, count, number, seconds)
        added = {text: n - 2 * without[text] for text, n in with_them.items()}
        theirs = {text: n for text, n in added.items() if n > seconds / 60}
        print(
            f"{store:>9} {number} dashboards add {sum(theirs.values()) / seconds:.2f} a second:", flush=True
        )
        for text, n in sorted(theirs.items(), key=lambda item: -item[1]):
            print(f"{n:19} {text[:90]}")


def run(server: Server, count: Count, dashboards: int, seconds: float) -> Counter[str]:
    """The statements of so many seconds."""
    ended = threading.Event()
    threads = [threading.Thread(target=hold, args=(server.url, ended)) for _ in range(dashboards)]
    for thread in threads:
        thread.start()
        time.sleep(0.7)  # their looks do not fall together
    before, until = count(), time.monotonic() + seconds
    while time.monotonic() < until:
        httpx.get(f"{server.url}/job/{UNKNOWN}", headers=HEADERS)
        time.sleep(min(5.0, max(0.0, until - time.monotonic())))
    after = count()
    ended.set()
    for thread in threads:
        thread.join()
    return after - before


def hold(url: str, ended: threading.Event) -> None:
    """What the page does while its first view is open."""
    with httpx.stream("GET", f"{url}/admin/now/events", headers=HEADERS, timeout=60) as stream:
        for _ in stream.iter_raw():
            if ended.is_set():
                return


@contextmanager
def start_sqlite(upstream: Upstream, folder: Path) -> Iterator[tuple[Server, Count]]:
    server = Server(folder / "sqlite", GROQ_BASE_URL=upstream.url, **SETTINGS)
    server.program = "tests/traced_server.py"

    def count() -> Counter[str]:
        lines = (folder / "sqlite" / "statements").read_text().splitlines()
        statements = (line.partition(" ")[2] for line in lines)
        return Counter(each for each in statements if not each.startswith(("BEGIN", "COMMIT", "PRAGMA")))

    server.start()
    yield server, count
    server.stop()


@contextmanager
def start_postgres(upstream: Upstream, folder: Path) -> Iterator[tuple[Server, Count]]:
    cluster = Cluster(folder, upstream, SETTINGS)
    cluster.query("CREATE EXTENSION pg_stat_statements")

    def count() -> Counter[str]:
        name = cluster.database.rpartition("/")[2]
        rows = cluster.query(
            """
            SELECT query, calls FROM pg_stat_statements JOIN pg_database ON dbid = pg_database.oid
            WHERE datname = $1 AND toplevel AND query !~ '^(BEGIN|COMMIT|SELECT query, calls)'
            """,
            name,
        )
        return Counter({" ".join(query.split()): calls for query, calls in rows})

    yield cluster.start(), count
    cluster.stop()


if __name__ == "__main__":
    main()
