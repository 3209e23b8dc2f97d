"""Recordings far past one request of the engine: every word once, at its time, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.api import Api
from tests.coded_speech import WORD_SECONDS, Ear, recorded, when, words_of
from tests.media import Media
from tests.server import Server
from tests.upstream import Upstream

HALF_HOUR = 1800.0
FORMATS = {
    "mp3": "-b:a 48k",
    "m4a": "-b:a 48k -aac_coder fast",
    "ogg": "-c:a libopus -b:a 24k -compression_level 0",
    "webm": "-c:a libopus -b:a 24k -compression_level 0 -live 1",  # as browsers record: no duration, no index
    "flac": "",
    "wav": "-ar 32000",
}
LARGEST = 25 * 1024 * 1024  # what Groq takes


@pytest.fixture(scope="module")
def engine() -> Iterator[Upstream]:
    """Hears what is really in the piece that it is sent."""
    with Upstream(ear=Ear()) as running:
        yield running


@pytest.fixture(scope="module")
def api(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    data = tmp_path_factory.mktemp("long") / "data"
    with Server(data, GROQ_BASE_URL=engine.url, LOG_LEVEL="WARNING") as server:
        yield Api(server.url)


def transcribed(api: Api, path: Path) -> dict[str, Any]:
    job_id = api.accepted(path.read_bytes(), timestamps="segment,word")
    result: dict[str, Any] = api.until(job_id, "completed", within=300)["result"]
    return result


@pytest.mark.parametrize("ending", FORMATS)
def test_half_an_hour_comes_back_word_for_word_and_on_time(
    ending: str, media: Media, api: Api, engine: Upstream
) -> None:
    path = recorded(media, f"long.{ending}", FORMATS[ending], HALF_HOUR)
    said = when(HALF_HOUR)
    before = len(engine.seen)
    result = transcribed(api, path)
    text = words_of(len(said))
    assert [word["word"] for word in result["words"]] == text
    for word, truly in zip(result["words"], said, strict=True):
        assert (word["start"], word["end"]) == pytest.approx((truly, truly + WORD_SECONDS), abs=0.05)
    assert result["text"] == " ".join(text)
    assert result["duration"] == pytest.approx(HALF_HOUR, abs=0.1)
    times = [time for segment in result["segments"] for time in (segment["start"], segment["end"])]
    assert times == sorted(times)
    asked = [seen.form for seen in engine.seen[before:]]
    assert len(asked) == 4
    assert max(form.size_bytes for form in asked) <= LARGEST
    assert [form.value("language") for form in asked] == [None, "en", "en", "en"]
