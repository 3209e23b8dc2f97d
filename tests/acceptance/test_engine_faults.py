"""Whatever the engine does, a job waits with a time, is tried again, or fails with a code."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.acceptance.api import Api, calls, files_below, sha, text_of
from tests.acceptance.client import tone
from tests.replies import (
    Reply,
    bad_key,
    broken,
    groq_error,
    html,
    not_media,
    over_quota,
    quota_headers,
    rate_limited,
    too_large,
    too_short,
)
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

RANDOM = random.Random(14)

# The engine's reply every time, the code that the job fails with in the end, and the number of requests. A
# transient failure is retried within each attempt; a complete answer without a transcript was charged for, so
# only the next attempt repeats it; a refusal is final.
RETRIED, BY_ATTEMPTS, ONCE = 2 * 3, 2, 1
FAULTS: dict[str, tuple[Reply, str, int]] = {
    "500": (broken(500), "engine_broken", RETRIED),
    "503 in HTML": (html(503), "engine_broken", RETRIED),
    "200 in HTML": (html(200), "engine_broken", BY_ATTEMPTS),
    "half a body": (Reply(send=0.5), "engine_broken", RETRIED),
    "cut before an answer": (Reply(send=0), "engine_broken", RETRIED),
    "JSON without text": (Reply(body={"nothing": 1}), "engine_broken", BY_ATTEMPTS),
    "401": (bad_key(), "engine_key_invalid", ONCE),
    "413 of audio": (over_quota(), "audio_over_quota", ONCE),
    "413 of bytes": (too_large(), "engine_refused", ONCE),
    "413 in HTML": (html(413), "engine_refused", ONCE),
    "not media": (not_media(), "audio_unreadable", ONCE),
    "too short": (too_short(), "audio_too_short", ONCE),
    "an unknown 400": (groq_error(400, "no"), "engine_refused", ONCE),
}


def test_every_fault_becomes_its_code(start: Callable[..., Server], upstream: Upstream) -> None:
    audios = {name: tone(RANDOM) for name in FAULTS}
    upstream.by_sha256 |= {sha(audios[name]): reply for name, (reply, _, _) in FAULTS.items()}
    server = start(
        GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="30", MAX_ATTEMPTS="2", UPLOAD_SLOTS="30", MAX_QUEUE="200"
    )
    api = Api(server.url)
    silence = tone(RANDOM)
    upstream.script.append(Reply(hang=True))
    unanswered = api.accepted(silence)
    wait_until(lambda: bool(calls(upstream, silence)))
    ids = {name: api.accepted(audio) for name, audio in audios.items()}
    # Meanwhile other jobs complete as usual.
    healthy = tone(RANDOM)
    assert api.completed(api.accepted(healthy), within=60) == text_of(healthy)
    failed = {name: api.until(job_id, "failed", within=150) for name, job_id in ids.items()}
    assert {name: job["error"]["code"] for name, job in failed.items()} == {
        name: code for name, (_, code, _) in FAULTS.items()
    }
    assert {name: len(calls(upstream, audio)) for name, audio in audios.items()} == {
        name: times for name, (_, _, times) in FAULTS.items()
    }
    for name, job in failed.items():
        assert job["attempts"] == (1 if FAULTS[name][2] == ONCE else 2), name
        assert job["error"]["stage"] == "transcribe"
        assert job["error"]["retryable"] == (FAULTS[name][2] != ONCE)
        assert job["error"]["message"]
        assert "organization" not in str(job)
    # Each can be retried once the engine works: with the stored audio, unless the engine refused that audio.
    upstream.by_sha256.clear()
    for name, job_id in ids.items():
        retry = api.retry(job_id)
        assert retry.status_code == 202
        expected = (
            "pending"
            if failed[name]["error"]["code"] in {"audio_unreadable", "audio_too_short"}
            else "queued"
        )
        assert retry.json()["status"] == expected, name
        if expected == "pending":
            assert api.upload(retry.json()["upload"], audios[name]).status_code == 202
        assert api.completed(job_id) == text_of(audios[name])
    # After half a minute without an answer the request times out, and the next attempt succeeds.
    assert api.completed(unanswered, within=90) == text_of(silence)
    timed_out, answered = calls(upstream, silence)
    assert (timed_out.client_gone, answered.status) == (True, 200)
    wait_until(lambda: files_below(server.data_dir) == [])


@pytest.mark.parametrize(
    "refusal", [rate_limited(retry_after=10), Reply(429, "<html>slow down</html>", {"retry-after": "10"})]
)
def test_after_a_429_the_job_waits_as_long_as_it_says_and_other_jobs_run(
    start: Callable[..., Server], upstream: Upstream, refusal: Reply
) -> None:
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="1", MAX_ATTEMPTS="1")
    api, limited, other = Api(server.url), tone(RANDOM), tone(RANDOM)
    upstream.by_sha256[sha(limited)] = refusal
    job_id = api.accepted(limited)
    waiting = api.until(job_id, "waiting")
    upstream.by_sha256.clear()
    until, since = (datetime.fromisoformat(waiting[name]) for name in ("waitingUntil", "updatedAt"))
    assert 9.5 < (until - since).total_seconds() < 10.5
    assert waiting["attempts"] == 0  # waiting for quota is not an attempt
    # One job runs at a time, and a waiting job does not count.
    assert api.completed(api.accepted(other)) == text_of(other)
    assert api.job(job_id).json()["status"] == "waiting"
    done = api.until(job_id, "completed")
    assert done["result"]["text"] == text_of(limited)
    assert datetime.fromisoformat(done["completedAt"]) >= until
    assert "waitingUntil" not in done
    assert len(calls(upstream, limited)) == 2


def test_requests_beyond_the_quota_are_not_sent(start: Callable[..., Server], upstream: Upstream) -> None:
    # After the first four, one request every fifteen seconds.
    server = start(GROQ_BASE_URL=upstream.url, QUOTA_REQUESTS_PER_MINUTE="4")
    api, audios = Api(server.url), [tone(RANDOM) for _ in range(5)]
    ids = [api.accepted(audio) for audio in audios]
    wait_until(lambda: any(api.job(job_id).json()["status"] == "waiting" for job_id in ids), 60)
    for job_id, audio in zip(ids, audios, strict=True):
        assert api.completed(job_id) == text_of(audio)
    assert len(upstream.requests) == len(audios)


def test_quota_headers_of_the_engine_are_obeyed(start: Callable[..., Server], upstream: Upstream) -> None:
    # The first request succeeds, and its headers say that the day's requests are used up.
    headers = quota_headers(limit_requests="2000", remaining_requests="0", reset_requests="10m")
    upstream.default = Reply(headers=headers)
    server = start(GROQ_BASE_URL=upstream.url, QUOTA_AUDIO_PER_HOUR="7200")
    api, first, second = Api(server.url), tone(RANDOM), tone(RANDOM)
    assert api.completed(api.accepted(first)) == text_of(first)
    waiting = api.until(api.accepted(second), "waiting")
    until, since = (datetime.fromisoformat(waiting[name]) for name in ("waitingUntil", "updatedAt"))
    # 2000 a day are one in 43 seconds, some of which have passed.
    assert 15 < (until - since).total_seconds() < 60
    assert calls(upstream, second) == []


def test_a_full_queue_answers_503_with_a_time_to_retry(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="1", MAX_QUEUE="3")
    api = Api(server.url)
    ids = [api.accepted(tone(RANDOM)) for _ in range(3)]
    for refusal in (api.submit(tone(RANDOM)), api.expect()):
        assert refusal.status_code == 503
        assert int(refusal.headers["retry-after"]) > 0
        assert refusal.json()["error"]["code"] == "busy"
    wait_until(lambda: api.health()["inHand"]["backlog"] == 3)
    api.delete(ids[-1])
    assert api.submit(tone(RANDOM)).status_code == 202
    assert api.retry(ids[-1]).status_code == 503


def test_many_jobs_of_one_user_do_not_delay_another_user(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    all_submitted = threading.Event()
    upstream.recognise = not_before(all_submitted, Reply(delay=0.3))
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="2", UPLOAD_SLOTS="50")
    api = Api(server.url)
    many = [tone(RANDOM) for _ in range(14)]
    first = [api.accepted(audio, userId="ana") for audio in many]
    audio_of_eva = tone(RANDOM)
    other = api.accepted(audio_of_eva, userId="eva")
    all_submitted.set()
    assert api.completed(other) == text_of(audio_of_eva)
    for job_id, audio in zip(first, many, strict=True):
        assert api.completed(job_id) == text_of(audio)
    started = {job_id: moment(api, job_id, "startedAt") for job_id in first}
    later = [job_id for job_id in first if started[job_id] > moment(api, other, "completedAt")]
    assert len(later) >= 3, "it waited for every job submitted before it"
    # Jobs of one user start in the order of their submission.
    order = sorted(first, key=started.__getitem__)
    assert all(abs(first.index(job_id) - at) <= 1 for at, job_id in enumerate(order))


def moment(api: Api, job_id: str, name: str) -> datetime:
    return datetime.fromisoformat(api.job(job_id).json()[name])
