"""Whatever the engine does, jobs show the truth: they wait with a time, try again, or fail with a code."""

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
    html,
    not_media,
    over_quota,
    quota_headers,
    rate_limited,
    refused,
    too_large,
    too_short,
)
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

RANDOM = random.Random(14)

# What it answers every time, and the code that the job fails with at last. Passing troubles are asked again
# within an attempt and by further attempts; a whole answer that was paid for but says nothing, by further
# attempts only; what will be refused again is asked once.
AGAIN, BY_ATTEMPTS, ONCE = 2 * 3, 2, 1
FAULTS: dict[str, tuple[Reply, str, int]] = {
    "500": (broken(500), "engine_broken", AGAIN),
    "503 in HTML": (html(503), "engine_broken", AGAIN),
    "200 in HTML": (html(200), "engine_broken", BY_ATTEMPTS),
    "half a body": (Reply(send=0.5), "engine_broken", AGAIN),
    "cut before an answer": (Reply(send=0), "engine_broken", AGAIN),
    "JSON without text": (Reply(body={"nothing": 1}), "engine_broken", BY_ATTEMPTS),
    "401": (bad_key(), "engine_key_invalid", ONCE),
    "413 of audio": (over_quota(), "audio_over_quota", ONCE),
    "413 of bytes": (too_large(), "engine_refused", ONCE),
    "413 in HTML": (html(413), "engine_refused", ONCE),
    "not media": (not_media(), "audio_unreadable", ONCE),
    "too short": (too_short(), "audio_too_short", ONCE),
    "a 400 that nobody knows": (refused(400, "no"), "engine_refused", ONCE),
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
    # Beside all this trouble others are served as ever.
    healthy = tone(RANDOM)
    assert api.completed(api.accepted(healthy), within=60) == text_of(healthy)
    told = {name: api.until(job_id, "failed", within=150) for name, job_id in ids.items()}
    assert {name: job["error"]["code"] for name, job in told.items()} == {
        name: code for name, (_, code, _) in FAULTS.items()
    }
    assert {name: len(calls(upstream, audio)) for name, audio in audios.items()} == {
        name: times for name, (_, _, times) in FAULTS.items()
    }
    for name, job in told.items():
        assert job["attempts"] == (1 if FAULTS[name][2] == ONCE else 2), name
        assert job["error"]["stage"] == "transcribe"
        assert job["error"]["retryable"] == (FAULTS[name][2] != ONCE)
        assert job["error"]["message"]
        assert "organization" not in str(job)
    # Every one of them can be run again once the engine is well: from the audio that was kept, unless it was
    # that which was refused.
    upstream.by_sha256.clear()
    for name, job_id in ids.items():
        again = api.retry(job_id)
        assert again.status_code == 202
        expected = (
            "pending" if told[name]["error"]["code"] in {"audio_unreadable", "audio_too_short"} else "queued"
        )
        assert again.json()["status"] == expected, name
        if expected == "pending":
            assert api.upload(again.json()["upload"], audios[name]).status_code == 202
        assert api.completed(job_id) == text_of(audios[name])
    # Silence is borne for half a minute, then it is tried anew.
    assert api.completed(unanswered, within=90) == text_of(silence)
    given_up, heard = calls(upstream, silence)
    assert (given_up.client_gone, heard.status) == (True, 200)
    wait_until(lambda: files_below(server.data_dir) == [])


@pytest.mark.parametrize(
    "refusal", [rate_limited(retry_after=10), Reply(429, "<html>slow down</html>", {"retry-after": "10"})]
)
def test_a_429_makes_the_job_wait_as_long_as_it_says_and_free_its_place(
    start: Callable[..., Server], upstream: Upstream, refusal: Reply
) -> None:
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="1", MAX_ATTEMPTS="1")
    api, refused_first, other = Api(server.url), tone(RANDOM), tone(RANDOM)
    upstream.by_sha256[sha(refused_first)] = refusal
    job_id = api.accepted(refused_first)
    waiting = api.until(job_id, "waiting")
    upstream.by_sha256.clear()
    until, since = (datetime.fromisoformat(waiting[name]) for name in ("waitingUntil", "updatedAt"))
    assert 9.5 < (until - since).total_seconds() < 10.5
    assert waiting["attempts"] == 0  # to wait for quota is no attempt
    # There is one place only, and the one who waits does not sit on it.
    assert api.completed(api.accepted(other)) == text_of(other)
    assert api.job(job_id).json()["status"] == "waiting"
    done = api.until(job_id, "completed")
    assert done["result"]["text"] == text_of(refused_first)
    assert datetime.fromisoformat(done["completedAt"]) >= until
    assert "waitingUntil" not in done
    assert len(calls(upstream, refused_first)) == 2


