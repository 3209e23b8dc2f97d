"""`python -m benchmarks.access`: what a request costs more with 1,000 access keys, counted and limited."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks.app_process import AppProcess, run_app
from benchmarks.cgroup import Cgroup
from common.access.caller import Caller
from common.access.keys import new_access_key
from common.access.rates import RequestRates
from common.local.sqlite.access_keys import SqliteAccessKeys
from common.local.sqlite.database import Database

KEYS = 1000
REQUESTS, ROUNDS = 2000, 5
COUNTED = 1_000_000
FREE = Cgroup("none")
ADMIN_KEY = secrets.token_hex(32)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = asyncio.run(_make_keys(data / "escriba.sqlite3"))
        many = {"CLIENT_REQUESTS_PER_MINUTE": "1000000", "LOG_LEVEL": "WARNING"}
        with (
            run_app(
                ["local_server.py"], FREE, "http://127.0.0.1:9", Path(folder) / "open", **many
            ) as without,
            run_app(["local_server.py"], FREE, "http://127.0.0.1:9", data, ADMIN_KEY=ADMIN_KEY, **many) as on,
        ):
            starts = without.cpu, on.cpu
            differences = [_cost(on, keys) - _cost(without, [""]) for _ in range(ROUNDS + 1)]
    print(f"start, CPU ms: {starts[0]:.0f} without keys, {starts[1]:.0f} with {KEYS} keys")
    print(f"a request with a key costs {statistics.median(differences[1:]):.3f} CPU ms more")
    print(f"counting a request costs {_counting_cost():.4f} CPU ms, {COUNTED:,} of {KEYS} clients")


async def _make_keys(path: Path) -> list[str]:
    database = Database(path)
    store, texts = SqliteAccessKeys(database), []
    for number in range(KEYS):
        text, key = new_access_key(
            f"key {number}",
            scopes=("transcribe", "read"),
            now=time.time(),
            expires_at=None,
            random_bytes=secrets.token_bytes,
        )
        await store.put(key)
        texts.append(text)
    database.close()
    return texts


def _cost(app: AppProcess, keys: Sequence[str]) -> float:
    """CPU ms of one request, over one connection, with one key after another."""
    with httpx.Client(base_url=f"http://127.0.0.1:{app.port}", timeout=60) as client:
        before = app.own_cpu
        for number in range(REQUESTS):
            key = keys[number % len(keys)]
            answer = client.get("/v1/models", headers={"Authorization": f"Bearer {key}"} if key else {})
            assert answer.status_code == 200, answer.text
        return (app.own_cpu - before) / REQUESTS


def _counting_cost() -> float:
    rates = RequestRates(1_000_000)
    callers = [Caller("key", f"key:{number}", frozenset(), str(number)) for number in range(KEYS)]
    started = time.process_time()
    for number in range(COUNTED):
        rates.take(callers[number % KEYS], 1_800_000_000.0 + number / 1000)
    return 1000 * (time.process_time() - started) / COUNTED


if __name__ == "__main__":
    main()
