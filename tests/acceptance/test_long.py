"""Recordings much longer than one request to the engine: every word once, at its time, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.acceptance.api import Api
from tests.coded_speech import RATE, WORD_SECONDS, ToneRecogniser, speech_file, word_times, words_of
from tests.media import Media, pcm
from tests.recordings import ENGLISH, ENGLISH_SHORT, normalise, word_error_rate
from tests.server import Server
from tests.upstream import Upstream

HALF_HOUR = 1800.0
FORMATS = {
    "mp3": "-b:a 48k",
    "m4a": "-b:a 48k -aac_coder fast",
    "ogg": "-c:a libopus -b:a 24k -compression_level 0",
    "webm": "-c:a libopus -b:a 24k -compression_level 0 -live 1",  # as browsers do: no duration, no index
    "flac": "",
    "wav": "-ar 32000",
}
LARGEST = 25 * 1024 * 1024  # what Groq takes


@pytest.fixture(scope="module")
def engine() -> Iterator[Upstream]:
    """Decodes the words that are really in the piece."""
    with Upstream(recognise=ToneRecogniser()) as running:
        yield running


@pytest.fixture(scope="module")
def api(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    data = tmp_path_factory.mktemp("long") / "data"
    with Server(data, GROQ_BASE_URL=engine.url, LOG_LEVEL="WARNING") as server:
        yield Api(server.url)


def transcribe(api: Api, path: Path) -> dict[str, Any]:
    job_id = api.accepted(path.read_bytes(), timestamps="segment,word")
    result: dict[str, Any] = api.until(job_id, "completed", within=300)["result"]
    return result


@pytest.mark.parametrize("extension", FORMATS)
def test_half_an_hour_is_transcribed_word_for_word_at_the_right_times(
    extension: str, media: Media, api: Api, engine: Upstream
) -> None:
    path = speech_file(media, f"long.{extension}", FORMATS[extension], HALF_HOUR)
    times = word_times(HALF_HOUR)
    before = len(engine.requests)
    result = transcribe(api, path)
    text = words_of(len(times))
    assert [word["word"] for word in result["words"]] == text
    for word, start in zip(result["words"], times, strict=True):
        assert (word["start"], word["end"]) == pytest.approx((start, start + WORD_SECONDS), abs=0.05)
    assert result["text"] == " ".join(text)
    assert result["duration"] == pytest.approx(HALF_HOUR, abs=0.1)
    borders = [time for segment in result["segments"] for time in (segment["start"], segment["end"])]
    assert borders == sorted(borders)
    forms = [request.form for request in engine.requests[before:]]
    assert len(forms) == 4
    assert max(form.size_bytes for form in forms) <= LARGEST
    assert [form.value("language") for form in forms] == [None, "en", "en", "en"]


# ── real speech, the real engine ──────────────────────────────────────────────────────────────────

# The start of each reading, in seconds. Three cross a cut (the overlaps start at 447, 895 and 1342, and last
# ten seconds), each with another part of the text.
READINGS = (5.0, 440.0, 880.0, 1340.0, 1770.0)
# Three sentences of the recording; in the fourth the engine adds a "thus" or not, by chance.
READ = 21.2  # seconds
SPOKEN = replace(ENGLISH, words=ENGLISH.words.removesuffix(f" {ENGLISH_SHORT.words}"), seconds=READ)


def readings_file(media: Media, extension: str) -> Path:
    """The English recording several times, with a quiet room between."""
    path, raw = media.folder / f"read.{extension}", media.folder / "read.raw"
    if not raw.exists():
        track = np.random.default_rng(1).integers(-8, 8, int(HALF_HOUR * RATE), dtype=np.int16)
        reading = np.frombuffer(pcm(ENGLISH.path, RATE), dtype=np.int16)[: int(READ * RATE)]
        for start in READINGS:
            track[int(start * RATE) :][: len(reading)] += reading
        raw.write_bytes(track.tobytes())
    return media.ffmpeg(f"-f s16le -ar {RATE} -ac 1 -i {raw} {FORMATS[extension]}", path)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with Server(tmp_path_factory.mktemp("read") / "data", LOG_LEVEL="WARNING") as server:
        yield Api(server.url)


def transcribe_alone(embedded: Api, media: Media, extension: str) -> dict[str, Any]:
    """The transcript of one reading by itself, in the same format."""
    path = media.ffmpeg(
        f"-t {READ} -i {ENGLISH.path} -ar {RATE} -ac 1 {FORMATS[extension]}",
        media.folder / f"alone.{extension}",
    )
    fields = {"timestamps": "segment,word"}
    files = {"file": path.read_bytes()}
    answer = httpx.post(f"{embedded.url}/transcribe", files=files, data=fields, timeout=300)
    assert answer.status_code == 200, answer.text
    transcript: dict[str, Any] = answer.json()
    return transcript


def test_readings_in_a_long_recording_are_transcribed_as_well_and_as_punctually_as_alone(
    request: pytest.FixtureRequest, media: Media, embedded: Api
) -> None:
    """In Opus, or with --all-formats in all: the engine errs by chance, so more readings say more."""
    texts, alone_texts, offsets = list[str](), list[str](), list[float]()
    for extension in FORMATS if request.config.getoption("--all-formats") else ["ogg"]:
        alone = transcribe_alone(embedded, media, extension)
        result = transcribe(embedded, readings_file(media, extension))
        read = [_text_of_reading(result, start) for start in READINGS]
        off = [time for start in READINGS for time in _offsets(result["words"], alone["words"], start)]
        print(extension, f"WER {_wer(read):.2%}, alone {_wer([alone['text']]):.2%}; times", _summary(off))
        assert sum(len(_near(result["words"], start)) for start in READINGS) == len(result["words"])
        texts, alone_texts, offsets = texts + read, [*alone_texts, alone["text"]], offsets + off
    print(f"all: WER {_wer(texts):.2%}, alone {_wer(alone_texts):.2%}; times", _summary(offsets))
    # One word of a few hundred proves nothing: which words are wrong differs from processor to processor.
    assert _wer(texts) <= _wer(alone_texts) + max(0.003, 1 / (len(texts) * len(SPOKEN.words.split())))
    assert len(offsets) >= 0.97 * len(texts) * len(SPOKEN.words.split())
    # After a pause, the engine itself may time a word half a second wrong, alone or not.
    assert sum(time <= 0.1 for time in offsets) >= 0.96 * len(offsets)
    assert sorted(offsets)[len(offsets) // 2] <= 0.03


def _wer(texts: list[str]) -> float:
    return word_error_rate([SPOKEN] * len(texts), texts)


def _text_of_reading(result: dict[str, Any], start: float) -> str:
    return " ".join(word["word"] for word in _near(result["words"], start))


def _near(words: list[dict[str, Any]], start: float) -> list[dict[str, Any]]:
    return [word for word in words if start - 1 < word["start"] < start + 26]


def _offsets(words: list[dict[str, Any]], alone: list[dict[str, Any]], start: float) -> Iterator[float]:
    """How far each word of a reading is from its time alone, in seconds; of its start and end the larger."""
    near = _near(words, start)
    here, there = ([normalise(word["word"]) for word in side] for side in (near, alone))
    for i, j, size in SequenceMatcher(None, here, there, autojunk=False).get_matching_blocks():
        for word, same in zip(near[i : i + size], alone[j : j + size], strict=True):
            yield max(abs(word[end] - start - same[end]) for end in ("start", "end"))


def _summary(offsets: list[float]) -> str:
    shares = {limit: sum(time <= limit for time in offsets) / len(offsets) for limit in (0.05, 0.1)}
    within = ", ".join(f"{share:.1%} within {limit} s" for limit, share in shares.items())
    return f"{within}, of {len(offsets)}"
