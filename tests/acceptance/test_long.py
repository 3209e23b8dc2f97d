"""Recordings far past one request of the engine: every word once, at its time, whatever the format."""

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
from tests.coded_speech import RATE, WORD_SECONDS, Ear, recorded, when, words_of
from tests.media import Media, pcm
from tests.recordings import ENGLISH, ENGLISH_SHORT, spoken, word_error_rate
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


# ── real speech, the real engine ──────────────────────────────────────────────────────────────────

# When the reader reads, in seconds: three times over a cut (they lie at 447, 895 and 1342, and ten seconds
# on), each time with another part of the text, and elsewhere.
READINGS = (5.0, 440.0, 880.0, 1340.0, 1770.0)
# Three sentences of the recording; the fourth makes the engine hear a "thus" or not, by mere chance.
READ = 21.2  # seconds
SPOKEN = replace(ENGLISH, words=ENGLISH.words.removesuffix(f" {ENGLISH_SHORT.words}"), seconds=READ)


def read_aloud(media: Media, ending: str) -> Path:
    """The English recording again and again, and a quiet room between."""
    path, raw = media.folder / f"read.{ending}", media.folder / "read.raw"
    if not raw.exists():
        track = np.random.default_rng(1).integers(-8, 8, int(HALF_HOUR * RATE), dtype=np.int16)
        reading = np.frombuffer(pcm(ENGLISH.path, RATE), dtype=np.int16)[: int(READ * RATE)]
        for start in READINGS:
            track[int(start * RATE) :][: len(reading)] += reading
        raw.write_bytes(track.tobytes())
    return media.ffmpeg(f"-f s16le -ar {RATE} -ac 1 -i {raw} {FORMATS[ending]}", path)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with Server(tmp_path_factory.mktemp("read") / "data", LOG_LEVEL="WARNING") as server:
        yield Api(server.url)


def alone(embedded: Api, media: Media, ending: str) -> dict[str, Any]:
    """What the engine hears of one reading by itself, in the same format."""
    path = media.ffmpeg(
        f"-t {READ} -i {ENGLISH.path} -ar {RATE} -ac 1 {FORMATS[ending]}", media.folder / f"alone.{ending}"
    )
    fields = {"timestamps": "segment,word"}
    files = {"file": path.read_bytes()}
    answer = httpx.post(f"{embedded.url}/transcribe", files=files, data=fields, timeout=300)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_split_and_merged_the_engine_hears_as_well_as_alone_and_as_punctually(
    request: pytest.FixtureRequest, media: Media, embedded: Api
) -> None:
    """In Opus, or with --all-formats in each: the engine slips here and there, so the more the better."""
    texts, parts, apart = list[str](), list[str](), list[float]()
    for ending in FORMATS if request.config.getoption("--all-formats") else ["ogg"]:
        part = alone(embedded, media, ending)
        result = transcribed(embedded, read_aloud(media, ending))
        read = [_read(result, start) for start in READINGS]
        off = [time for start in READINGS for time in _apart(result["words"], part["words"], start)]
        print(ending, f"WER {_wer(read):.2%}, alone {_wer([part['text']]):.2%}; word times", _shown(off))
        assert sum(len(_near(result["words"], start)) for start in READINGS) == len(result["words"])
        texts, parts, apart = texts + read, [*parts, part["text"]], apart + off
    print(f"all: WER {_wer(texts):.2%}, alone {_wer(parts):.2%}; word times", _shown(apart))
    # One word of a few hundred is nothing to go by: what slips differs from processor to processor.
    assert _wer(texts) <= _wer(parts) + max(0.003, 1 / (len(texts) * len(SPOKEN.words.split())))
    assert len(apart) >= 0.97 * len(texts) * len(SPOKEN.words.split())
    # Where a word begins after a pause, the engine itself may be half a second off, alone or not.
    assert sum(time <= 0.1 for time in apart) >= 0.96 * len(apart)
    assert sorted(apart)[len(apart) // 2] <= 0.03


def _wer(texts: list[str]) -> float:
    return word_error_rate([SPOKEN] * len(texts), texts)


def _read(result: dict[str, Any], start: float) -> str:
    """What was heard of one reading."""
    return " ".join(word["word"] for word in _near(result["words"], start))


def _near(words: list[dict[str, Any]], start: float) -> list[dict[str, Any]]:
    return [word for word in words if start - 1 < word["start"] < start + 26]


def _apart(words: list[dict[str, Any]], alone: list[dict[str, Any]], start: float) -> Iterator[float]:
    """How far each word of a reading is from its place, in seconds, the farther of its two ends."""
    near = _near(words, start)
    heard, known = ([spoken(word["word"]) for word in each] for each in (near, alone))
    for i, j, size in SequenceMatcher(None, heard, known, autojunk=False).get_matching_blocks():
        for one, other in zip(near[i : i + size], alone[j : j + size], strict=True):
            yield max(abs(one[end] - start - other[end]) for end in ("start", "end"))


def _shown(apart: list[float]) -> str:
    share = {limit: sum(time <= limit for time in apart) / len(apart) for limit in (0.05, 0.1)}
    within = ", ".join(f"{part:.1%} within {limit} s" for limit, part in share.items())
    return f"{within}, of {len(apart)}"
