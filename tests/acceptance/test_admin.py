"""What admins see and do, on the real server: all jobs, usage, the pause switch, the log of actions, now."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.media import Media
from tests.receiver import Receiver, status
from tests.replies import Reply, bad_key, transcription
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

ADMIN_KEY = "an admin key of at least 32 characters"
UNKNOWN = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


@dataclass
class Office:
    """A server with access keys on, and the recording that its clients send."""

    server: Server
    engine: Upstream
    recording: bytes

    def call(self, method: str, path: str, key: str | None = ADMIN_KEY, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.request(method, self.server.url + path, headers=headers, timeout=60, **arguments)

    def read(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make_key(self, name: str, **fields: Any) -> dict[str, Any]:
        made = self.call("POST", "/admin/keys", json={"name": name, **fields})
        assert made.status_code == 201, made.text
        key: dict[str, Any] = made.json()
        return key

    def submit(self, key: str = ADMIN_KEY, **fields: str) -> str:
        answer = self.call("POST", "/transcribe-job", key, files={"file": self.recording}, data=fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["jobId"])

    def until(self, job_id: str, *statuses: str) -> None:
        wait_until(lambda: self.read(f"/admin/jobs/{job_id}")["status"] in statuses)

    def actions(self) -> list[tuple[str, str | None]]:
        return [(entry["action"], entry.get("target")) for entry in self.read("/admin/audit")["actions"]]


@pytest.fixture(scope="module")
def office(media: Media, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    recording = media.ffmpeg("-f lavfi -i sine=440:d=2 -b:a 32k", media.folder / "admin.mp3").read_bytes()
    with Upstream(recognise=lambda _: transcription("hola", duration=2.0)) as engine:
        data = tmp_path_factory.mktemp("admin") / "data"
        settings = {
            "GROQ_BASE_URL": engine.url,
            "LOG_LEVEL": "WARNING",
            "ADMIN_KEY": ADMIN_KEY,
            "QUOTA_REQUESTS_PER_MINUTE": "100",
            "CALLBACK_SECRET": "s" * 32,
            "CALLBACK_PRIVATE_ADDRESSES": "true",
        }
        with Server(data, **settings) as server:
            yield Office(server, engine, recording)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_changed_and_what_is_not_named_stays(office: Office) -> None:
    made = office.make_key("old name", expiresAt="2099-01-01T00:00:00Z")
    path = f"/admin/keys/{made['keyId']}"
    changed = office.call("PATCH", path, json={"name": "new name", "scopes": ["read"]}).json()
    assert (changed["name"], changed["scopes"], changed["expiresAt"][:4]) == ("new name", ["read"], "2099")
    assert "expiresAt" not in office.call("PATCH", path, json={"expiresAt": None}).json()
    assert office.actions()[:2] == [("key.changed", made["keyId"])] * 2
    assert office.call("PATCH", path, json={}).status_code == 200
    assert office.actions()[2] == ("key.created", made["keyId"])


def test_the_limits_of_a_key_hold_and_are_changed(office: Office) -> None:
    made = office.make_key("bounded", limits={"requestsPerMinute": 2})
    path = f"/admin/keys/{made['keyId']}"
    answers = [office.call("GET", f"/job/{UNKNOWN}", made["key"]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    listed = {key["keyId"]: key for key in office.read("/admin/keys")["keys"]}
    assert listed[made["keyId"]]["limits"] == {"requestsPerMinute": 2}
    changed = office.call("PATCH", path, json={"limits": {"jobs": 3.0, "audioPerDay": 3600}}).json()
    assert changed["limits"] == {"jobs": 3, "audioPerDay": 3600}
    assert "limits" not in office.call("PATCH", path, json={"limits": None}).json()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "option_invalid"),
        ({"scopes": []}, "option_invalid"),
        ({"limits": {"jobs": 0}}, "option_invalid"),
        ({"limits": {"jobs": 1.5}}, "option_invalid"),
        ({"limits": {"jobs": 10**400}}, "option_invalid"),
        ({"limits": {"colors": 1}}, "option_invalid"),
        ({"color": 1}, "option_unknown"),
    ],
    ids=["name", "scopes", "limit", "part", "huge", "limits", "unknown"],
)
def test_a_wrong_change_of_a_key_is_refused(office: Office, body: dict[str, Any], code: str) -> None:
    made = office.make_key("unchanged")
    assert code_of(office.call("PATCH", f"/admin/keys/{made['keyId']}", json=body)) == (422, code)
    assert code_of(office.call("PATCH", "/admin/keys/00000000", json={"name": "x"})) == (404, "key_not_found")


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────


def test_all_jobs_are_listed_filtered_and_paged(office: Office) -> None:
    made = office.make_key("a page")
    mine = [office.submit(made["key"], userId="ana" if number else "eva") for number in range(3)]
    for job_id in mine:
        office.until(job_id, "completed")
    listed = office.read(f"/admin/jobs?owner={made['keyId']}")
    assert [job["jobId"] for job in listed["jobs"]] == mine[::-1]
    assert (listed["next"], {job["owner"] for job in listed["jobs"]}) == (None, {made["keyId"]})
    first = office.read(f"/admin/jobs?owner={made['keyId']}&status=completed,failed&limit=2")
    second = office.read(f"/admin/jobs?owner={made['keyId']}&limit=2&cursor={first['next']}")
    assert [job["jobId"] for job in first["jobs"] + second["jobs"]] == mine[::-1]
    assert [job["jobId"] for job in office.read("/admin/jobs?userId=eva")["jobs"]] == mine[:1]
    assert office.read("/admin/jobs?since=2090-01-01")["jobs"] == []
    assert "text" not in json.dumps(listed)


@pytest.mark.parametrize(
    "query",
    [
        "jobs?status=done",
        "jobs?status=failed,,queued",
        "jobs?limit=0",
        "jobs?limit=1000",
        "jobs?limit=0000000010001",
        "jobs?cursor=x",
        "jobs?since=yesterday",
        "jobs?limit=2&limit=3",
        "jobs?colour=1",
        "usage?to=20260131",
        "usage?to=2026-01-01&from=2025-01-01",
    ],
)
def test_a_wrong_query_is_refused(office: Office, query: str) -> None:
    assert office.call("GET", f"/admin/{query}").status_code == 422


@pytest.mark.parametrize(
    "query",
    ["jobs?limit=", "jobs?status=", "jobs?status=failed, queued", "usage/hours?hours=", "usage?from=&to="],
)
def test_an_empty_value_counts_as_not_sent(office: Office, query: str) -> None:
    assert office.call("GET", f"/admin/{query}").status_code == 200


@pytest.mark.parametrize("day", ["0001-01-01", "4269-12-31", "9999-12-31"])
def test_a_day_without_usage_is_no_error(office: Office, day: str) -> None:
    assert office.read(f"/admin/usage?to={day}") == {"usage": []}


def test_a_job_is_cancelled_with_its_audio_kept_run_again_and_deleted(office: Office) -> None:
    office.engine.script.append(Reply(hang=True))
    job_id = office.submit()
    office.until(job_id, "processing")
    wait_until(lambda: office.engine.script == type(office.engine.script)())
    assert office.call("POST", f"/admin/jobs/{job_id}/cancel").json()["status"] == "cancelled"
    assert office.call("POST", f"/admin/jobs/{job_id}/cancel").json()["status"] == "cancelled"
    assert office.call("POST", f"/admin/jobs/{job_id}/retry").json()["status"] == "queued"
    office.until(job_id, "completed")
    assert code_of(office.call("POST", f"/admin/jobs/{job_id}/retry")) == (409, "job_not_retryable")
    assert office.call("DELETE", f"/admin/jobs/{job_id}").status_code == 200
    for path in (f"/admin/jobs/{job_id}", f"/job/{job_id}"):
        assert code_of(office.call("GET", path)) == (404, "job_not_found")
    actions = [("job.deleted", job_id), ("job.retried", job_id), ("job.retried", job_id)]
    assert office.actions()[:5] == actions + [("job.cancelled", job_id)] * 2


def test_a_job_that_does_not_exist_leaves_no_action(office: Office) -> None:
    before = office.actions()
    for method, path in (("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry")):
        assert code_of(office.call(method, f"/admin/jobs/{UNKNOWN}{path}")) == (404, "job_not_found")
    assert office.actions() == before


# ── deliveries ────────────────────────────────────────────────────────────────────────────────────


def test_a_webhook_that_fails_is_listed_and_tried_again(office: Office) -> None:
    key = office.make_key("with a webhook")
    with Receiver() as receiver:
        receiver.script.extend([status(503, **{"Retry-After": "3000"})])
        job_id = office.submit(key["key"], callbackUrl=f"{receiver.url}?secret=1")
        wait_until(lambda: office.read("/admin/deliveries")["deliveries"])
        listed = office.read("/admin/deliveries?limit=1")
        (shown,) = listed["deliveries"]
        assert (shown["jobId"], shown["target"], shown["owner"]) == (job_id, "callback", key["keyId"])
        assert (shown["receiver"], shown["attempts"]) == ("127.0.0.1", 1)
        assert (shown["lastError"], listed["next"]) == ("answered 503", None)
        assert datetime.fromisoformat(shown["nextAt"]).timestamp() > time.time() + 2000
        answer = office.call("POST", f"/admin/deliveries/{job_id}/retry")
        assert (answer.status_code, len(answer.json()["deliveries"])) == (202, 1)
        wait_until(lambda: not office.read("/admin/deliveries")["deliveries"])
        assert len(receiver.received) == 2
    assert office.call("POST", f"/admin/deliveries/{job_id}/retry").json() == {"deliveries": []}
    assert office.actions()[:2] == [("deliveries.retried", job_id)] * 2
    assert code_of(office.call("POST", f"/admin/deliveries/{UNKNOWN}/retry")) == (404, "job_not_found")
    assert code_of(office.call("GET", "/admin/deliveries?cursor=x")) == (422, "option_invalid")


def test_a_webhook_that_was_refused_for_good_is_listed_and_tried_again(office: Office) -> None:
    with Receiver() as receiver:
        receiver.script.append(status(410))
        job_id = office.submit(callbackUrl=receiver.url)
        wait_until(lambda: office.read("/admin/deliveries")["deliveries"])
        (shown,) = office.read("/admin/deliveries")["deliveries"]
        assert (shown["jobId"], shown["state"], shown["lastError"]) == (job_id, "refused", "answered 410")
        assert "nextAt" not in shown
        assert office.read("/admin/now")["deliveries"]["callback"]["open"] == 0
        assert len(office.call("POST", f"/admin/deliveries/{job_id}/retry").json()["deliveries"]) == 1
        wait_until(lambda: len(receiver.received) == 2)
        wait_until(lambda: not office.read("/admin/deliveries")["deliveries"])


# ── usage ─────────────────────────────────────────────────────────────────────────────────────────


def test_usage_by_key_and_day_outlives_a_restart(office: Office) -> None:
    made = office.make_key("a client")
    key, key_id = made["key"], made["keyId"]
    files = {"file": office.recording}
    assert office.call("POST", "/transcribe", key, files=files).status_code == 200
    office.until(office.submit(key), "completed")
    assert office.call("POST", "/v1/audio/transcriptions", key, files=files).status_code == 200
    token = office.call("POST", "/tokens", key, json={"sub": "ana"}).json()["token"]
    assert office.call("POST", "/transcribe", token, files={"file": b"no audio"}).status_code == 415
    office.engine.script.append(bad_key())
    office.until(office.submit(key), "failed")
    assert office.server.stop() == 0
    office.server.start()
    (entry,) = office.read(f"/admin/usage?key={key_id}")["usage"]
    assert entry["failures"] == {"audio_unreadable": 1, "engine_key_invalid": 1}
    assert (entry["keyId"], entry["jobs"], entry["requests"]) == (key_id, 2, 6)
    assert entry["audioSeconds"] == pytest.approx(6, abs=0.3)
    assert entry["day"] == time.strftime("%Y-%m-%d", time.gmtime())
    assert sum(entry["latency"].values()) == entry["requests"]
    hours = office.read("/admin/usage/hours?hours=2")["usage"]
    assert sum(hour["audioSeconds"] for hour in hours) >= entry["audioSeconds"]
    assert office.read("/admin/usage?from=2020-01-01&to=2020-01-31")["usage"] == []
    for query in (
        "from=2020-01-01",
        "from=soon",
        "from=2026-01-02&to=2026-01-01",
    ):
        assert code_of(office.call("GET", f"/admin/usage?{query}")) == (422, "option_invalid")


# ── the pause switch ──────────────────────────────────────────────────────────────────────────────


def test_while_paused_nothing_new_is_accepted_and_what_was_accepted_goes_on(office: Office) -> None:
    office.engine.script.append(transcription("despacio", duration=2.0, delay=2.0))
    running = office.submit()
    pending = office.call("POST", "/transcribe-job", json={}).json()
    paused = office.call("PUT", "/admin/pause", json={"reason": "maintenance"}).json()
    try:
        assert (paused["paused"], paused["by"], paused["reason"]) == (True, "admin", "maintenance")
        files = {"file": office.recording}
        for path in ("/transcribe", "/transcribe-job", "/v1/audio/transcriptions", f"/job/{running}/retry"):
            refused = office.call("POST", path, files=files)
            assert refused.status_code == 503, path
            assert refused.json()["error"]["code"] == "paused"
            assert refused.headers["retry-after"] == "60"
        fields = pending["upload"]["fields"]
        assert httpx.post(pending["upload"]["url"], data=fields, files=files).status_code == 202
        for job_id in (running, pending["jobId"]):
            office.until(job_id, "completed")
        assert office.server.stop() == 0
        office.server.start()
        assert office.call("POST", "/transcribe", files=files).status_code == 503
        assert office.read("/admin/now")["pause"]["reason"] == "maintenance"
    finally:
        assert office.call("DELETE", "/admin/pause").json() == {"paused": False}
    assert office.call("POST", "/transcribe", files={"file": office.recording}).status_code == 200
    assert office.read("/admin/pause") == {"paused": False}
    assert [action for action, _ in office.actions()[:2]] == ["resumed", "paused"]


def test_a_wrong_reason_is_refused(office: Office) -> None:
    for body in ({"reason": "x" * 201}, {"reason": 1}, {"color": "red"}):
        assert office.call("PUT", "/admin/pause", json=body).status_code == 422
    assert office.read("/admin/pause") == {"paused": False}


# ── now ───────────────────────────────────────────────────────────────────────────────────────────


def test_now_shows_queue_quota_storage_and_limits(office: Office) -> None:
    view = office.read("/admin/now")
    assert view["jobs"].keys() == {"queued", "processing", "waiting", "oldestDueSeconds", "waitingFor"}
    assert view["quota"]["requestsPerMinute"]["limit"] == 100
    assert view["limits"]["maxWatchers"] == 500
    assert view["deliveries"]["convex"] == {"open": 0}
    assert view["storage"]["limitBytes"] == 2000 * 1024 * 1024
    assert view["problems"] == []


def test_now_is_sent_at_once_and_when_something_changes(office: Office) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with (
        httpx.Client(timeout=30, headers=headers) as client,
        client.stream("GET", f"{office.server.url}/admin/now/events") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        next(event for event in events if event["pause"] is None)  # the first may be a second old
        office.call("PUT", "/admin/pause")
        try:
            assert next(event for event in events if event["pause"])["pause"]["by"] == "admin"
        finally:
            office.call("DELETE", "/admin/pause")


# ── who may ───────────────────────────────────────────────────────────────────────────────────────


def test_every_address_under_admin_needs_the_scope_admin(office: Office) -> None:
    key = office.make_key("no admin", scopes=["transcribe", "read", "metrics"])["key"]
    paths = httpx.get(f"{office.server.url}/openapi.json").json()["paths"]
    routes = [(method, path) for path, methods in paths.items() for method in methods if "/admin" in path]
    assert len(routes) >= 17
    for method, path in routes:
        address = path.replace("{job_id}", UNKNOWN).replace("{key_id}", "00000000")
        assert code_of(office.call(method.upper(), address, key)) == (403, "scope_missing"), path
        assert code_of(office.call(method.upper(), address, None)) == (401, "key_missing"), path
