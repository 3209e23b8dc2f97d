"""What admins do over /admin is done in the stores, written into the log, and refused to everybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.view import iso_time
from common.services import VERSION
from tests.in_process import START, InProcess, app_in_process

HOOK = "https://hooks.example.com/a-secret-path"


async def make_key(app: InProcess, **fields: Any) -> tuple[str, str]:
    """The key and its id."""
    made = await app.ask("POST", "/admin/keys", json={"name": "a page", **fields}, status=201)
    return made["key"], made["keyId"]


async def actions(app: InProcess) -> list[tuple[str, str | None]]:
    """What the log says, the newest first."""
    found = (await app.ask("GET", "/admin/audit"))["actions"]
    return [(entry["action"], entry.get("target")) for entry in found]


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_is_made_listed_limited_and_revoked(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        key, key_id = await make_key(app)
        own = {"keyId": key_id, "name": "a page", "scopes": ["transcribe", "read"]}
        own["createdAt"] = iso_time(START)
        assert (await app.ask("GET", "/admin/keys"))["keys"] == [own]
        await app.ask("GET", "/tokens", key=key)
        changes = {"name": "the page", "limits": {"requestsPerMinute": 2}, "scopes": ["read"]}
        changed = await app.ask("PATCH", f"/admin/keys/{key_id}", json=changes)
        assert changed == own | changes
        app.clock.now += 60
        assert (await app.ask("GET", "/tokens", key=key))["scopes"] == ["read"]
        await app.ask("GET", "/tokens", key=key)
        assert await app.refusal("GET", "/tokens", key=key, status=429) == "too_many_requests"
        revoked = await app.ask("DELETE", f"/admin/keys/{key_id}")
        assert revoked == changed | {"revokedAt": iso_time(START + 60)}
        app.clock.now += 10
        assert await app.refusal("GET", "/tokens", key=key, status=401) == "key_invalid"
        assert await app.ask("DELETE", f"/admin/keys/{key_id}") == revoked
        wanted = [("key.revoked", key_id), ("key.changed", key_id), ("key.created", key_id)]
        assert await actions(app) == wanted


async def test_a_key_ends_when_it_says_and_a_change_lets_it_live_on(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        key, key_id = await make_key(app, expiresAt=iso_time(START + 60))
        assert (await app.ask("GET", "/tokens", key=key))["expiresAt"] == iso_time(START + 60)
        app.clock.now += 60
        assert await app.refusal("GET", "/tokens", key=key, status=401) == "key_expired"
        await app.ask("PATCH", f"/admin/keys/{key_id}", json={"expiresAt": None})
        app.clock.now += 10
        assert "expiresAt" not in await app.ask("GET", "/tokens", key=key)


async def test_a_change_that_changes_nothing_is_not_in_the_log(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        _, key_id = await make_key(app)
        await app.ask("PATCH", f"/admin/keys/{key_id}", json={"name": "a page"})
        assert await actions(app) == [("key.created", key_id)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "n" * 81},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"limits": {"jobs": 0}},
        {"limits": {"colors": 1}},
        {"expiresAt": iso_time(START)},
        {"expiresAt": "soon"},
    ],
)
async def test_a_wrong_field_makes_no_key(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with app_in_process(tmp_path) as app:
        body = {"name": "a page"} | wrong
        assert await app.refusal("POST", "/admin/keys", json=body, status=422) == "option_invalid"
        assert (await app.ask("GET", "/admin/keys"))["keys"] == []
        assert await actions(app) == []


async def test_a_key_that_is_not_there_is_neither_changed_nor_revoked(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        for key_id in ("1a2b3c4d", "no-id"):
            for method, more in (("PATCH", {"json": {"name": "x"}}), ("DELETE", {})):
                path = f"/admin/keys/{key_id}"
                assert await app.refusal(method, path, status=404, **more) == "key_not_found"
        assert await actions(app) == []


@pytest.mark.parametrize(
    "path",
    ["keys", "jobs", f"jobs/{UUID(int=1)}", "deliveries", "pause", "usage", "usage/hours", "audit", "now"],
)
async def test_who_is_no_admin_sees_nothing(tmp_path: Path, path: str) -> None:
    async with app_in_process(tmp_path) as app:
        key, _ = await make_key(app, scopes=["transcribe", "read", "metrics"])
        assert await app.refusal("GET", f"/admin/{path}", key=key, status=403) == "scope_missing"
        assert await app.refusal("GET", f"/admin/{path}", key=None, status=401) == "key_missing"


async def test_without_access_keys_there_is_no_admin(tmp_path: Path) -> None:
    async with app_in_process(tmp_path, has_keys=False) as app:
        assert await app.refusal("GET", "/admin/keys", status=404) == "access_off"
        assert await app.refusal("PUT", "/admin/pause", status=404) == "access_off"


# ── the server ────────────────────────────────────────────────────────────────────────────────────


async def test_a_pause_refuses_new_work_until_it_ends_and_leaves_the_rest(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        job_id = await app.submit()
        body = {"reason": "maintenance"}
        paused = await app.ask("PUT", "/admin/pause", json=body)
        assert paused == {"paused": True, "since": iso_time(START), "by": "admin", "reason": "maintenance"}
        assert await app.ask("GET", "/admin/pause") == paused
        assert await app.refusal("POST", "/transcribe-job", json={}, status=503) == "paused"
        assert await app.refusal("POST", "/transcribe", json={}, status=503) == "paused"
        assert (await app.ask("GET", f"/job/{job_id}"))["status"] == "queued"
        assert (await app.ask("GET", "/admin/now"))["pause"]["reason"] == "maintenance"
        for _ in range(2):
            assert await app.ask("DELETE", "/admin/pause") == {"paused": False}
        assert (await app.ask("POST", "/transcribe-job", json={}, status=201))["status"] == "pending"
        assert (await actions(app))[-1] == ("paused", "maintenance")


async def test_a_pause_needs_no_reason_and_takes_only_a_short_text(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        for reason in ("r" * 201, 5):
            code = await app.refusal("PUT", "/admin/pause", json={"reason": reason}, status=422)
            assert code == "option_invalid"
        assert await app.ask("GET", "/admin/pause") == {"paused": False}
        assert "reason" not in await app.ask("PUT", "/admin/pause")


async def test_now_shows_queue_quota_storage_and_what_waits_for_what(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        services = app.services
        await app.submit(2000, callback_url=HOOK)
        app.clock.now += 30
        job = state.start(await services.jobs.get(await app.submit(1000)), now=app.clock.now)
        await commit_job(services, job)
        until = app.clock.now + 60
        wait = state.wait(job, until=until, now=app.clock.now, attempt_counts=False, reason="audio_per_hour")
        await commit_job(services, wait)
        assert services.quota is not None
        await services.quota.change(lambda quota: quota.take(app.clock.now, 1200))
        now = await app.ask("GET", "/admin/now")
    assert (now["at"], now["version"], now["problems"]) == (iso_time(START + 30), VERSION, [])
    assert now["jobs"] == {
        "queued": 1,
        "processing": 0,
        "waiting": 1,
        "oldestDueSeconds": 30.0,
        "waitingFor": {
            "place": {"jobs": 1, "until": None},
            "audio_per_hour": {"jobs": 1, "until": iso_time(until)},
        },
    }
    assert now["quota"]["audioPerHour"] == {"limit": 7200.0, "remaining": 6000.0, "fullInSeconds": 600}
    assert now["storage"] == {"usedBytes": 3000, "limitBytes": services.settings.storage_bytes}
    assert now["here"]["uptimeSeconds"] == 120.0
    assert now["forecast"]["minutes"] == 10
    assert now["limits"]["maxQueue"] == services.settings.max_queue
    assert set(now["deliveries"]) == {"convex", "callback"}


async def test_usage_is_by_key_and_day_and_by_hour_of_all(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        usage, store = app.services.admin.usage, app.services.admin.store
        assert store is not None
        usage.add(START, "1a2b3c4d", "jobs", 2)
        usage.add(START, "admin", "audioSeconds", 30.5)
        usage.add(START - 86_400, "1a2b3c4d", "jobs", 1)
        await app.services.admin.store_usage(now=START)
        found = (await app.ask("GET", "/admin/usage", params={"key": "1a2b3c4d"}))["usage"]
        assert [(entry["day"], entry["jobs"]) for entry in found] == [("2027-01-14", 1), ("2027-01-15", 2)]
        days = {"from": "2027-01-15", "to": "2027-01-15"}
        found = (await app.ask("GET", "/admin/usage", params=days))["usage"]
        assert {entry["keyId"] for entry in found} >= {"1a2b3c4d", "admin"}
        hours = (await app.ask("GET", "/admin/usage/hours", params={"hours": 1}))["usage"]
        assert [(entry["hour"], entry["jobs"]) for entry in hours] == [("2027-01-15T08", 2)]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("usage", {"from": "20270101"}),
        ("usage", {"to": "yesterday"}),
        ("usage", {"from": "2027-01-16", "to": "2027-01-15"}),
        ("usage", {"from": "2026-01-01"}),
        ("usage/hours", {"hours": "0"}),
        ("audit", {"limit": "1001"}),
    ],
)
async def test_a_wrong_span_is_refused(tmp_path: Path, path: str, wrong: dict[str, str]) -> None:
    async with app_in_process(tmp_path) as app:
        code = await app.refusal("GET", f"/admin/{path}", params=wrong, status=422)
        assert code == "option_invalid"
