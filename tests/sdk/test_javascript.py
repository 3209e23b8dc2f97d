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
def results(server: Server, upstream: Upstream, recording: Path) -> dict[str, Any]:
    """All that the SDK got, in the order in which openai.mjs asks."""
    upstream.script.extend([transcription("hola qué tal")] * 8)
    upstream.script.extend([bad_key(), rate_limited(retry_after=100), *[broken()] * 3])
    command = ["node", SCRIPT.name, f"{server.url}/v1", str(recording)]
    run = subprocess.run(command, check=True, cwd=SCRIPT.parent, stdout=subprocess.PIPE, timeout=120)
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def test_the_javascript_sdk_gets_texts_streams_models_and_errors(
    results: dict[str, Any], upstream: Upstream
) -> None:
    assert results["otherModel"] == "hola qué tal"
    formats = results["formats"]
    assert formats["json"]["text"] == "hola qué tal"
    assert formats["text"] == "hola qué tal\n"
    assert formats["srt"].startswith("1\n00:00:00,000 --> ")
    assert formats["vtt"].startswith("WEBVTT\n")
    assert [word["word"] for word in results["words"]["words"]] == ["hola", "qué", "tal"]
    assert results["words"]["segments"][0]["text"] == " hola qué tal"
    assert results["translation"]["text"] == "hola qué tal"
    assert "".join(results["deltas"]) == results["done"] == "hola qué tal"
    assert results["models"] == ["whisper-1", "whisper-large-v3-turbo", "whisper-large-v3"]
    assert results["model"]["id"] == "whisper-large-v3-turbo"
    assert upstream.requests[0].form.value("language") == "es"


def test_the_javascript_sdk_raises_its_own_classes(results: dict[str, Any]) -> None:
    raised = {
        what: (results[what]["name"], results[what]["status"], results[what]["code"]) for what in _RAISED
    }
    assert raised == _RAISED
    assert results["badRequest"]["param"] == "temperature"
    assert all(results[what]["requestID"] for what in _RAISED)


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
