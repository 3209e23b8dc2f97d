"""A repeat of a request finds its job, whichever version of Escriba stored it."""

from __future__ import annotations

import hashlib
import json

import pytest
from pydantic import Field

from common.jobs import state
from common.jobs.submit import JobRequest
from common.models import Audio, Job, Options

AUDIO = Audio(size_bytes=5, sha256="0" * 64)

# The options as this version's predecessor hashed them, each of them whether it was given or not.
EARLIER = {
    Options(): '{"language":null,"prompt":null,"temperature":null,"timestamps":["segment"],'
    '"task":"transcribe","model":null,"track":null,"tracks":null,"input_format":null,"guard":true}',
    Options(language="es", guard=False): '{"language":"es","prompt":null,"temperature":null,'
    '"timestamps":["segment"],"task":"transcribe","model":null,"track":null,"tracks":null,'
    '"input_format":null,"guard":false}',
}


def stored_job(fingerprint: str) -> Job:
    return state.accept("job", options=Options(), now=0.0, expires_at=9.0, fingerprint=fingerprint)


def request_for(options: Options) -> JobRequest:
    return JobRequest("job", options, user_id="ana", callback_url="https://example.org/")


def test_an_option_at_its_default_does_not_change_the_fingerprint() -> None:
    class LaterOptions(Options):
        voices: int | None = Field(None)

    for options in (Options(), Options(language="es", timestamps=("word",))):
        later = LaterOptions.model_validate(options.model_dump())
        assert request_for(later).fingerprint(AUDIO) == request_for(options).fingerprint(AUDIO)
    later = LaterOptions(voices=2)
    assert request_for(later).fingerprint(AUDIO) != request_for(Options()).fingerprint(AUDIO)


@pytest.mark.parametrize("options", EARLIER, ids=["defaults", "two options"])
def test_a_job_of_an_earlier_version_knows_its_request(options: Options) -> None:
    identity = [EARLIER[options], "ana", "https://example.org/", AUDIO.sha256]
    job = stored_job(hashlib.sha256(json.dumps(identity).encode()).hexdigest())
    assert request_for(options).has_made(job, AUDIO)
    assert not request_for(options.model_copy(update={"language": "fr"})).has_made(job, AUDIO)
    assert not request_for(options).has_made(job, None)


def test_a_job_knows_its_own_request_and_no_other() -> None:
    job = stored_job(request_for(Options(language="es")).fingerprint(AUDIO))
    assert request_for(Options(language="es")).has_made(job, AUDIO)
    assert not request_for(Options()).has_made(job, AUDIO)
