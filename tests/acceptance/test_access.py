"""Access keys against the real server: what needs one, and that nothing of one key exists for another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.media import Media
from tests.replies import transcription
from tests.server import Server
from tests.upstream import Upstream

ADMIN_KEY = "an admin key of at least 32 characters"
WORDS = "el texto de la primera clave"
UNKNOWN = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


@dataclass
class Door:
    """A server with access keys on, two of them, and a completed job of the first."""

    url: str
    recording: bytes
    first: str = ""
    second: str = ""
    job_id: str = ""

    def call(self, method: str, path: str, key: str | None = None, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= arguments.pop("headers", {})
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **arguments)

    def make_key(self, name: str, **fields: Any) -> dict[str, Any]:
        answer = self.call("POST", "/admin/keys", ADMIN_KEY, json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        key: dict[str, Any] = answer.json()
        return key

    def token(self, key: str, **fields: Any) -> str:
        answer = self.call("POST", "/tokens", key, json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def submit(self, key: str | None, *, idempotency_key: str | None = None, **fields: str) -> httpx.Response:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        files = {"file": ("a.mp3", self.recording)}
        return self.call("POST", "/transcribe-job", key, files=files, data=fields, headers=headers)


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


@pytest.fixture(scope="module")
def door(media: Media, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    recording = media.ffmpeg("-f lavfi -i sine=440:d=2 -b:a 32k", media.folder / "access.mp3").read_bytes()
    with Upstream(recognise=lambda _: transcription(WORDS, duration=2.0)) as engine:
        data = tmp_path_factory.mktemp("access") / "data"
        settings = {"GROQ_BASE_URL": engine.url, "LOG_LEVEL": "INFO", "ADMIN_KEY": ADMIN_KEY}
        with Server(data, CALLBACK_SECRET="secret", **settings) as server:
            made = Door(server.url, recording)
            made.first, made.second = (made.make_key(name)["key"] for name in ("first", "second"))
            made.job_id = made.submit(made.first, userId="ana").json()["jobId"]
            job = made.call("GET", f"/job/{made.job_id}?wait=25", made.first)
            while job.json()["status"] != "completed":
                job = made.call("GET", f"/job/{made.job_id}?wait=25", made.first)
            yield made
            assert ADMIN_KEY not in server.log
            assert made.first not in server.log


# What anybody may read: what platforms and people ask before they have a key.
OPEN = {("GET", "/health"), ("GET", "/limits"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/")}
# Where the page's password is sent.
OPEN |= {("POST", "/sign-in")}
# Authorised by the signed ticket that the job's own caller got.
BY_TICKET = {("POST", "/job/{job_id}/audio")}


def routes(door: Door) -> list[tuple[str, str]]:
    paths = httpx.get(f"{door.url}/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_but_the_open_ones_needs_a_key(door: Door) -> None:
    found = set(routes(door))
    assert len(found) > 15
    for method, path in sorted(found - OPEN - BY_TICKET):
        address = path.format(job_id=door.job_id, key_id="1a2b3c4d", name="whisper-1")
        for key in (None, "wrong", "esc_wrong", door.first[:-1] + "!"):
            answer = door.call(method, address, key)
            assert answer.status_code == 401, (method, path, key, answer.text)
            assert code_of(answer) in {"key_missing", "key_invalid", "invalid_api_key"}
            assert WORDS not in answer.text


def test_whether_a_key_is_needed_is_said_without_one(door: Door) -> None:
    assert door.call("GET", "/limits").json()["keys"] == "required"


def test_nothing_of_one_key_exists_for_another_on_any_route_of_a_job(door: Door) -> None:
    """Driven by the document, so that a new route of jobs is covered without a line here."""
    of_jobs = [(method, path) for method, path in routes(door) if "{job_id}" in path]
    assert len(of_jobs) >= 7
    for method, path in sorted(of_jobs):
        mine, theirs, nobodys = (
            door.call(method, path.format(job_id=job_id), key)
            for job_id, key in ((UNKNOWN, door.second), (door.job_id, door.second), (UNKNOWN, door.first))
        )
        if (method, path) in BY_TICKET:
            assert theirs.status_code >= 400
        else:
            refused = 403 if path.startswith("/admin/") else 404
            assert theirs.status_code == mine.status_code == nobodys.status_code == refused, (method, path)
            assert _without_id(theirs) == _without_id(mine)
    assert WORDS in door.call("GET", f"/job/{door.job_id}", door.first).text


def _without_id(answer: httpx.Response) -> Any:
    body = answer.json()
    del body["error"]["requestId"]
    return body


def test_the_admin_key_reads_every_job(door: Door) -> None:
    assert WORDS in door.call("GET", f"/job/{door.job_id}", ADMIN_KEY).text


@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
def test_a_key_may_come_in_other_headers(door: Door, header: str) -> None:
    answer = httpx.get(f"{door.url}/job/{door.job_id}", headers={header: door.first})
    assert WORDS in answer.text


def test_openais_sdk_raises_its_own_error_for_a_wrong_key_and_works_with_a_right_one(door: Door) -> None:
    file = ("a.mp3", door.recording)
    with openai.OpenAI(base_url=f"{door.url}/v1", api_key=door.first) as client:
        assert client.audio.transcriptions.create(model="whisper-1", file=file).text == WORDS
    stranger = openai.OpenAI(base_url=f"{door.url}/v1", api_key="sk-wrong")
    with stranger, pytest.raises(openai.AuthenticationError) as caught:
        stranger.audio.transcriptions.create(model="whisper-1", file=file)
    assert caught.value.code == "invalid_api_key"


def test_an_idempotency_key_belongs_to_its_caller(door: Door) -> None:
    first, again = (door.submit(door.first, idempotency_key="order-1001") for _ in range(2))
    other = door.submit(door.second, idempotency_key="order-1001")
    assert first.json()["jobId"] == again.json()["jobId"] != other.json()["jobId"]


def test_the_id_of_anothers_job_can_not_be_submitted_again(door: Door) -> None:
    answer = door.submit(door.second, jobId=door.job_id, userId="ana")
    assert (answer.status_code, code_of(answer)) == (409, "job_conflict")


def test_a_key_has_no_more_than_its_scopes(door: Door) -> None:
    reader = door.make_key("a reader", scopes=["read"])["key"]
    assert code_of(door.submit(reader)) == "scope_missing"
    assert code_of(door.call("DELETE", f"/job/{door.job_id}", reader)) in {"scope_missing", "job_not_found"}
    assert code_of(door.call("GET", "/admin/keys", reader)) == "scope_missing"
    for path in ("transcript", "speakers"):
        answer = door.call("PUT", f"/job/{door.job_id}/{path}", reader, headers={"If-Match": "*"}, json={})
        assert code_of(answer) in {"scope_missing", "job_not_found"}
    assert door.call("GET", f"/job/{UNKNOWN}", reader).status_code == 404


def test_a_key_is_shown_once_listed_without_itself_and_revoked_within_ten_seconds(door: Door) -> None:
    made = door.make_key("short-lived", expiresAt="2999-01-01T00:00:00Z")
    listed = door.call("GET", "/admin/keys", ADMIN_KEY)
    assert made["key"] not in listed.text
    (entry,) = [key for key in listed.json()["keys"] if key["keyId"] == made["keyId"]]
    assert entry == {name: value for name, value in made.items() if name not in {"key", "webhookSecret"}}
    revoked = door.call("DELETE", f"/admin/keys/{made['keyId']}", ADMIN_KEY)
    assert revoked.json()["revokedAt"]
    # It was never used here, so that no process believes it still.
    assert code_of(door.call("GET", f"/job/{UNKNOWN}", made["key"])) == "key_invalid"


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x", "scopes": ["write"]}, "scopes"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
        ({"name": "x", "expiresAt": "tomorrow"}, "expiresAt"),
        ({"name": "x", "limits": 1}, "limits"),
    ],
)
def test_a_wrong_field_of_a_new_key_is_named(door: Door, fields: dict[str, Any], option: str) -> None:
    answer = door.call("POST", "/admin/keys", ADMIN_KEY, json=fields)
    assert answer.status_code == 422
    assert f"'{option}'" in answer.json()["error"]["message"]


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────


def test_a_pages_user_sees_the_jobs_of_that_user_alone(door: Door) -> None:
    ana, bea = (door.token(door.first, sub=name) for name in ("ana", "bea"))
    job_id = door.submit(ana).json()["jobId"]
    view = door.call("GET", f"/job/{job_id}", ana)
    assert view.json()["userId"] == "ana"
    assert door.call("GET", f"/job/{job_id}", bea).status_code == 404
    assert door.call("GET", f"/job/{job_id}", door.second).status_code == 404
    assert door.call("GET", f"/job/{job_id}", door.first).status_code == 200
    assert code_of(door.submit(ana, userId="bea")) == "user_not_yours"
    assert code_of(door.call("POST", "/tokens", ana, json={"sub": "bea"})) == "key_missing"


def test_a_token_for_one_job_fits_into_an_address_and_reads_nothing_else(door: Door) -> None:
    ticket = door.token(door.first, jobId=door.job_id)
    events = door.call("GET", f"/job/{door.job_id}/events?ticket={ticket}")
    assert WORDS in events.text
    assert door.call("GET", f"/job/{door.job_id}/transcript?format=srt&ticket={ticket}").status_code == 200
    other = door.submit(door.first).json()["jobId"]
    assert door.call("GET", f"/job/{other}?ticket={ticket}").status_code == 404
    assert code_of(door.call("DELETE", f"/job/{door.job_id}?ticket={ticket}")) == "scope_missing"
    assert code_of(door.call("GET", f"/job/{door.job_id}?ticket={door.first}")) == "key_missing"
    elsewhere = [path for method, path in routes(door) if method == "GET" and "{job_id}" not in path]
    assert door.call("GET", f"/tokens?ticket={ticket}").json()["scopes"] == ["read"]  # of itself alone
    for path in set(elsewhere) - {path for _, path in OPEN} - {"/tokens"}:
        refused = door.call("GET", f"{path.format(name='whisper-1')}?ticket={ticket}")
        assert refused.status_code == 403, (path, refused.text)
    answer = door.call("POST", "/tokens", door.second, json={"jobId": door.job_id})
    assert code_of(answer) == "job_not_found"


@pytest.mark.parametrize(
    "fields",
    [{"seconds": 0}, {"seconds": "x"}, {"seconds": True}, {"sub": ""}, {"scopes": ["all"]}, {"x": 1}],
)
def test_a_wrong_field_of_a_token_is_named(door: Door, fields: dict[str, Any]) -> None:
    answer = door.call("POST", "/tokens", door.first, json=fields)
    assert (answer.status_code, next(iter(fields)) in answer.json()["error"]["message"]) == (422, True)


# ── WebSockets ────────────────────────────────────────────────────────────────────────────────────


def watch(
    door: Door, *, key: str | None = None, subprotocols: list[str] | None = None, query: str = ""
) -> str:
    """The first message of a job's WebSocket, or its close code."""
    address = f"{door.url.replace('http', 'ws', 1)}/ws/transcription/{door.job_id}{query}"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    offered = [Subprotocol(name) for name in subprotocols or []] or None
    with connect(address, additional_headers=headers, subprotocols=offered) as socket:
        try:
            message = socket.recv(timeout=30)
        except ConnectionClosed as closed:
            return str(closed.rcvd and closed.rcvd.code)
        assert not subprotocols or socket.subprotocol == "escriba"
        return str(json.loads(message)["job"]["jobId"])


