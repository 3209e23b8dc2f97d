"""Every client of docs/clients.md, unchanged, against the running server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.media import program
from tests.replies import transcription
from tests.server import ROOT, Server
from tests.upstream import Upstream

HERE = Path(__file__).parent
PYTHON = ROOT / ".venv" / "clients" / "bin" / "python"

JAVASCRIPT: dict[str, dict[str, Any]] = {
    "groqSdk": {"words": ["hola", "qué", "tal"]},
    "aiSdkGroq": {"language": "spanish"},
    "aiSdkOpenai": {"language": "es"},
    "librechat": {},
    "librechatAzure": {},
    "n8n": {},
    "obsidian": {},
}
OTHERS: dict[str, dict[str, Any]] = {
    "litellm_openai": {},
    "litellm_groq": {},
    "langchain": {},
    "llama_index": {},
    "speech_recognition_openai": {},
    "speech_recognition_groq": {},
    "aiohttp_form": {},
    "curl_http2": {"offered": True},
    "jdk": {"status": [200, 200]},
    "open_webui": {},
    "home_assistant": {},
    "home_assistant_whisper_cloud": {},
    "whisper_cpp": {"ignored": "temperature_inc"},
}


@pytest.fixture(scope="module")
def engine(_upstream: Upstream) -> Iterator[Upstream]:
    _upstream.reset()
    _upstream.default = transcription("hola qué tal", language="Spanish")
    yield _upstream
    _upstream.reset()


@pytest.fixture(scope="module")
def javascript(server: Server, engine: Upstream, recording: Path) -> dict[str, Any]:
    return _run(["node", str(HERE / "clients.mjs"), server.url, str(recording)])


@pytest.fixture(scope="module")
def others(server: Server, engine: Upstream, recording: Path) -> dict[str, Any]:
    return _run([str(PYTHON), str(HERE / "clients.py"), server.url, str(recording), str(program())])


def _run(command: list[str]) -> dict[str, Any]:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=True, env=environment)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("client", JAVASCRIPT)
def test_a_client_in_javascript_gets_the_text(client: str, javascript: dict[str, Any]) -> None:
    _check(javascript[client], JAVASCRIPT[client])


@pytest.mark.parametrize("client", OTHERS)
def test_another_client_gets_the_text(client: str, others: dict[str, Any]) -> None:
    _check(others[client], OTHERS[client])


def _check(result: dict[str, Any], more: dict[str, Any]) -> None:
    assert "error" not in result, result
    assert result["text"].strip() == "hola qué tal"
    assert {name: result[name] for name in more} == more


def test_the_document_lists_the_clients_that_are_run() -> None:
    document = (ROOT / "docs" / "clients.md").read_text()
    named = set(re.findall(r"`tests/sdk/clients\.(?:py|mjs)`, (\w+)", document))
    assert named == {*JAVASCRIPT, *OTHERS}
