"""HTTP at the limits of Lambda, in time and size: the errors are ours, not the platform's."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from common.jobs import state
from common.jobs.events import make_event
from common.models import Audio, Options, Transcript, Word
from tests.aws.world import World, call
from tests.contract.sample_jobs import commit, create, new_id
from tests.recorded import http_event
from tests.replies import Reply
from tests.server import ROOT

SPEECH = ROOT / "tests" / "data" / "english-short.wav"


def wav() -> dict[str, Any]:
    return {"file": ("speech.wav", SPEECH.read_bytes(), "audio/wav")}


@pytest.mark.alone
async def test_a_slow_engine_is_answered_504_before_lambda_ends_the_call(world: World) -> None:
    request = httpx.Request("POST", "https://api.example/transcribe", files=wav())
    with world.sandbox("transcribe") as sandbox:
        world.upstream.script.append(Reply(delay=20))
        began = time.monotonic()
        answer = sandbox.invoke(http_event(request), seconds=6)
        assert time.monotonic() - began < 6
        assert answer["statusCode"] == 504
        assert "answer_late" in answer["body"]
        assert "POST /transcribe-job" in answer["body"]
        assert call(sandbox, "POST", "/transcribe", files=wav())[0] == 200


async def test_a_stream_that_comes_too_late_is_an_error_in_openais_shape(world: World) -> None:
    form = {"model": "whisper-1", "stream": "true"}
    request = httpx.Request("POST", "https://api.example/v1/audio/transcriptions", files=wav(), data=form)
    with world.sandbox("openai_audio") as sandbox:
        world.upstream.script.append(Reply(delay=20))
        answer = sandbox.invoke(http_event(request), seconds=6)
    assert (answer["statusCode"], answer["headers"]["x-should-retry"]) == (504, "false")
    assert '"type": "server_error"' in answer["body"]


async def completed_job(world: World, text: str) -> str:
    """A job whose text has a time for every word."""
    now = time.time()
    words = tuple(
        Word(word=word, start=float(place), end=place + 0.5) for place, word in enumerate(text.split())
    )
    result = Transcript(text=text, duration=float(len(words)), words=words)
    options = Options(timestamps=("segment", "word"))
    job = await create(world.jobs, state.accept(new_id(), options=options, now=now, expires_at=now + 60))
    job = await commit(world.jobs, state.queue(job, Audio(size_bytes=1, sha256="0"), now=now, expires_at=now))
    job = await commit(world.jobs, state.start(job, now=now))
    job = await commit(world.jobs, state.plan(job, pieces=1, done=1, now=now))
    job = await commit(world.jobs, state.merge(job, now=now), "progress")
    done = state.complete(job, language="es", now=now, expires_at=now + 3600)
    await world.jobs.commit(done, make_event(done), result=result)
    return job.job_id


async def test_a_text_too_large_for_an_answer_is_refused_and_can_be_read_as_a_file(world: World) -> None:
    text = " ".join(f"palabra{number}" for number in range(100_000))
    path = f"/job/{await completed_job(world, text)}"
    with world.sandbox("job") as reader:
        code, answer = call(reader, "GET", path)
        assert (code, answer["error"]["code"]) == (413, "answer_too_large")
    file = httpx.Request("GET", f"https://api.example{path}/transcript?format=txt")
    with world.sandbox("job_transcript") as reader:
        whole = reader.invoke(http_event(file))
    assert (whole["statusCode"], len(whole["body"].split())) == (200, 100_000)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_a_file_too_large_for_a_call_is_refused_in_openais_shape(world: World, prefix: str) -> None:
    files = {"file": ("long.wav", b"\0" * (4 * 1024 * 1024 + 100_000), "audio/wav")}
    with world.sandbox("openai_audio") as sandbox:
        code, answer = call(sandbox, "POST", f"{prefix}/audio/transcriptions", files=files)
    assert (code, answer["error"]["type"], answer["error"]["param"]) == (413, "invalid_request_error", "file")
    assert answer["error"]["code"] == "upload_needs_ticket"
