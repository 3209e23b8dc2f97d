"""What every JobDirectory promises: each job on one page, newest first, and true numbers of those at work."""

from __future__ import annotations

import pytest

from common.admin import directory
from common.admin.directory import (
    FIRST,
    START,
    JobFilter,
    Position,
    Waiting,
    list_jobs,
    read_cursor,
    write_cursor,
)
from common.delivery import rules
from common.jobs import state, text_state
from common.models import Job
from common.sender_port import DeliveryFailed
from common.wait_reasons import WaitReason
from tests.contract.sample_jobs import NOW, WEEK, cancel, commit, create, sample_job, sample_pending_job
from tests.contract.targets import DeploymentTarget


async def make_jobs(target: DeploymentTarget, count: int) -> list[Job]:
    """Oldest first; two and two of one moment."""
    made = []
    for number in range(count):
        owner, user_id = "1a2b3c4d" if number % 2 else None, "ana" if number % 3 else None
        job = sample_job(f"00000000-0000-4000-8000-{number:012d}", user_id=user_id, now=NOW + number // 2)
        made.append(await create(target.jobs, job.model_copy(update={"owner": owner})))
    return made


async def read_pages(target: DeploymentTarget, wanted: JobFilter, limit: int) -> list[list[Job]]:
    pages, after = [], START
    while True:
        page = await list_jobs(target.directory, wanted, after=after, limit=limit)
        pages.append(page.rows)
        if page.rest is None:
            return pages
        after = read_cursor(write_cursor(page.rest))


async def test_every_job_is_on_one_page_newest_first(
    target: DeploymentTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_BATCH", 3)
    made = await make_jobs(target, 8)
    pages = await read_pages(target, JobFilter(), limit=5)
    assert [job.job_id for page in pages for job in page] == [job.job_id for job in made[::-1]]
    assert [len(page) for page in pages] == [5, 3]


async def test_jobs_are_filtered_by_status_owner_user_and_time(target: DeploymentTarget) -> None:
    made = await make_jobs(target, 7)
    await commit(target.jobs, cancel(made[3]))
    filters = {
        JobFilter(statuses=frozenset({"cancelled", "failed"})): [3],
        JobFilter(owner="1a2b3c4d"): [5, 3, 1],
        JobFilter(user_id="ana"): [5, 4, 2, 1],
        JobFilter(since=NOW + 1, until=NOW + 2): [5, 4, 3, 2],
        JobFilter(owner="1a2b3c4d", user_id="ana", since=NOW + 2): [5],
        JobFilter(owner="nobody"): [],
        JobFilter(since=NOW + 2, until=NOW): [],
        JobFilter(until=-1.0): [],
        JobFilter(since=NOW + 1e12): [],
    }
    for wanted, numbers in filters.items():
        (page,) = await read_pages(target, wanted, limit=50)
        assert [job.job_id for job in page] == [made[number].job_id for number in numbers], wanted


async def test_a_place_before_the_time_that_is_asked_for_ends_the_list(target: DeploymentTarget) -> None:
    await make_jobs(target, 3)
    page = await list_jobs(target.directory, JobFilter(since=NOW + 1), after=Position(NOW, "x"), limit=50)
    assert (page.rows, page.rest) == ([], None)


async def test_a_rare_owners_jobs_are_found_over_several_pages(
    target: DeploymentTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_BATCH", 2)
    monkeypatch.setattr(directory, "_MOST_READ", 2)
    made = await make_jobs(target, 5)
    pages = await read_pages(target, JobFilter(owner="1a2b3c4d"), limit=50)
    assert [job for page in pages for job in page] == [made[3], made[1]]
    assert len(pages) > 1


def test_a_cursor_that_was_not_written_here_is_refused() -> None:
    assert read_cursor(write_cursor(Position(NOW, "x"))) == (NOW, "x")
    for text in (
        "",
        "!",
        "YWJj",
        "\N{SNOWMAN}",
        "====",
        write_cursor(START),
        write_cursor(Position(NOW, "\0")),
    ):
        with pytest.raises(ValueError, match=r"."):
            read_cursor(text)


async def test_each_delivery_that_fails_or_was_refused_is_on_one_page(
    target: DeploymentTarget,
) -> None:
    made = [sample_job(f"00000000-0000-4000-8000-{number:012d}") for number in range(6)]
    for number, job in enumerate(made):
        await create(target.jobs, job, targets=("convex", "callback") if number else ("convex",))
    ended = await commit(target.jobs, cancel(made[1]))
    failed = []
    for job in [ended, *made[2:5]]:
        delivery = await target.jobs.delivery(job.job_id, "convex")
        assert delivery is not None
        failed.append(rules.fail(delivery, job.seq, DeliveryFailed("away", retry_after=90.0 - job.seq), NOW))
        await target.jobs.settle(failed[-1])
    refused = await target.jobs.delivery(made[5].job_id, "convex")
    assert refused is not None
    failed.insert(0, rules.reject(refused, 1, "answered 410", NOW))
    await target.jobs.settle(failed[0])

    found, after = [], FIRST
    while True:
        page = await target.directory.failing(after=after, limit=3)
        found.append(page.rows)
        if page.rest is None:
            break
        after = read_cursor(write_cursor(page.rest))
    assert found == [failed[:3], failed[3:]]
    assert failed[0].is_refused
    await target.jobs.settle(rules.ask(failed[4]))
    assert (await target.directory.failing(after=FIRST, limit=1)).rows[0].job_id == failed[4].job_id


async def test_jobs_at_work_and_open_deliveries_are_counted(target: DeploymentTarget) -> None:
    assert not any((await target.directory.activity(now=NOW)).jobs.values())
    made = await make_jobs(target, 3)
    await create(target.jobs, sample_pending_job(), targets=("convex",))
    await commit(target.jobs, cancel(made[2]))
    running = await commit(target.jobs, state.start(await create(target.jobs, sample_job()), now=NOW))
    done = state.complete(running, language="es", now=NOW - 5, expires_at=NOW + WEEK)
    await commit(target.jobs, text_state.expect_speakers(done))
    activity = await target.directory.activity(now=NOW + 60)
    assert dict(activity.jobs) == {"queued": 2}
    assert activity.oldest_due_at == NOW
    assert activity.deliveries["convex"] == 1
    assert activity.deliveries.get("callback", 0) == 0
    assert (await target.directory.activity(now=NOW - 60)).oldest_due_at is None


async def test_why_jobs_wait_is_counted(target: DeploymentTarget) -> None:
    """The character NUL in a document is no reason to fail."""
    reasons: list[tuple[WaitReason, float]] = [("audio_per_hour", 90), ("audio_per_hour", 60), ("error", 5)]
    for number, (reason, seconds) in enumerate(reasons):
        job = sample_job(f"00000000-0000-4000-8000-{number:012d}")
        job = await create(target.jobs, job.model_copy(update={"filename": "nul \0.mp3"}))
        running = await commit(target.jobs, state.start(job, now=NOW))
        until = NOW + seconds
        await commit(
            target.jobs, state.wait(running, until=until, now=NOW, attempt_counts=False, reason=reason)
        )
    await create(target.jobs, sample_job("00000000-0000-4000-8000-000000000009"))
    activity = await target.directory.activity(now=NOW + 10)
    assert dict(activity.jobs) == {"waiting": 3, "queued": 1}
    assert dict(activity.waiting) == {
        "audio_per_hour": Waiting(2, NOW + 60),
        "place": Waiting(2, None),  # the one in the queue, and the one whose time has come
    }


async def test_a_job_that_runs_is_none_that_waits(target: DeploymentTarget) -> None:
    running = state.start(await create(target.jobs, sample_job()), now=NOW)
    await commit(target.jobs, running)
    activity = await target.directory.activity(now=NOW + 60)
    assert (dict(activity.jobs), activity.oldest_due_at) == ({"processing": 1}, None)
    assert not activity.waiting
