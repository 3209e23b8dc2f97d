from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import AudioTooLong, AudioUnreadable, EngineMissing
from common.local.whisper.recogniser import DecodingOptions, Recogniser, Stopped
from tests.media import Media
from tests.recordings import ENGLISH, ENGLISH_SHORT, SPANISH, normalise, word_error_rate


@pytest.fixture(scope="module")
def recogniser(pytestconfig: pytest.Config) -> Iterator[Recogniser]:
    assert pytestconfig.cache is not None
    recogniser = Recogniser(pytestconfig.cache.mkdir("models"))
    yield recogniser
    recogniser.close()


async def test_words_come_in_order_within_their_segments(recogniser: Recogniser) -> None:
    recognised = await recogniser.recognise(ENGLISH.path.open("rb"), DecodingOptions(words=True))
    assert word_error_rate([ENGLISH], [recognised.text]) <= 0.05
    words = [word for segment in recognised.segments for word in segment.words]
    assert normalise("".join(word.word for word in words)) == normalise(recognised.text)
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0.0 <= times[0] <= times[-1] <= ENGLISH.seconds


@pytest.mark.parametrize(
    "sound", ["anullsrc=r=16000:d=20", "anoisesrc=r=16000:d=20:a=0.1:seed=3", "sine=440:d=20"]
)
async def test_where_nobody_speaks_nothing_is_heard(
    recogniser: Recogniser, media: Media, tmp_path: Path, sound: str
) -> None:
    path = media.ffmpeg(f"-f lavfi -i {sound}", tmp_path / "nobody.flac")
    recognised = await recogniser.recognise(path.open("rb"), DecodingOptions())
    assert (recognised.text, recognised.segments, recognised.language) == ("", (), None)
    assert recognised.duration == pytest.approx(20.0, abs=0.01)


async def test_what_is_said_late_is_heard_at_its_time_in_the_language_found_before(
    recogniser: Recogniser, media: Media, tmp_path: Path
) -> None:
    silence = f"-f lavfi -i anullsrc=r=16000:cl=mono:d=400 -i {ENGLISH_SHORT.path}"
    path = media.ffmpeg(f"{silence} -filter_complex [1][0][1]concat=n=3:v=0:a=1", tmp_path / "late.flac")
    recognised = await recogniser.recognise(path.open("rb"), DecodingOptions())
    first, last = recognised.segments[0], recognised.segments[-1]
    assert word_error_rate([ENGLISH_SHORT] * 2, [first.text, last.text]) <= 0.15
    assert first.end <= 4.0
    assert last.start == pytest.approx(400 + ENGLISH_SHORT.seconds, abs=1.0)
    assert [segment.id for segment in recognised.segments] == list(range(len(recognised.segments)))
    assert last.seek > 30_000
    assert recognised.language == "en"


@pytest.mark.parametrize("language", ["yue", "jv"])
async def test_a_language_that_the_model_names_otherwise_is_no_failure(
    recogniser: Recogniser, language: str
) -> None:
    recognised = await recogniser.recognise(ENGLISH_SHORT.path.open("rb"), DecodingOptions(language=language))
    assert recognised.language == language
    assert recognised.segments


async def test_a_prompt_and_a_temperature_reach_the_model(recogniser: Recogniser) -> None:
    plain, prompted = [
        await recogniser.recognise(
            ENGLISH_SHORT.path.open("rb"), DecodingOptions(language="en", prompt=prompt)
        )
        for prompt in (None, "Marianne, Elinor and Willoughby")
    ]
    assert prompted.segments[0].avg_logprob != plain.segments[0].avg_logprob
    warm = DecodingOptions(language="en", temperature=0.2)
    recognised = await recogniser.recognise(ENGLISH_SHORT.path.open("rb"), warm)
    assert {segment.temperature for segment in recognised.segments} == {0.2}


async def test_a_recording_is_closed_whatever_happens(recogniser: Recogniser) -> None:
    good, bad = ENGLISH_SHORT.path.open("rb"), io.BytesIO(b"no recording" * 100)
    await recogniser.recognise(good, DecodingOptions(language="en"))
    with pytest.raises(AudioUnreadable):
        await recogniser.recognise(bad, DecodingOptions())
    await asyncio.sleep(0)
    assert good.closed
    assert bad.closed


async def test_recordings_wait_for_each_other_and_the_loop_goes_on(recogniser: Recogniser) -> None:
    files = [recording.path.open("rb") for recording in (ENGLISH_SHORT, SPANISH[3], SPANISH[2])]
    hearing = asyncio.gather(*(recogniser.recognise(file, DecodingOptions()) for file in files))
    turns = 0
    while not hearing.done():
        await asyncio.sleep(0.01)
        turns += 1
    recognised = await hearing
    assert [one.language for one in recognised] == ["en", "es", "es"]
    assert turns > 20


def test_work_ends_at_the_next_segment_once_nobody_waits(recogniser: Recogniser) -> None:
    unwanted = threading.Event()
    unwanted.set()
    work = recogniser._submit(ENGLISH.path.open("rb"), DecodingOptions(), unwanted)
    assert isinstance(work.exception(timeout=60), Stopped)


async def test_a_cancelled_recording_leaves_its_place_to_the_next(recogniser: Recogniser) -> None:
    first, second = ENGLISH.path.open("rb"), ENGLISH.path.open("rb")
    hearing = [asyncio.create_task(recogniser.recognise(file, DecodingOptions())) for file in (first, second)]
    await asyncio.sleep(0)
    for task in hearing:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError)
        for end in await asyncio.gather(*hearing, return_exceptions=True)
    )
    recognised = await recogniser.recognise(ENGLISH_SHORT.path.open("rb"), DecodingOptions(language="en"))
    assert recognised.segments
    assert first.closed
    assert second.closed


async def test_a_recording_beyond_the_limit_is_refused_before_it_is_heard(
    pytestconfig: pytest.Config,
) -> None:
    recogniser = Recogniser(Path("/nonexistent"), longest=20.0)  # no weights: none may be needed
    with pytest.raises(AudioTooLong):
        await recogniser.recognise(ENGLISH.path.open("rb"), DecodingOptions())
    recogniser.close()


async def test_a_closed_recogniser_takes_no_more(tmp_path: Path) -> None:
    recogniser = Recogniser(tmp_path)
    recogniser.close()
    file = ENGLISH_SHORT.path.open("rb")
    with pytest.raises(Stopped):
        await recogniser.recognise(file, DecodingOptions())
    assert file.closed


async def test_closing_ends_what_is_in_hand(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    recogniser = Recogniser(tmp_path)
    recogniser._closing.set()
    with pytest.raises(Stopped):
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
