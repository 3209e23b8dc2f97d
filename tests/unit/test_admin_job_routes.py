"""What admins find and do over /admin/jobs and /admin/deliveries is what the stores hold."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from common.delivery import rules
from common.errors import AudioUnreadable
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.view import iso_time
from common.models import Job
from common.sender_port import DeliveryFailed
from tests.in_process import START, InProcess, app_in_process

HOOK = "https://hooks.example.com/a-secret-path"


async def actions(app: InProcess) -> list[tuple[str, str | None]]:
    """What the log says, the newest first."""
    found = (await app.ask("GET", "/admin/audit"))["actions"]
    return [(entry["action"], entry.get("target")) for entry in found]


async def end_job(app: InProcess, job_id: str) -> Job:
    job = await app.services.jobs.get(job_id)
    now = app.clock.now
    return await commit_job(app.services, state.fail(job, AudioUnreadable(), now=now, expires_at=now + 3600))


async def listed(app: InProcess, **params: str | int) -> tuple[list[str], str | None]:
    page = await app.ask("GET", "/admin/jobs", params=params)
    return [job["jobId"] for job in page["jobs"]], page["next"]


async def test_jobs_are_found_by_status_owner_user_and_time(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        first = await app.submit(owner="1a2b3c4d", user_id="ana")
        app.clock.now += 60
        second = await app.submit(owner="1a2b3c4d/bo", user_id="bo")
        app.clock.now += 60
        third = await app.submit(user_id="ana")
        await end_job(app, third)
        assert await listed(app) == ([third, second, first], None)
        assert await listed(app, status="failed") == ([third], None)
        assert await listed(app, status="queued, failed", userId="ana") == ([third, first], None)
        assert await listed(app, owner="1a2b3c4d/bo") == ([second], None)
        assert await listed(app, since=iso_time(START + 60)) == ([third, second], None)
        assert await listed(app, until=iso_time(START + 60)) == ([second, first], None)
        for wrong in ({"status": "lost"}, {"since": "now"}, {"cursor": "x"}, {"limit": "201"}):
            code = await app.refusal("GET", "/admin/jobs", params=wrong, status=422)
            assert code == "option_invalid"


async def test_pages_of_jobs_follow_each_other_without_gap_or_repeat(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        made = []
        for _ in range(5):  # two of one moment
            made.append(await app.submit())
            app.clock.now += len(made) != 3
        first, rest = await listed(app, limit=2)
        second, more = await listed(app, limit=2, cursor=str(rest))
        third, end = await listed(app, limit=2, cursor=str(more))
    found = [*first, *second, *third]
    assert ([len(first), len(second), len(third)], end) == ([2, 2, 1], None)
    assert set(found) == set(made)


async def test_a_job_is_read_cancelled_run_again_and_deleted(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        job_id = await app.submit(owner="1a2b3c4d", user_id="ana")
        path = f"/admin/jobs/{job_id}"
        job = await app.ask("GET", path)
        assert (job["status"], job["owner"], job["userId"]) == ("queued", "1a2b3c4d", "ana")
        assert await app.refusal("POST", f"{path}/retry", status=409) == "job_not_retryable"
        assert (await app.ask("POST", f"{path}/cancel"))["status"] == "cancelled"
        assert await app.services.audio.has(job_id)
        assert (await app.ask("POST", f"{path}/retry", status=202))["status"] == "queued"
        assert (await app.ask("DELETE", path))["status"] == "cancelled"
        assert not await app.services.audio.has(job_id)
        assert await app.refusal("GET", path, status=404) == "job_not_found"
        assert await app.refusal("DELETE", path, status=404) == "job_not_found"
        assert await listed(app) == ([], None)
        wanted = ["job.deleted", "job.retried", "job.cancelled", "job.retried"]
        assert await actions(app) == [(action, job_id) for action in wanted]


async def failing_delivery(app: InProcess, *, tries: int | None = None) -> str:
    """A job that has ended and whose webhook answered once; returns its id. `tries`: after which none is."""
    job = await end_job(app, await app.submit(owner="1a2b3c4d", callback_url=HOOK))
    delivery = await app.services.jobs.delivery(job.job_id, "callback")
    assert delivery is not None
    failure = DeliveryFailed("answered 503", attempts=tries)
    await app.services.jobs.settle(rules.fail(delivery, job.seq, failure, app.clock.now))
    return job.job_id


async def test_deliveries_that_fail_are_listed_and_tried_now(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        await end_job(app, await app.submit(callback_url=HOOK))  # has not been tried yet
        job_id = await failing_delivery(app)
        page = await app.ask("GET", "/admin/deliveries")
        [found] = page["deliveries"]
        assert page["next"] is None
        assert (found["jobId"], found["owner"], found["target"]) == (job_id, "1a2b3c4d", "callback")
        assert found["receiver"] == "hooks.example.com"  # the path may be a secret
        assert (found["state"], found["attempts"]) == ("failing", 1)
        assert found["lastError"] == "answered 503"
        assert found["nextAt"] > iso_time(app.clock.now)
        tried = await app.ask("POST", f"/admin/deliveries/{job_id}/retry", status=202)
        assert [each["nextAt"] for each in tried["deliveries"]] == [iso_time(app.clock.now)]
        delivery = await app.services.jobs.delivery(job_id, "callback")
        assert delivery is not None
        assert rules.is_asked(delivery)
        assert await actions(app) == [("deliveries.retried", job_id)]


async def test_a_delivery_that_was_refused_is_sent_once_more_when_an_admin_asks(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        job_id = await failing_delivery(app, tries=1)
        [found] = (await app.ask("GET", "/admin/deliveries"))["deliveries"]
        assert found["state"] == "refused"
        assert "nextAt" not in found
        assert await app.services.jobs.deliveries(now=app.clock.now + 3000, limit=9) == []
        tried = await app.ask("POST", f"/admin/deliveries/{job_id}/retry", status=202)
        assert [each["state"] for each in tried["deliveries"]] == ["failing"]
        due = await app.services.jobs.deliveries(now=app.clock.now, limit=9)
        assert [delivery.job_id for delivery in due] == [job_id]


async def test_failing_deliveries_come_page_by_page(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        made = {await failing_delivery(app) for _ in range(3)}
        first = await app.ask("GET", "/admin/deliveries", params={"limit": 2})
        more = {"limit": 2, "cursor": first["next"]}
        second = await app.ask("GET", "/admin/deliveries", params=more)
    found = [each["jobId"] for page in (first, second) for each in page["deliveries"]]
    assert (len(found), set(found), second["next"]) == (3, made, None)


async def test_deliveries_of_a_job_that_is_not_there_are_not_tried(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        code = await app.refusal("POST", f"/admin/deliveries/{UUID(int=1)}/retry", status=404)
        assert code == "job_not_found"
        assert await actions(app) == []
