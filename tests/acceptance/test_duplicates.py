"""The same submit any number of times is one job; another one under its id is refused and harms nothing."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.acceptance.api import Api, calls, files_below, sha, text_of
from tests.acceptance.client import tone
from tests.replies import Reply, bad_key
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(12)
TIMES = 20


@pytest.fixture(scope="module")
def server(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("duplicates") / "data"
    settings = {"UPLOAD_SLOTS": "64", "LOG_LEVEL": "WARNING", "SWEEP_SECONDS": "0.3"}
    with Server(data, GROQ_BASE_URL=engine.url, **settings) as running:
        yield running


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server.url)


def send_at_once(send: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """The answers to requests that twenty threads send at the same moment."""
    barrier = threading.Barrier(TIMES)

    def send_one(number: int) -> httpx.Response:
        barrier.wait()
        return send(number)

    with ThreadPoolExecutor(TIMES) as pool:
        return list(pool.map(send_one, range(TIMES)))


def common_answer(answers: list[httpx.Response], status: int) -> dict[str, Any]:
    """The body that all answers share, without how far the job was by then."""
    assert {answer.status_code for answer in answers} == {status}, [answer.text for answer in answers]
    bodies = [answer.json() for answer in answers]
    for body in bodies:
        assert body.pop("status") in {"pending", "queued", "processing", "completed"}
        body.pop("upload", None)
        body.pop("startsAt", None)
    assert all(body == bodies[0] for body in bodies)
    return bodies[0]  # type: ignore[no-any-return]


def test_submits_with_the_same_job_id_are_one_job(server: Server, engine: Upstream, api: Api) -> None:
    audio, job_id = tone(RANDOM), str(uuid.uuid4())
    job = common_answer(send_at_once(lambda _: api.submit(audio, jobId=job_id, language="es")), 202)
    assert job["jobId"] == job_id
    assert api.completed(job_id) == text_of(audio)
    assert len(calls(engine, audio)) == 1
    assert api.submit(audio, jobId=job_id.upper(), language="es").json()["status"] == "completed"
    wait_until(lambda: files_below(server.data_dir) == [])


def test_submits_with_the_same_key_are_one_job(server: Server, engine: Upstream, api: Api) -> None:
    audio = tone(RANDOM)
    job = common_answer(send_at_once(lambda _: api.submit(audio, key="order-1", userId="ana")), 202)
    assert api.completed(job["jobId"]) == text_of(audio)
    assert len(calls(engine, audio)) == 1
    # The same key of another user is another key.
    other = tone(RANDOM)
    answer = api.submit(other, key="order-1", userId="eva")
    assert (answer.status_code, answer.json()["jobId"] == job["jobId"]) == (202, False)
    assert api.completed(answer.json()["jobId"]) == text_of(other)
    wait_until(lambda: files_below(server.data_dir) == [])


def test_a_job_id_cannot_be_derived_from_its_key(start: Callable[..., Server], api: Api) -> None:
    other = Api(start(GROQ_BASE_URL="http://127.0.0.1:9/openai/v1").url)
    audio = tone(RANDOM)
    ids = {each.submit(audio, key="guessable").json()["jobId"] for each in (api, other)}
    assert len(ids) == 2


def test_another_request_under_the_same_id_is_refused_and_the_first_unharmed(
    server: Server, engine: Upstream, api: Api
) -> None:
    audio, other, job_id = tone(RANDOM), tone(RANDOM), str(uuid.uuid4())
    engine.by_sha256[sha(audio)] = Reply(delay=1)
    assert api.submit(audio, jobId=job_id, language="es").status_code == 202
    refused = [
        api.submit(other, jobId=job_id, language="es"),
        api.submit(audio, jobId=job_id, language="en"),
        api.submit(audio, jobId=job_id),
        api.submit(audio, jobId=job_id, language="es", userId="eva"),
        api.expect(jobId=job_id, language="es"),
    ]
    errors = [(answer.status_code, answer.json()["error"]["code"]) for answer in refused]
    assert errors == [(409, "job_conflict")] * len(refused)
    assert api.completed(job_id) == text_of(audio)
    assert (len(calls(engine, audio)), len(calls(engine, other))) == (1, 0)
    assert api.job(job_id).json()["result"]["language"] == "en"  # what the engine detected
    (call,) = calls(engine, audio)
    assert call.form.value("language") == "es"
    wait_until(lambda: files_below(server.data_dir) == [])


def test_of_many_recordings_at_once_one_is_accepted_and_that_one_is_transcribed(
    server: Server, engine: Upstream, api: Api
) -> None:
    audios, job_id = [tone(RANDOM) for _ in range(TIMES)], str(uuid.uuid4())
    answers = send_at_once(lambda number: api.submit(audios[number], jobId=job_id))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 409: TIMES - 1}
    accepted = next(audio for audio, answer in zip(audios, answers, strict=True) if answer.status_code == 202)
    assert api.completed(job_id) == text_of(accepted)
    wait_until(lambda: files_below(server.data_dir) == [])


def test_json_first_and_then_the_audio_is_one_job(server: Server, engine: Upstream, api: Api) -> None:
    audio, job_id = tone(RANDOM), str(uuid.uuid4())
    expected = send_at_once(lambda _: api.expect(jobId=job_id, language="es", timestamps=["segment", "word"]))
    common_answer(expected, 201)
    assert api.job(job_id).json()["status"] == "pending"
    conflict = api.expect(jobId=job_id, language="en")
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "job_conflict")
    tickets = [answer.json()["upload"] for answer in expected]
    common_answer(send_at_once(lambda number: api.upload(tickets[number], audio)), 202)
    assert api.completed(job_id) == text_of(audio)
    assert len(calls(engine, audio)) == 1
    again = api.upload(tickets[0], tone(RANDOM))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "job_conflict")
    assert api.upload(tickets[0], audio).status_code == 202
    assert api.completed(job_id) == text_of(audio)
    wait_until(lambda: files_below(server.data_dir) == [])


def test_of_many_uploads_at_once_one_is_accepted_and_that_one_is_transcribed(
    server: Server, engine: Upstream, api: Api
) -> None:
    for _ in range(5):
        pending = api.expect().json()
        audios = [tone(RANDOM) for _ in range(TIMES)]
        answers = send_at_once(lambda number: api.upload(pending["upload"], audios[number]))  # noqa: B023
        accepted = [audio for audio, answer in zip(audios, answers, strict=True) if answer.status_code == 202]
        assert len(accepted) == 1, [answer.text for answer in answers]
        assert api.completed(pending["jobId"]) == text_of(accepted[0])
        wait_until(lambda: files_below(server.data_dir) == [])


def test_an_upload_needs_the_unchanged_fields_of_its_ticket(api: Api) -> None:
    pending = api.expect().json()
    url, fields = pending["upload"]["url"], pending["upload"]["fields"]
    other = api.expect().json()
    for forged in (
        {"url": url, "fields": {**fields, "maxBytes": "999999999"}},
        {"url": url, "fields": {**fields, "expires": "99999999999"}},
        {"url": url, "fields": {}},
        {"url": other["upload"]["url"], "fields": fields},
    ):
        answer = api.upload(forged, tone(RANDOM))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "upload_ticket_invalid")
    assert api.job(pending["jobId"]).json()["status"] == "pending"


def test_a_retry_of_a_failed_job_uses_the_audio_that_was_kept(
    server: Server, engine: Upstream, api: Api
) -> None:
    audio = tone(RANDOM)
    engine.by_sha256[sha(audio)] = bad_key()
    job_id = api.accepted(audio, language="es", prompt="Escriba")
    failed = api.until(job_id, "failed")
    assert (failed["error"]["code"], failed["run"]) == ("engine_key_invalid", 1)
    # The same submit is the same job, which has failed: only a retry runs it again.
    assert api.submit(audio, jobId=job_id, language="es", prompt="Escriba").json()["status"] == "failed"
    del engine.by_sha256[sha(audio)]
    answers = send_at_once(lambda _: api.retry(job_id))
    assert Counter(answer.status_code for answer in answers)[202] == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    completed = api.until(job_id, "completed")
    assert (completed["result"]["text"], completed["run"]) == (text_of(audio), 2)
    assert completed["seq"] > failed["seq"]
    first, second = calls(engine, audio)
    assert [call.form.value("prompt") for call in (first, second)] == ["Escriba", "Escriba"]
    wait_until(lambda: files_below(server.data_dir) == [])


def test_a_job_whose_audio_never_comes_expires(start: Callable[..., Server], upstream: Upstream) -> None:
    short = {"UPLOAD_TICKET_SECONDS": "5", "UPLOAD_TIMEOUT": "3", "SWEEP_SECONDS": "0.3"}
    server = start(GROQ_BASE_URL=upstream.url, **short)
    api, audio = Api(server.url), tone(RANDOM)
    pending = api.expect(language="es").json()
    expired = api.until(pending["jobId"], "failed")
    assert (expired["error"]["code"], expired["error"]["stage"]) == ("upload_expired", "upload")
    late = api.upload(pending["upload"], audio)
    assert (late.status_code, late.json()["error"]["code"]) == (410, "upload_expired")
    wait_until(lambda: files_below(server.data_dir) == [])
    again = api.retry(pending["jobId"]).json()
    assert again["status"] == "pending"
    assert api.upload(again["upload"], audio).status_code == 202
    assert api.completed(pending["jobId"]) == text_of(audio)
