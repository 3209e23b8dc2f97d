"""A job can be cancelled at every stage: its run stops, nothing of it stays, and a retry works."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.api import (
    Api,
    calls,
    decoders_held_up,
    everything_below,
    files_below,
    sha,
    text_of,
    texts_kept,
)
from tests.acceptance.client import tone
from tests.media import Media
from tests.replies import Reply, bad_key, rate_limited
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(11)


@pytest.fixture(scope="module")
def server(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("cancelling") / "data"
    settings = {"JOBS_AT_ONCE": "2", "UPLOAD_SLOTS": "20", "LOG_LEVEL": "WARNING", "LEASE_SECONDS": "3"}
    with Server(data, GROQ_BASE_URL=engine.url, **settings) as running:
        yield running


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server.url)


def cancel(api: Api, job_id: str) -> None:
    for _ in range(2):  # again is harmless
        answer = api.delete(job_id)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled"), answer.text
    assert api.job(job_id).json()["status"] == "cancelled"


def assert_nothing_left(server: Server, job_id: str) -> None:
    assert texts_kept(server.data_dir, job_id) == 0
    wait_until(lambda: files_below(server.data_dir) == [])


def retry_with_audio(api: Api, job_id: str, audio: bytes, engine: Upstream) -> None:
    """Retry a job whose audio was removed: the retry asks for the audio, and then the job completes."""
    engine.by_sha256.pop(sha(audio), None)
    answer = api.retry(job_id)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending"), answer.text
    assert api.upload(answer.json()["upload"], audio).status_code == 202
    assert api.completed(job_id) == text_of(audio)
    assert api.job(job_id).json()["run"] == 2


def test_a_job_can_be_cancelled_before_its_audio_has_come(server: Server, engine: Upstream, api: Api) -> None:
    audio = tone(RANDOM)
    pending = api.expect().json()
    cancel(api, pending["jobId"])
    late = api.upload(pending["upload"], audio)
    assert (late.status_code, late.json()["error"]["code"]) == (410, "upload_expired")
    assert_nothing_left(server, pending["jobId"])
    retry_with_audio(api, pending["jobId"], audio, engine)


def test_running_and_queued_jobs_can_be_cancelled(server: Server, engine: Upstream, api: Api) -> None:
    running, queued = [tone(RANDOM), tone(RANDOM)], tone(RANDOM)
    engine.by_sha256 |= {sha(audio): Reply(hang=True) for audio in running}
    hanging = [api.accepted(audio) for audio in running]
    wait_until(lambda: all(calls(engine, audio) for audio in running))
    waiting = api.accepted(queued)
    assert api.job(waiting).json()["status"] == "queued"
    cancel(api, waiting)
    for job_id, audio in zip(hanging, running, strict=True):
        assert api.job(job_id).json()["stage"] == "transcribe"
        cancel(api, job_id)
        (call,) = calls(engine, audio)
        wait_until(lambda call=call: call.client_gone)  # type: ignore[misc]
    for job_id in (*hanging, waiting):
        assert_nothing_left(server, job_id)
    time.sleep(1.5)  # a worker looks every second
    assert [len(calls(engine, audio)) for audio in (*running, queued)] == [1, 1, 0]
    retry_with_audio(api, hanging[0], running[0], engine)
    retry_with_audio(api, waiting, queued, engine)


def test_a_job_can_be_cancelled_while_ffmpeg_works(
    server: Server, engine: Upstream, api: Api, media: Media
) -> None:
    tones = "-f lavfi -i sine=300:r=16000:d=2400 -c:a adpcm_ms"
    long = media.ffmpeg(tones, media.folder / "long-adpcm.wav").read_bytes()
    before = len(engine.requests)
    job_id = api.accepted(long)
    assert decoders_held_up(server)
    cancel(api, job_id)
    wait_until(lambda: server.ps.children(recursive=True) == [])
    assert_nothing_left(server, job_id)
    time.sleep(1.5)
    assert len(engine.requests) == before
    short = tone(RANDOM)
    retry_with_audio(api, job_id, short, engine)


def test_a_job_can_be_cancelled_while_it_waits_for_quota(server: Server, engine: Upstream, api: Api) -> None:
    audio = tone(RANDOM)
    engine.by_sha256[sha(audio)] = rate_limited(retry_after=2)
    job_id = api.accepted(audio)
    assert "waitingUntil" in api.until(job_id, "waiting")
    cancel(api, job_id)
    assert "waitingUntil" not in api.job(job_id).json()
    assert_nothing_left(server, job_id)
    before = len(calls(engine, audio))
    time.sleep(3.5)  # past the time until which it waited
    assert len(calls(engine, audio)) == before
    retry_with_audio(api, job_id, audio, engine)


def test_a_completed_job_can_be_deleted(server: Server, engine: Upstream, api: Api) -> None:
    audio = tone(RANDOM)
    job_id = api.accepted(audio)
    assert api.completed(job_id) == text_of(audio)
    assert texts_kept(server.data_dir, job_id) > 0
    for _ in range(2):
        assert api.delete(job_id).json()["status"] == "completed"
    expired = api.job(job_id)
    assert (expired.status_code, expired.json()["error"]["code"]) == (410, "job_expired")
    assert_nothing_left(server, job_id)
    refused = api.retry(job_id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_not_retryable")


def test_a_failed_job_can_be_deleted(server: Server, engine: Upstream, api: Api) -> None:
    audio = tone(RANDOM)
    engine.by_sha256[sha(audio)] = bad_key()
    job_id = api.accepted(audio)
    assert api.until(job_id, "failed")["error"]["code"] == "engine_key_invalid"
    assert files_below(server.data_dir) != []  # kept for a retry
    for _ in range(2):
        assert api.delete(job_id).json()["status"] == "failed"
    assert api.job(job_id).status_code == 410
    assert_nothing_left(server, job_id)
    retry_with_audio(api, job_id, audio, engine)


def test_a_job_can_be_deleted_at_the_moment_when_its_text_comes(
    server: Server, engine: Upstream, api: Api
) -> None:
    audios = [tone(RANDOM) for _ in range(24)]
    engine.by_sha256 |= {sha(audio): Reply(delay=0.2) for audio in audios}

    def submit_and_delete(audio: bytes) -> str:
        job_id = api.accepted(audio)
        wait_until(lambda: bool(calls(engine, audio)), 60)
        time.sleep(RANDOM.uniform(0.17, 0.25))
        assert api.delete(job_id).status_code == 200
        return job_id

    with ThreadPoolExecutor(2) as pool:
        deleted = list(pool.map(submit_and_delete, audios))
    wait_until(lambda: api.health()["inHand"]["jobs"] == 0)
    for job_id in deleted:
        assert_nothing_left(server, job_id)
        assert api.job(job_id).status_code in {200, 410}


def test_erased_text_is_not_in_the_files_of_the_database(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    server = start(GROQ_BASE_URL=upstream.url)
    api = Api(server.url)
    audio = tone(RANDOM)
    job_id = api.accepted(audio)
    text = api.completed(job_id).encode()
    assert files_with(server.data_dir, text)
    api.delete(job_id)
    assert server.stop() == 0  # which moves the log into the database
    assert not files_with(server.data_dir, text)


def files_with(data_dir: Path, text: bytes) -> list[str]:
    found = []
    for path in everything_below(data_dir, folders=False):
        with suppress(FileNotFoundError):  # a run removes its files a moment after its job has ended
            if text in path.read_bytes():
                found.append(path.name)
    return found
