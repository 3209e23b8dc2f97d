"""What POST /tokens, POST /sign-in and GET /quota answer, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from common.access.page_password import LONGEST_SESSION, TOKEN_SECONDS
from common.jobs.view import iso_time
from tests.in_process import PASSWORD, START, InProcess, app_in_process

BROWSER = "b" * 32
_SCOPES = ["read", "transcribe"]


async def make_key(app: InProcess, **fields: Any) -> tuple[str, str]:
    """The key and its id."""
    made = await app.ask("POST", "/admin/keys", json={"name": "a page", **fields}, status=201)
    return made["key"], made["keyId"]


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_has_the_scopes_of_its_key_or_fewer_and_ends(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        key, _ = await make_key(app, scopes=["transcribe", "read", "metrics"])
        made = await app.ask("POST", "/tokens", key=key, json={}, status=201)
        assert (made["scopes"], made["expiresAt"]) == (_SCOPES, iso_time(START + 600))
        body = {"scopes": ["read"], "seconds": 30, "sub": "ana"}
        made = await app.ask("POST", "/tokens", key=key, json=body, status=201)
        own = await app.ask("GET", "/tokens", key=made["token"])
        assert own == {"scopes": ["read"], "expiresAt": iso_time(START + 30)}
        code = await app.refusal("POST", "/transcribe-job", key=made["token"], json={}, status=403)
        assert code == "scope_missing"
        assert await app.refusal("POST", "/tokens", key=made["token"], json={}, status=401) == "key_missing"
        app.clock.now += 30
        assert await app.refusal("GET", "/tokens", key=made["token"], status=401) == "key_expired"


async def test_a_token_ends_with_its_key(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        key, key_id = await make_key(app)
        token = (await app.ask("POST", "/tokens", key=key, json={}, status=201))["token"]
        await app.ask("GET", "/tokens", key=token)
        await app.ask("DELETE", f"/admin/keys/{key_id}")
        app.clock.now += 10
        assert await app.refusal("GET", "/tokens", key=token, status=401) == "key_invalid"


async def test_a_users_token_sees_that_users_jobs_and_a_jobs_token_that_job(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        key, key_id = await make_key(app)
        anas, bos = [await app.submit(owner=f"{key_id}/{user}") for user in ("ana", "bo")]
        token = (await app.ask("POST", "/tokens", key=key, json={"sub": "ana"}, status=201))["token"]
        assert (await app.ask("GET", f"/job/{anas}", key=token))["jobId"] == anas
        assert await app.refusal("GET", f"/job/{bos}", key=token, status=404) == "job_not_found"
        made = await app.ask("POST", "/tokens", key=key, json={"jobId": bos}, status=201)
        assert made["scopes"] == ["read"]
        assert (await app.ask("GET", f"/job/{bos}", key=None, params={"ticket": made["token"]}))["jobId"]
        assert await app.refusal("GET", f"/job/{anas}", key=made["token"], status=404) == "job_not_found"
        assert await app.refusal("GET", "/quota", key=made["token"], status=403) == "scope_missing"


async def test_no_token_is_for_a_job_of_another_key_or_none(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        key, _ = await make_key(app)
        for job_id in (await app.submit(owner="1a2b3c4d"), str(uuid4())):
            code = await app.refusal("POST", "/tokens", key=key, json={"jobId": job_id}, status=404)
            assert code == "job_not_found"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"seconds": 0}, 422, "option_invalid"),
        ({"seconds": True}, 422, "option_invalid"),
        ({"seconds": 86_401}, 422, "option_invalid"),
        ({"sub": "a b"}, 422, "option_invalid"),
        ({"scopes": ["admin"]}, 422, "option_invalid"),
        ({"scopes": "read"}, 422, "option_invalid"),
        ({"user": "ana"}, 422, "option_unknown"),
        ({"scopes": ["transcribe"]}, 403, "scope_missing"),
    ],
)
async def test_a_wrong_wish_makes_no_token(
    tmp_path: Path, body: dict[str, Any], status: int, code: str
) -> None:
    async with app_in_process(tmp_path) as app:
        key, _ = await make_key(app, scopes=["read"])
        assert await app.refusal("POST", "/tokens", key=key, json=body, status=status) == code


async def test_without_access_keys_there_are_no_tokens_and_all_may_read_and_transcribe(
    tmp_path: Path,
) -> None:
    async with app_in_process(tmp_path, has_keys=False) as app:
        assert await app.refusal("POST", "/tokens", key=None, json={}, status=404) == "access_off"
        assert await app.ask("GET", "/tokens", key=None) == {"scopes": _SCOPES}


# ── the page's password ───────────────────────────────────────────────────────────────────────────


async def sign_in(app: InProcess, password: object = PASSWORD, *, status: int = 201, **more: Any) -> Any:
    body = {"password": password, "browser": BROWSER, **more}
    return await app.ask("POST", "/sign-in", key=None, json=body, status=status)


async def test_the_password_signs_a_browser_in_and_its_jobs_are_its_own(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        made = await sign_in(app)
        assert (made["scopes"], made["expiresIn"]) == (_SCOPES, TOKEN_SECONDS)
        job = await app.ask("POST", "/transcribe-job", key=made["token"], json={}, status=201)
        path = f"/job/{job['jobId']}"
        assert (await app.ask("GET", path, key=(await sign_in(app))["token"]))["status"] == "pending"
        other = await sign_in(app, browser="c" * 32)
        assert await app.refusal("GET", path, key=other["token"], status=404) == "job_not_found"
        assert await app.refusal("GET", "/admin/keys", key=made["token"], status=403) == "scope_missing"


async def test_a_wrong_password_is_refused_and_too_many_guesses_wait(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        for guess in range(10):
            assert (await sign_in(app, f"guess {guess}", status=401))["code"] == "password_wrong"
        late = await sign_in(app, status=429)  # though it is the right one
        assert late["code"] == "too_many_guesses"
        assert 1 <= late["retryAfter"] <= 7
        app.clock.now += late["retryAfter"]
        await sign_in(app)


async def test_a_browser_renews_its_token_until_its_session_ends(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        token, renewals = (await sign_in(app))["token"], 0
        while app.clock.now < START + LONGEST_SESSION - TOKEN_SECONDS:
            app.clock.now += TOKEN_SECONDS - 60
            made = await app.ask("POST", "/sign-in", key=token, json={}, status=201)
            token, renewals = made["token"], renewals + 1
        assert renewals > 50
        assert made["expiresAt"] == iso_time(START + LONGEST_SESSION)
        app.clock.now = START + LONGEST_SESSION
        assert await app.refusal("POST", "/sign-in", key=token, json={}, status=401) == "key_expired"


async def test_only_a_browsers_token_is_renewed(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        key, _ = await make_key(app)
        token = (await app.ask("POST", "/tokens", key=key, json={}, status=201))["token"]
        for other in (None, key, token, "est_made-up"):
            code = await app.refusal("POST", "/sign-in", key=other, json={}, status=401)
            assert code == "session_missing"


@pytest.mark.parametrize("wrong", [{"browser": "short"}, {"browser": None}, {"password": 5}])
async def test_a_sign_in_needs_a_text_and_what_names_the_browser(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with app_in_process(tmp_path) as app:
        body = {"password": PASSWORD, "browser": BROWSER} | wrong
        code = await app.refusal("POST", "/sign-in", key=None, json=body, status=422)
        assert code == "option_invalid"


async def test_a_server_without_a_password_signs_nobody_in(tmp_path: Path) -> None:
    async with app_in_process(tmp_path, password=None) as app:
        assert (await sign_in(app, status=404))["code"] == "password_off"


# ── quota ─────────────────────────────────────────────────────────────────────────────────────────


async def test_the_quota_says_what_engine_and_key_have_left(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        limits = {"requestsPerMinute": 30, "jobs": 5, "storedMb": 2, "audioPerHour": 3600}
        key, key_id = await make_key(app, limits=limits)
        await app.submit(4000, owner=key_id, client=f"key:{key_id}")
        services = app.services
        assert services.quota is not None
        await services.quota.change(lambda quota: quota.take(START, 1200))
        own = (await services.for_client(f"key:{key_id}")).client_quota
        assert own is not None
        await own.charge(START, 900)
        view = await app.ask("GET", "/quota", key=key, params={"minutes": 5})
    engine, client = view["engine"], view["client"]
    assert engine["audioPerHour"] == {"limit": 7200, "remaining": 6000, "fullAt": iso_time(START + 600)}
    assert engine["requestsPerMinute"]["remaining"] == 19
    assert client["audioPerHour"] == {"limit": 3600, "remaining": 2700, "fullAt": iso_time(START + 900)}
    assert client["requestsPerMinute"] == {"limit": 30, "remaining": 29, "fullAt": iso_time(START + 2)}
    assert client["jobs"] == {"limit": 5, "used": 1}
    assert client["storedBytes"]["used"] == 4000
    assert client["pending"]["used"] == 0
    assert view["forecast"]["minutes"] == 5
    assert view["forecast"]["startsAt"] >= iso_time(START)


async def test_the_admin_has_no_limits_of_its_own(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        view = await app.ask("GET", "/quota")
        assert set(view) == {"engine", "forecast"}
        code = await app.refusal("GET", "/quota", params={"minutes": "-1"}, status=422)
        assert code == "option_invalid"