def test_a_websocket_takes_a_key_as_header_subprotocol_or_ticket(door: Door) -> None:
    ticket = door.token(door.first, jobId=door.job_id)
    assert watch(door, key=door.first) == door.job_id
    assert watch(door, subprotocols=["escriba", door.first]) == door.job_id
    assert watch(door, query=f"?ticket={ticket}") == door.job_id
    assert watch(door) == "4401"
    assert watch(door, key=door.second) == "4404"
    assert watch(door, subprotocols=["escriba", door.second]) == "4404"


# ── off, and anonymous ────────────────────────────────────────────────────────────────────────────


def test_anonymous_callers_are_served_and_see_no_job_of_a_key(
    media: Media, door: Door, tmp_path: Any
) -> None:
    with Upstream(recognise=lambda _: transcription(WORDS, duration=2.0)) as engine:
        settings = {"GROQ_BASE_URL": engine.url, "ADMIN_KEY": ADMIN_KEY, "ANONYMOUS_ACCESS": "true"}
        with Server(tmp_path / "data", **settings) as server:
            open_door = Door(server.url, door.recording)
            key = open_door.make_key("one")["key"]
            mine, anonymous = (open_door.submit(each).json()["jobId"] for each in (key, None))
            assert open_door.call("GET", "/limits").json()["keys"] == "optional"
            assert open_door.call("GET", f"/job/{mine}").status_code == 404
            assert open_door.call("GET", f"/job/{anonymous}").status_code == 200
            assert code_of(open_door.call("GET", f"/job/{mine}", "esc_wrong")) == "key_invalid"
            assert code_of(open_door.call("GET", "/admin/keys")) == "scope_missing"


def test_one_client_that_watches_without_end_leaves_places_for_others(media: Media, tmp_path: Any) -> None:
    with Server(tmp_path / "data", GROQ_BASE_URL="http://127.0.0.1:9", MAX_WATCHERS="6") as server:
        job_id = httpx.post(f"{server.url}/transcribe-job", json={}).json()["jobId"]
        address = f"{server.url.replace('http', 'ws', 1)}/ws/transcription/{job_id}"
        greedy, modest = ({"X-Forwarded-For": f"203.0.113.{i}"} for i in (1, 2))
        with ExitStack() as sockets:
            for _ in range(3):
                socket = sockets.enter_context(connect(address, additional_headers=greedy))
                assert json.loads(socket.recv(timeout=30))["type"] == "snapshot"
            answer = httpx.get(f"{server.url}/job/{job_id}/events", headers=greedy)
            assert (answer.status_code, code_of(answer)) == (429, "too_many_watchers")
            socket = sockets.enter_context(connect(address, additional_headers=modest))
            assert json.loads(socket.recv(timeout=30))["type"] == "snapshot"
