"""One client does its worst against the real server, and another is served, by its key or its address."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import pytest

from tests.acceptance.api import sha
from tests.acceptance.client import tone
from tests.replies import transcription
from tests.server import Server
from tests.serving import Client
from tests.upstream import Upstream

ADMIN_KEY = "an admin key of at least 32 characters"
RANDOM = Random(14)
SLOW = tone(RANDOM)  # the engine takes its time with this one
SETTINGS = {
    "MAX_QUEUE": "8",
    "MAX_PENDING": "12",
    "STORAGE_MB": "4",
    "UPLOAD_SLOTS": "2",
    "JOBS_AT_ONCE": "1",
    "CLIENT_REQUESTS_PER_MINUTE": "120",
    "QUOTA_AUDIO_PER_DAY": "1000",
    "QUOTA_REQUESTS_PER_MINUTE": "1000",
    "ADMIN_KEY": ADMIN_KEY,
}


@dataclass
class Party:
    """A client of a server, by its key or its address."""

    url: str
    headers: dict[str, str]

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return httpx.post(self.url + path, headers=self.headers, timeout=60, **arguments)

    def submit(self, audio: bytes) -> httpx.Response:
        return self.post("/transcribe-job", files={"file": ("a.wav", audio)}, data={"cache": "false"})

    def transcribe(self, audio: bytes) -> httpx.Response:
        return self.post("/transcribe", files={"file": ("a.wav", audio)}, data={"cache": "false"})

    def job(self, job_id: str, wait: float = 25) -> Any:
        answer = httpx.get(f"{self.url}/job/{job_id}?wait={wait}", headers=self.headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def completed(self, job_id: str) -> Any:
        deadline = time.monotonic() + 90
        while (job := self.job(job_id))["status"] != "completed":
            assert job["status"] not in {"failed", "cancelled"}, job
            assert time.monotonic() < deadline, job
        return job

    def clear(self, answers: list[httpx.Response]) -> None:
        """Delete the jobs that were accepted."""
        for answer in answers:
            if answer.status_code < 300:
                address = f"{self.url}/job/{answer.json()['jobId']}"
                httpx.delete(address, headers={"X-API-Key": ADMIN_KEY}, timeout=60)


@dataclass
class Scene:
    server: Server
    engine: Upstream
    keys: bool
    parties: int = 0

    def party(self, key_limits: dict[str, int] | None = None) -> Party:
        """A client that nobody has seen yet."""
        self.parties += 1
        address = {"X-Forwarded-For": f"203.0.113.{self.parties}"}
        if not self.keys:
            return Party(self.server.url, address)
        fields = {"name": f"party {self.parties}", **({"limits": key_limits} if key_limits else {})}
        admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
        made = httpx.post(f"{self.server.url}/admin/keys", headers=admin, json=fields, timeout=60)
        assert made.status_code == 201, made.text
        return Party(self.server.url, {"Authorization": f"Bearer {made.json()['key']}"})


@pytest.fixture(scope="module", params=["keys", "addresses"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Upstream() as engine:
        engine.by_sha256[sha(SLOW)] = transcription("slow", delay=1.0)
        data = tmp_path_factory.mktemp("shares") / "data"
        anonymous = {} if request.param == "keys" else {"ANONYMOUS_ACCESS": "true"}
        with Server(data, GROQ_BASE_URL=engine.url, LOG_LEVEL="WARNING", **SETTINGS, **anonymous) as server:
            yield Scene(server, engine, request.param == "keys")


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def test_a_client_that_fills_the_queue_gets_429_and_another_ones_job_is_next(scene: Scene) -> None:
    greedy, modest = scene.party(), scene.party()
    answers = [greedy.submit(SLOW) for _ in range(6)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {code_of(answer) for answer in refused} == {"too_many_jobs"}
    assert int(refused[0].headers["retry-after"]) >= 1
    whose = "Your access key" if scene.keys else "Your address"
    assert refused[0].json()["error"]["message"].startswith(f"{whose} has 4 jobs")
    accepted = modest.submit(tone(RANDOM))
    assert accepted.status_code == 202, accepted.text
    modest.completed(accepted.json()["jobId"])
    greedy.clear(answers)


def test_a_client_that_expects_uploads_without_end_gets_429_and_another_one_a_ticket(scene: Scene) -> None:
    greedy, modest = scene.party(), scene.party()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: greedy.post("/transcribe-job", json={}), range(20)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 20 - len(refused) <= 6 + 4  # those that came at the same moment are checked apart
    assert {code_of(answer) for answer in refused} == {"too_many_uploads_expected"}
    ticket = modest.post("/transcribe-job", json={})
    assert ticket.status_code == 201, ticket.text
    modest.clear([ticket])
    greedy.clear(answers)


def test_a_client_that_fills_the_storage_gets_429_and_another_ones_recording_is_kept(scene: Scene) -> None:
    greedy, modest = scene.party(), scene.party()
    large = tone(RANDOM, seconds=60)  # 960 KB
    scene.engine.by_sha256[sha(large)] = transcription("slow", delay=3.0)
    answers = [greedy.submit(large) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert code_of(answers[2]) == "too_much_stored"
    assert modest.submit(large).status_code == 202
    greedy.clear(answers)


def test_a_client_with_many_slow_uploads_leaves_a_slot_to_another(scene: Scene) -> None:
    greedy, modest = scene.party(), scene.party()
    headers = "".join(f"{name}: {value}\r\n" for name, value in greedy.headers.items())
    headers += "content-type: multipart/form-data; boundary=x\r\n"
    with ExitStack() as stack:
        for _ in range(4):
            upload = stack.enter_context(Client(scene.server.port))
            upload.post("/transcribe-job", b"x" * 40_000, length=3_000_000, headers=headers)
        answer = modest.transcribe(tone(RANDOM, seconds=5))
    assert answer.status_code == 200, answer.text


def test_a_client_that_floods_with_requests_gets_429_and_another_one_its_answers(scene: Scene) -> None:
    greedy, modest = scene.party(), scene.party()
    with httpx.Client(base_url=scene.server.url, headers=greedy.headers, timeout=60) as flood:
        answers = [flood.get("/v1/models") for _ in range(125)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 1
    last = refused[-1]
    assert code_of(last) == "too_many_requests"
    assert last.headers["ratelimit-policy"] == '"requests";q=120;w=60'
    assert last.headers["ratelimit"].startswith('"requests";r=0;t=')
    assert last.headers["x-ratelimit-remaining-requests"] == "0"
    assert int(last.headers["retry-after"]) >= 1
    assert last.elapsed.total_seconds() >= 0.5  # who asks on and on waits for each refusal
    assert modest.transcribe(tone(RANDOM)).status_code == 200


def test_a_client_that_takes_the_days_quota_leaves_a_part_to_another(scene: Scene) -> None:
    """Each request counts as 10 seconds; `modest` comes when `greedy` finds nothing any more."""
    greedy, modest = scene.party(), scene.party()
    audio = tone(RANDOM)
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: greedy.transcribe(audio).status_code, range(100)))
    assert statuses.count(200) >= 40
    assert statuses[-1] == 503
    answer = modest.transcribe(tone(RANDOM))
    assert answer.status_code == 200, answer.text


def test_a_file_of_a_million_empty_boxes_is_refused_before_ffmpeg_runs(scene: Scene) -> None:
    boxes = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\0\x08free" * 1_000_000
    answer = scene.party().post("/transcribe", files={"file": ("a.mp4", boxes)})
    assert (answer.status_code, code_of(answer)) == (415, "audio_unreadable")
    assert not [child for child in scene.server.ps.children() if "ffmpeg" in child.name()]


def test_a_client_reads_what_it_has_left_and_when_its_job_starts(scene: Scene) -> None:
    client = scene.party()
    answers = [client.submit(SLOW) for _ in range(4)]
    jobs = [client.job(answer.json()["jobId"], wait=0) for answer in answers]
    waiting = [job for job in jobs if job["status"] == "queued"]
    assert waiting
    assert all(job["startsAt"] >= job["createdAt"] for job in waiting)
    assert answers[-1].json()["startsAt"]
    quota = httpx.get(f"{client.url}/quota?minutes=5", headers=client.headers, timeout=60).json()
    assert quota["client"]["jobs"]["limit"] == 4
    assert quota["client"]["jobs"]["used"] >= 1
    assert quota["client"]["requestsPerMinute"]["limit"] == 120
    assert quota["engine"]["audioPerDay"]["limit"] == 1000
    assert quota["forecast"]["minutes"] == 5
    client.clear(answers)
