"""What a person may do with a job, where it needs no store."""

from __future__ import annotations

import pytest

from common.errors import Busy
from common.jobs import state
from common.jobs.actions import repeat_while_stale, text_expired_at
from common.models import Job, Options
from common.ports import StaleJob


def a_job(status: str, *, erased_at: float | None = None) -> Job:
    job = state.accept("j", options=Options(), now=0, expires_at=100)
    return job.model_copy(update={"status": status, "erased_at": erased_at})


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_the_text_of_a_job_that_ended_expires_or_is_erased(status: str) -> None:
    assert text_expired_at(a_job(status), now=99) is None
    assert text_expired_at(a_job(status), now=100) == 100
    assert text_expired_at(a_job(status, erased_at=40), now=50) == 40


@pytest.mark.parametrize("status", ["pending", "queued", "processing", "waiting", "cancelled"])
def test_a_job_without_text_never_expires(status: str) -> None:
    assert text_expired_at(a_job(status), now=1000) is None
    assert text_expired_at(a_job(status, erased_at=40), now=1000) is None


async def test_a_step_is_repeated_while_other_commits_come_first() -> None:
    tries = iter([StaleJob, StaleJob, None])

    async def step() -> str:
        if problem := next(tries):
            raise problem
        return "done"

    assert await repeat_while_stale(step) == "done"


async def test_a_step_that_is_always_stale_is_busy() -> None:
    async def step() -> str:
        raise StaleJob

    with pytest.raises(Busy) as busy:
        await repeat_while_stale(step)
    assert busy.value.retry_after == 1
