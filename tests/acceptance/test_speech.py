"""Real recordings through the real server and the embedded engine give the words that are spoken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.acceptance.api import files_below
from tests.media import Media
from tests.recordings import ENGLISH, ENGLISH_SHORT, SPANISH, Recording, word_error_rate
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


@pytest.fixture(scope="module")
def english(server: Server) -> dict[str, object]:
    return transcribe(server, ENGLISH)


def test_of_english_at_most_one_word_in_twenty_is_wrong(english: dict[str, object]) -> None:
    assert word_error_rate([ENGLISH], [str(english["text"])]) <= 0.05
    assert english["language"] == "en"
    assert (english["engine"], english["model"]) == ("embedded", "whisper-base")
    assert english["duration"] == pytest.approx(ENGLISH.seconds, abs=0.05)


def test_of_spanish_at_most_three_words_in_ten_are_wrong(server: Server) -> None:
    texts = [str(transcribe(server, recording, language="es")["text"]) for recording in SPANISH]
    assert word_error_rate(SPANISH, texts) <= 0.30


def test_each_turn_of_a_bilingual_recording_is_transcribed_in_its_own_language(
    server: Server, media: Media
) -> None:
    """With one language for all of it, the turns in the other one are translated or lost."""
    turns = (*SPANISH, ENGLISH, ENGLISH_SHORT, *SPANISH[1:], ENGLISH)
    inputs = " ".join(f"-i {turn.path}" for turn in turns)
    joined = f"{inputs} -filter_complex concat=n={len(turns)}:v=0:a=1 -ar 16000 -ac 1"
    path = media.ffmpeg(joined, media.folder / "turns.flac")
    seconds = sum(turn.seconds for turn in turns)
    answer = transcribe(server, Recording(path, "", seconds, " ".join(turn.words for turn in turns)))
    assert word_error_rate(turns_joined(turns), [str(answer["text"])]) <= 0.10
    assert set(answer["languages"]) == {"es", "en"}  # type: ignore[call-overload]
    assert "suppressed" not in answer
    segments: list[dict[str, Any]] = answer["segments"]  # type: ignore[assignment]
    start = 0.0
    for turn in turns:
        middle, start = start + turn.seconds / 2, start + turn.seconds
        spoken = next(each["language"] for each in segments if each["end"] > middle)
        assert spoken == turn.language, turn


def turns_joined(turns: tuple[Recording, ...]) -> list[Recording]:
    return [Recording(turns[0].path, "", 0.0, " ".join(turn.words for turn in turns))]


def test_a_job_has_the_same_text_as_a_request(server: Server, english: dict[str, object]) -> None:
    with ENGLISH.path.open("rb") as file:
        accepted = httpx.post(f"{server.url}/transcribe-job", files={"file": file}, timeout=60)
    assert accepted.status_code == 202
    job = wait_for_end(accepted.json()["statusUrl"])
    assert job["status"] == "completed"
    assert job["result"]["text"] == english["text"]  # type: ignore[index]
    wait_until(lambda: files_below(server.data_dir) == [])


def wait_for_end(url: str) -> dict[str, object]:
    for _ in range(40):
        job: dict[str, object] = httpx.get(url, params={"wait": 10}, timeout=60).json()
        if job["status"] in {"completed", "failed", "cancelled"}:
            return job
    raise AssertionError(job)
