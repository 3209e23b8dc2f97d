"""What a person may ask of a job, where it needs no store."""

from __future__ import annotations

import pytest

from common.errors import Busy
from common.jobs import state
from common.jobs.actions import _until_fresh, gone_since
from common.models import Job, Options
from common.ports import StaleJob


def a_job(status: str, *, erased_at: float | None = None) -> Job:
    job = state.accept("j", options=Options(), now=0, expires_at=100)
    return job.model_copy(update={"status": status, "erased_at": erased_at})


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_ended_is_gone_once_erased_or_expired(status: str) -> None:
    assert gone_since(a_job(status), now=99) is None
    assert gone_since(a_job(status), now=100) == 100
    assert gone_since(a_job(status, erased_at=40), now=50) == 40


@pytest.mark.parametrize("status", ["pending", "queued", "processing", "waiting", "cancelled"])
def test_what_holds_no_text_is_never_gone(status: str) -> None:
    assert gone_since(a_job(status), now=1000) is None
    assert gone_since(a_job(status, erased_at=40), now=1000) is None


async def test_a_step_is_decided_anew_until_nobody_else_was_first() -> None:
    tries = iter([StaleJob, StaleJob, None])

    async def step() -> str:
        if problem := next(tries):
            raise problem
        return "done"

    assert await _until_fresh(step) == "done"


async def test_who_is_never_first_is_told_to_come_back() -> None:
    async def step() -> str:
        raise StaleJob

    with pytest.raises(Busy) as busy:
        await _until_fresh(step)
    assert busy.value.retry_after == 1
