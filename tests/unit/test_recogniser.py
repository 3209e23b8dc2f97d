"""The recogniser transcribes real recordings, one at a time, and stops when nobody waits."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import jiwer
import pytest

from common.errors import AudioTooLong, AudioUnreadable, EngineMissing
from common.local.whisper.recogniser import Recogniser, RecognitionCancelled
from common.local.whisper.recognition import DecodingOptions, RecognitionResult
from tests.media import Media
from tests.recordings import ENGLISH, ENGLISH_SHORT, normalise, spanish_short, word_error_rate


@pytest.fixture(scope="module")
def recogniser(pytestconfig: pytest.Config) -> Iterator[Recogniser]:
    """With one thread: two take a third more CPU for the same text."""
    assert pytestconfig.cache is not None
    recogniser = Recogniser(pytestconfig.cache.mkdir("models"), threads=1)
    yield recogniser
    recogniser.close()


# When which words begin: the second after a pause, the third in another section.
SPOKEN = {0.0: ENGLISH_SHORT.words, 8.0: "he was not an ill disposed young man", 408.0: ENGLISH_SHORT.words}


@pytest.fixture(scope="module")
def spoken(recogniser: Recogniser, media: Media) -> RecognitionResult:
    """SPOKEN and silence between, with word times; no language is named."""
    path = media.ffmpeg(
        f"-i {ENGLISH_SHORT.path} -ss 7.2 -t 2.8 -i {ENGLISH.path} -i {ENGLISH_SHORT.path} -filter_complex "
        "[0]apad=whole_dur=8[a];[1]apad=whole_dur=400[b];[a][b][2]concat=n=3:v=0:a=1",
        media.folder / "spoken.flac",
    )
    return asyncio.run(recogniser.recognise(path.open("rb"), DecodingOptions(words=True)))


def test_words_are_in_order_within_their_segments(spoken: RecognitionResult) -> None:
    words = [word for segment in spoken.segments for word in segment.words]
    assert normalise("".join(word.word for word in words)) == normalise(spoken.text)
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    for at, text in SPOKEN.items():
        near = [word.word for word in words if at - 0.5 <= word.start <= word.end <= at + 4]
        assert jiwer.wer(text, normalise("".join(near))) <= 0.15


@pytest.mark.parametrize(
    "sound", ["anullsrc=r=16000:d=20", "anoisesrc=r=16000:d=20:a=0.1:seed=3", "sine=440:d=20"]
)
async def test_where_nobody_speaks_there_is_no_text(
    recogniser: Recogniser, media: Media, tmp_path: Path, sound: str
) -> None:
    path = media.ffmpeg(f"-f lavfi -i {sound}", tmp_path / "nobody.flac")
    result = await recogniser.recognise(path.open("rb"), DecodingOptions())
    assert (result.text, result.segments, result.language) == ("", (), None)
    assert result.duration == pytest.approx(20.0, abs=0.01)


def test_speech_after_a_long_silence_has_its_time_and_the_language_detected_before(
    spoken: RecognitionResult,
) -> None:
    last = spoken.segments[-1]
    assert word_error_rate([ENGLISH_SHORT], [last.text]) <= 0.15
    assert last.start == pytest.approx(408, abs=1.0)
    assert [segment.id for segment in spoken.segments] == list(range(len(spoken.segments)))
    assert last.seek > 30_000
    assert spoken.language == "en"


@pytest.mark.parametrize(
    ("language", "prompt"),
    # Without the prompt, no temperature makes Cantonese of it that looks right.
    [pytest.param("yue", "以下是普通話。He might", id="yue"), pytest.param("jv", None, id="jv")],
)
async def test_a_language_with_another_name_in_the_model_is_accepted(
    recogniser: Recogniser, language: str, prompt: str | None
) -> None:
    options = DecodingOptions(language=language, prompt=prompt)
    result = await recogniser.recognise(ENGLISH_SHORT.path.open("rb"), options)
    assert result.language == language
    assert result.segments


async def test_a_prompt_and_a_temperature_reach_the_model(recogniser: Recogniser) -> None:
    plain, prompted = [
        await recogniser.recognise(
            ENGLISH_SHORT.path.open("rb"), DecodingOptions(language="en", prompt=prompt)
        )
        for prompt in (None, "Marianne, Elinor and Willoughby")
    ]
    assert prompted.segments[0].avg_logprob != plain.segments[0].avg_logprob
    options = DecodingOptions(language="en", temperature=0.2)
    result = await recogniser.recognise(ENGLISH_SHORT.path.open("rb"), options)
    assert {segment.temperature for segment in result.segments} == {0.2}


async def test_a_recording_is_closed_whatever_happens(recogniser: Recogniser, media: Media) -> None:
    good, bad = media("s16.wav").open("rb"), io.BytesIO(b"no recording" * 100)
    await recogniser.recognise(good, DecodingOptions(language="en"))
    with pytest.raises(AudioUnreadable):
        await recogniser.recognise(bad, DecodingOptions())
    await asyncio.sleep(0)
    assert good.closed
    assert bad.closed


async def test_recordings_go_one_by_one_and_do_not_block_the_event_loop(
    recogniser: Recogniser, media: Media
) -> None:
    files = [recording.path.open("rb") for recording in (ENGLISH_SHORT, spanish_short(media))]
    work = asyncio.gather(*(recogniser.recognise(file, DecodingOptions()) for file in files))
    turns = 0
    while not work.done():
        await asyncio.sleep(0.01)
        turns += 1
    results = await work
    assert [each.language for each in results] == ["en", "es"]
    assert turns > 20


def test_work_ends_at_the_next_segment_once_it_is_cancelled(recogniser: Recogniser) -> None:
    cancelled = threading.Event()
    cancelled.set()
    work = recogniser._submit(ENGLISH.path.open("rb"), DecodingOptions(), cancelled)
    assert isinstance(work.exception(timeout=60), RecognitionCancelled)


async def test_a_cancelled_recording_frees_the_recogniser_for_the_next(recogniser: Recogniser) -> None:
    first, second = ENGLISH.path.open("rb"), ENGLISH.path.open("rb")
    tasks = [asyncio.create_task(recogniser.recognise(file, DecodingOptions())) for file in (first, second)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError)
        for end in await asyncio.gather(*tasks, return_exceptions=True)
    )
    result = await recogniser.recognise(ENGLISH_SHORT.path.open("rb"), DecodingOptions(language="en"))
    assert result.segments
    assert first.closed
    assert second.closed


async def test_a_recording_that_is_too_long_is_refused_before_the_model_is_loaded(
    pytestconfig: pytest.Config,
) -> None:
    recogniser = Recogniser(Path("/nonexistent"), longest=20.0)  # no weights, and none are needed
    with pytest.raises(AudioTooLong):
        await recogniser.recognise(ENGLISH.path.open("rb"), DecodingOptions())
    recogniser.close()


async def test_a_closed_recogniser_accepts_no_more(tmp_path: Path) -> None:
    recogniser = Recogniser(tmp_path)
    recogniser.close()
    file = ENGLISH_SHORT.path.open("rb")
    with pytest.raises(RecognitionCancelled):
        await recogniser.recognise(file, DecodingOptions())
    assert file.closed


async def test_closing_ends_the_current_recording(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    recogniser = Recogniser(tmp_path)
    recogniser._closing.set()
    with pytest.raises(RecognitionCancelled):
        await recogniser.recognise(ENGLISH.path.open("rb"), DecodingOptions())
    recogniser.close()


async def test_without_the_library_the_engine_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    recogniser = Recogniser(tmp_path)
    with pytest.raises(EngineMissing):
        await recogniser.recognise(ENGLISH_SHORT.path.open("rb"), DecodingOptions())
    recogniser.close()