def test_quota_is_counted_before_it_is_asked_for(start: Callable[..., Server], upstream: Upstream) -> None:
    # One request each fifteen seconds, after the first four.
    server = start(GROQ_BASE_URL=upstream.url, QUOTA_REQUESTS_PER_MINUTE="4")
    api, audios = Api(server.url), [tone(RANDOM) for _ in range(5)]
    ids = [api.accepted(audio) for audio in audios]
    wait_until(lambda: any(api.job(job_id).json()["status"] == "waiting" for job_id in ids), 60)
    for job_id, audio in zip(ids, audios, strict=True):
        assert api.completed(job_id) == text_of(audio)
    assert len(upstream.seen) == len(audios)


def test_quota_that_the_engine_tells_of_is_believed(start: Callable[..., Server], upstream: Upstream) -> None:
    # It lets one through and says that nothing more is left of the day.
    told = quota_headers(limit_requests="2000", remaining_requests="0", reset_requests="10m")
    upstream.default = Reply(headers=told)
    server = start(GROQ_BASE_URL=upstream.url, QUOTA_AUDIO_PER_HOUR="7200")
    api, first, second = Api(server.url), tone(RANDOM), tone(RANDOM)
    assert api.completed(api.accepted(first)) == text_of(first)
    waiting = api.until(api.accepted(second), "waiting")
    until, since = (datetime.fromisoformat(waiting[name]) for name in ("waitingUntil", "updatedAt"))
    # 2000 a day: one in 43 seconds, some of which have passed.
    assert 15 < (until - since).total_seconds() < 60
    assert calls(upstream, second) == []


def test_past_the_longest_queue_one_is_told_when_to_come_back(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="1", MAX_QUEUE="3")
    api = Api(server.url)
    ids = [api.accepted(tone(RANDOM)) for _ in range(3)]
    for refused_now in (api.submit(tone(RANDOM)), api.expect()):
        assert refused_now.status_code == 503
        assert int(refused_now.headers["retry-after"]) > 0
        assert refused_now.json()["error"]["code"] == "busy"
    wait_until(lambda: api.health()["inHand"]["backlog"] == 3)
    api.delete(ids[-1])
    assert api.submit(tone(RANDOM)).status_code == 202
    assert api.retry(ids[-1]).status_code == 503


def test_whoever_sends_much_does_not_keep_the_others_waiting(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    all_came = threading.Event()
    upstream.ear = not_before(all_came, Reply(delay=0.3))
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="2", UPLOAD_SLOTS="50")
    api = Api(server.url)
    many = [tone(RANDOM) for _ in range(14)]
    first = [api.accepted(audio, userId="ana") for audio in many]
    one = tone(RANDOM)
    other = api.accepted(one, userId="eva")
    all_came.set()
    assert api.completed(other) == text_of(one)
    for job_id, audio in zip(first, many, strict=True):
        assert api.completed(job_id) == text_of(audio)
    begun = {job_id: moment(api, job_id, "startedAt") for job_id in first}
    left = [job_id for job_id in first if begun[job_id] > moment(api, other, "completedAt")]
    assert len(left) >= 3, "it waited for all who came before"
    # Of one person's jobs, those sent first are begun first.
    order = sorted(first, key=begun.__getitem__)
    assert all(abs(first.index(job_id) - at) <= 1 for at, job_id in enumerate(order))


def moment(api: Api, job_id: str, name: str) -> datetime:
    return datetime.fromisoformat(api.job(job_id).json()[name])
