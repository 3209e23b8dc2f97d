"""The official JavaScript SDK of OpenAI, unchanged, against the running server; `make test` installs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.replies import bad_key, broken, rate_limited, transcription
from tests.sdk.conftest import snippet
from tests.server import Server
from tests.upstream import Upstream

SCRIPT = Path(__file__).parent / "openai.mjs"


@pytest.fixture
def told(server: Server, upstream: Upstream, recording: Path) -> dict[str, Any]:
    """All that the SDK got, in the order in which openai.mjs asks."""
    upstream.script.extend([transcription("hola qué tal")] * 8)
    upstream.script.extend([bad_key(), rate_limited(retry_after=100), *[broken()] * 3])
    command = ["node", SCRIPT.name, f"{server.url}/v1", str(recording)]
    run = subprocess.run(command, check=True, cwd=SCRIPT.parent, stdout=subprocess.PIPE, timeout=120)
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def test_the_javascript_sdk_gets_texts_streams_models_and_errors(
    told: dict[str, Any], upstream: Upstream
) -> None:
    assert told["otherModel"] == "hola qué tal"
    formats = told["formats"]
    assert formats["json"]["text"] == "hola qué tal"
    assert formats["text"] == "hola qué tal\n"
    assert formats["srt"].startswith("1\n00:00:00,000 --> ")
    assert formats["vtt"].startswith("WEBVTT\n")
    assert [word["word"] for word in told["words"]["words"]] == ["hola", "qué", "tal"]
    assert told["words"]["segments"][0]["text"] == " hola qué tal"
    assert told["translation"]["text"] == "hola qué tal"
    assert "".join(told["deltas"]) == told["done"] == "hola qué tal"
    assert told["models"] == ["whisper-1", "whisper-large-v3-turbo", "whisper-large-v3"]
    assert told["model"]["id"] == "whisper-large-v3-turbo"
    assert upstream.requests[0].form.value("language") == "es"


def test_the_javascript_sdk_raises_its_own_classes(told: dict[str, Any]) -> None:
    raised = {what: (told[what]["name"], told[what]["status"], told[what]["code"]) for what in _RAISED}
    assert raised == _RAISED
    assert told["badRequest"]["param"] == "temperature"
    assert all(told[what]["requestID"] for what in _RAISED)


def test_the_readme_s_snippet_does_what_it_says(server: Server, recording: Path, upstream: Upstream) -> None:
    upstream.script.append(transcription("hola qué tal"))
    command = ["node", "--input-type=module", "-e", snippet("js", server, recording)]
    run = subprocess.run(command, check=True, cwd=SCRIPT.parent, stdout=subprocess.PIPE, timeout=60)
    assert run.stdout.decode() == "hola qué tal\n"


_RAISED = {
    "badRequest": ("BadRequestError", 400, "option_invalid"),
    "notAudio": ("BadRequestError", 400, "audio_unreadable"),
    "noModel": ("NotFoundError", 404, "model_not_found"),
    "auth": ("AuthenticationError", 401, "invalid_api_key"),
    "rateLimit": ("RateLimitError", 429, "rate_limit_exceeded"),
    "broken": ("InternalServerError", 502, "engine_broken"),
}
