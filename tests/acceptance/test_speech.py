"""Real recordings through the real server and the embedded engine give the words that are spoken."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.api import files_below
from tests.recordings import ENGLISH, SPANISH, Recording, word_error_rate
from tests.server import Server
from tests.serving import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("speech") / "data") as running:
        yield running


def transcribe(server: Server, recording: Recording, **fields: str) -> dict[str, object]:
    with recording.path.open("rb") as file:
        answer = httpx.post(f"{server.url}/transcribe", files={"file": file}, data=fields, timeout=300)
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def test_of_english_at_most_one_word_in_twenty_is_wrong(server: Server) -> None:
    answer = transcribe(server, ENGLISH)
    assert word_error_rate([ENGLISH], [str(answer["text"])]) <= 0.05
    assert answer["language"] == "en"
    assert (answer["engine"], answer["model"]) == ("embedded", "whisper-base")
    assert answer["duration"] == pytest.approx(ENGLISH.seconds, abs=0.05)


def test_of_spanish_at_most_three_words_in_ten_are_wrong(server: Server) -> None:
    texts = [str(transcribe(server, recording, language="es")["text"]) for recording in SPANISH]
    assert word_error_rate(SPANISH, texts) <= 0.30


def test_a_job_has_the_same_text_as_a_request(server: Server) -> None:
    answer = transcribe(server, ENGLISH)
    with ENGLISH.path.open("rb") as file:
        accepted = httpx.post(f"{server.url}/transcribe-job", files={"file": file}, timeout=60)
    assert accepted.status_code == 202
    job = wait_for_end(accepted.json()["statusUrl"])
    assert job["status"] == "completed"
    assert job["result"]["text"] == answer["text"]  # type: ignore[index]
    wait_until(lambda: files_below(server.data_dir) == [])


def wait_for_end(url: str) -> dict[str, object]:
    for _ in range(40):
        job: dict[str, object] = httpx.get(url, params={"wait": 10}, timeout=60).json()
        if job["status"] in {"completed", "failed", "cancelled"}:
            return job
    raise AssertionError(job)
