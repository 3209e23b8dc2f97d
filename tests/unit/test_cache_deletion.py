"""A job that is deleted while its run ends leaves no text in the cache, whichever of both is first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from common.cache_port import CacheKey
from common.jobs.actions import discard
from common.jobs.run import run_job
from common.local.sqlite.cache import SqliteCache
from common.local.sqlite.jobs import SqliteJobs
from common.models import Transcript
from tests.unit.test_run_interrupted import compose, submit_audio
from tests.upstream import Upstream


class HookedCache(SqliteCache):
    """The real cache, which calls `before` and `after` around keeping a text."""

    before: Callable[[], Awaitable[object]] | None = None
    after: Callable[[], Awaitable[object]] | None = None

    async def put(self, key: CacheKey, transcript: Transcript, *, expires_at: float) -> None:
        if self.before:
            await self.before()
        await super().put(key, transcript, expires_at=expires_at)
        if self.after:
            await self.after()

    async def count(self) -> int:
        return int(
            await self._database.read(lambda db: db.execute("SELECT count(*) FROM cache").fetchone()[0])
        )


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_deleted_text_is_gone(moment: str, tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as composed:
            assert isinstance(composed.jobs, SqliteJobs)
            cache = HookedCache(composed.jobs._database, budget_bytes=10**6)
            services = replace(composed, cache=cache)
            job_id = await submit_audio(services)
            setattr(cache, moment, lambda: discard(services, job_id))
            await run_job(services, job_id, "here")
            assert (await services.jobs.get(job_id)).erased_at is not None
            assert await cache.count() == 0


async def test_the_text_of_a_job_that_stays_is_kept(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as composed:
            assert isinstance(composed.jobs, SqliteJobs)
            cache = HookedCache(composed.jobs._database, budget_bytes=10**6)
            services = replace(composed, cache=cache)
            await run_job(services, await submit_audio(services), "here")
            assert await cache.count() == 1
