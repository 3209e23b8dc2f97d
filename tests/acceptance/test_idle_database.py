"""An idle instance leaves its database alone, and wakes at once for the next request."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.acceptance.api import Api, text_of
from tests.acceptance.client import tone
from tests.cluster import Cluster
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(19)

# What an instance has asked so far, and its connections; this question itself is not among them.
_CALLS = """
    SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND query NOT LIKE '%pg_stat%'
"""
_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_an_idle_hour_costs_at_most_four_queries(tmp_path: Path, upstream: Upstream) -> None:
    """The hour is eight seconds here, and the minutes until connections are closed are two."""
    hour = 8.0
    settings = {"DATABASE_CHECK_SECONDS": str(hour), "DATABASE_IDLE_SECONDS": "2", "SWEEP_SECONDS": "1"}
    made = Cluster(tmp_path, upstream, settings)
    try:
        api = Api(made.start().url)
        made.query("CREATE EXTENSION pg_stat_statements")
        audio = tone(RANDOM)
        assert api.completed(api.accepted(audio)) == text_of(audio)
        wait_until(lambda: made.query(_CONNECTIONS)[0][0] == 0)
        time.sleep(1)
        before = made.query(_CALLS)[0][0]
        until = time.monotonic() + hour
        while time.monotonic() < until:
            assert api.health()["status"] == "ok"  # as a platform asks, and many times an hour
            time.sleep(0.5)
        asked = made.query(_CALLS)[0][0] - before
        print(f"{asked} queries in an idle hour")
        assert asked <= 4
        assert api.health()["inHand"]["backlog"] is None
        began = time.monotonic()
        late = tone(RANDOM)
        assert api.completed(api.accepted(late)) == text_of(late)
        assert time.monotonic() - began < 60
    finally:
        made.stop()
