"""Recordings much longer than one request to the engine: every word once, at its time, in every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


# The format that most recordings have is cut more often: the others cost as much to make as to transcribe.
LENGTHS = {"mp3": (1310.0, 4)} | dict.fromkeys(("m4a", "ogg", "webm", "flac", "wav"), (720.0, 3))


@pytest.mark.parametrize("extension", FORMATS)
def test_a_long_recording_is_transcribed_word_for_word_at_the_right_times(
    extension: str, media: Media, api: Api, engine: Upstream
) -> None:
    seconds, pieces = LENGTHS[extension]
    path = speech_file(media, f"long.{extension}", FORMATS[extension], seconds)
    times = word_times(seconds)
    before = len(engine.requests)
    result = transcribe(api, path)
    text = words_of(len(times))
    assert [word["word"] for word in result["words"]] == text
    for word, start in zip(result["words"], times, strict=True):
        assert (word["start"], word["end"]) == pytest.approx((start, start + WORD_SECONDS), abs=0.05)
    assert result["text"] == " ".join(text)
    assert result["duration"] == pytest.approx(seconds, abs=0.1)
    borders = [time for segment in result["segments"] for time in (segment["start"], segment["end"])]
    assert borders == sorted(borders)
    forms = [request.form for request in engine.requests[before:]]
    assert len(forms) == pieces
    assert max(form.size_bytes for form in forms) <= LARGEST
    assert [form.value("language") for form in forms] == [None] * pieces


# ── long recordings of which something could get lost ─────────────────────────────────────────────


def assert_words(result: dict[str, Any], words: list[str], times: list[float]) -> None:
    assert [word["word"] for word in result["words"]] == words
    for word, start in zip(result["words"], times, strict=True):
        assert (word["start"], word["end"]) == pytest.approx((start, start + WORD_SECONDS), abs=0.05)


@pytest.mark.parametrize("options", ["-c:a libopus -b:a 24k -compression_level 0", "-c:a libvorbis -q:a 0"])
def test_chained_recordings_that_are_cut_are_transcribed_to_their_end(
    options: str, media: Media, api: Api
) -> None:
    """Two of seven minutes, of which ffmpeg reads the second with the times of the first."""
    seconds = 420.0
    path = speech_file(media, f"link-{len(options)}.ogg", options, seconds)
    chained = media.folder / f"chained-{len(options)}.ogg"
    chained.write_bytes(path.read_bytes() * 2)
    result = transcribe(api, chained)
    times = word_times(seconds)
    assert_words(result, words_of(len(times)) * 2, times + [start + seconds for start in times])
    assert result["duration"] == pytest.approx(2 * seconds, abs=0.1)
    assert "warnings" not in result


def test_a_gap_of_ten_minutes_loses_no_word_and_shifts_none(media: Media, api: Api) -> None:
    start, end, seconds = 300.0, 900.0, 1200.0
    whole = speech_file(media, "whole.mkv", "-c:a aac -b:a 48k -aac_coder fast", seconds)
    drop = f"noise=drop='between(pts*tb,{start},{end})'"
    holed = media.ffmpeg(f"-i {whole} -c copy -bsf:a {drop}", media.folder / "ten-minutes-missing.mkv")
    path = media.ffmpeg(f"-i {holed} -c copy", media.folder / "ten-minutes-missing.m4a")
    result = transcribe(api, path)
    texts = words_of(len(word_times(seconds)))
    kept = [
        (text, at)
        for text, at in zip(texts, word_times(seconds), strict=True)
        if at + WORD_SECONDS < start - 0.1 or at > end + 0.1
    ]
    found = [(word["word"], word["start"]) for word in result["words"]]
    missing = [(text, at) for text, at in kept if not _is_among(found, text, at)]
    assert missing == []
    assert len(found) <= len(kept) + 2  # half a word on either side
    assert result["duration"] == pytest.approx(seconds, abs=0.1)


def _is_among(found: list[tuple[str, float]], text: str, at: float) -> bool:
    return any(text == word and abs(at - start) <= 0.05 for word, start in found)


# ── long digital silence ──────────────────────────────────────────────────────────────────────────

# Twenty-five minutes in a few kilobytes, but for mp3, whose least bit rate is 8 kbit/s. `n` is the samples of
# a frame: fewer frames are less work.
SILENT = "-f lavfi -i anullsrc=r={}:cl=mono:d=1500:n=65535"
BOMBS = {
    "silent.flac": f"{SILENT.format(8000)} -frame_size 65535",
    "silent.opus": f"{SILENT.format(48000)} -c:a libopus -b:a 6k -compression_level 0 -frame_duration 60",
    "silent.mp3": f"{SILENT.format(8000)} -b:a 8k -compression_level 9",
    "silent-128k.mp3": f"{SILENT.format(44100)} -b:a 128k -compression_level 9",
    "silent.wav": SILENT.format(8000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_long_digital_silence_is_not_sent_to_the_engine(
    name: str, media: Media, api: Api, engine: Upstream
) -> None:
    before = len(engine.requests)
    result = transcribe(api, media.ffmpeg(BOMBS[name], media.folder / name))
    assert len(engine.requests) == before
    assert (result["text"], result.get("words", [])) == ("", [])
    assert result["duration"] == pytest.approx(1500, abs=0.2)
    assert [warning["code"] for warning in result["warnings"]] == ["silence_skipped"]


@pytest.mark.parametrize("name", ["late.flac", "late.opus", "late.mp3"])
def test_speech_after_long_digital_silence_keeps_its_words_and_times(
    name: str, media: Media, api: Api, engine: Upstream
) -> None:
    late, seconds, before = 1300.0, 30.0, len(engine.requests)
    codec = BOMBS[name.replace("late", "silent")].split("n=65535 ")[1]
    speech = speech_file(media, "late.wav", "", seconds)
    path = media.ffmpeg(f"-i {speech} -af adelay={1000 * late:.0f} {codec}", media.folder / name)
    result = transcribe(api, path)
    times = [start + late for start in word_times(seconds)]
    assert [word["word"] for word in result["words"]] == words_of(len(times))
    assert [word["start"] for word in result["words"]] == pytest.approx(times, abs=0.05)
    assert len(engine.requests) == before + 1
    assert [warning["code"] for warning in result["warnings"]] == ["silence_skipped"]


# ── real speech, the real engine ──────────────────────────────────────────────────────────────────

# The seconds of a recording, and the start of each reading in it. In the long one, three readings cross a cut
# (the overlaps start at 447, 895 and 1342, and last ten seconds), each with another part of the text; in the
# short one, one does (305). The engine works through the quiet room too, so the length is what costs.
LONG = (HALF_HOUR, (5.0, 440.0, 880.0, 1340.0, 1770.0))
SHORT = (620.0, (5.0, 298.0, 590.0))
# Three sentences of the recording; in the fourth the engine adds a "thus" or not, by chance.
READ = 21.2  # seconds
SPOKEN = replace(ENGLISH, words=ENGLISH.words.removesuffix(f" {ENGLISH_SHORT.words}"), seconds=READ)


def readings_file(media: Media, extension: str, seconds: float, readings: Sequence[float]) -> Path:
    """The English recording several times, with a quiet room between."""
    path, raw = media.folder / f"read.{extension}", media.folder / "read.raw"
    if not raw.exists():
        track = np.random.default_rng(1).integers(-8, 8, int(seconds * RATE), dtype=np.int16)
        reading = np.frombuffer(pcm(ENGLISH.path, RATE), dtype=np.int16)[: int(READ * RATE)]
        for start in readings:
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
    all_formats = request.config.getoption("--all-formats")
    seconds, readings = LONG if all_formats else SHORT
    for extension in FORMATS if all_formats else ["ogg"]:
        alone = transcribe_alone(embedded, media, extension)
        result = transcribe(embedded, readings_file(media, extension, seconds, readings))
        read = [_text_of_reading(result, start) for start in readings]
        off = [time for start in readings for time in _offsets(result["words"], alone["words"], start)]
        print(extension, f"WER {_wer(read):.2%}, alone {_wer([alone['text']]):.2%}; times", _summary(off))
        assert sum(len(_near(result["words"], start)) for start in readings) == len(result["words"])
        texts, alone_texts, offsets = texts + read, [*alone_texts, alone["text"]], offsets + off
    print(f"all: WER {_wer(texts):.2%}, alone {_wer(alone_texts):.2%}; times", _summary(offsets))
    # One word of a few hundred proves nothing: which words are wrong differs from processor to processor.
    assert _wer(texts) <= _wer(alone_texts) + max(0.003, 1 / (len(texts) * len(SPOKEN.words.split())))
    assert len(offsets) >= 0.97 * len(texts) * len(SPOKEN.words.split())
    # After a pause, the engine itself may time words half a second wrong, alone or not: three of this text,
    # the same in each reading. A piece with a wrong start would shift half of the words of all readings.
    assert sum(time <= 0.1 for time in offsets) >= (0.96 if all_formats else 0.9) * len(offsets)
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
