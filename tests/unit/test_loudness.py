"""Loudness is measured in the spans that are named, on the recording's clock, and only so much of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.audio.ffmpeg import Ffmpeg
from common.audio.loudness import SILENT, LoudnessProfile, SpanLevels, measure_loudness, plan_spans
from common.audio.prepare import PreparedAudio, prepare
from common.audio.probe import probe
from tests.media import Media

# Ten seconds each: a tone, digital silence, the tone forty decibels lower, mains hum.
SOUND = (
    "-f lavfi -i sine=440:r=44100:d=10 -f lavfi -i anullsrc=r=44100:cl=mono:d=10"
    " -f lavfi -i sine=50:r=44100:d=10"
    " -filter_complex [0]asplit[a][b];[b]volume=0.01[q];[a][1][q][2]concat=n=4:v=0:a=1"
)
TONE = -21.1  # dBFS of ffmpeg's sine

CODECS = {
    "a.wav": "-c:a pcm_s16le",
    "a.flac": "-c:a flac",
    "a.mp3": "-b:a 64k",
    "a.m4a": "-b:a 64k",
    "a.ogg": "-c:a libopus -b:a 48k",
    "a.webm": "-c:a libopus -b:a 48k -live 1",
    "vorbis.ogg": "-c:a libvorbis -q:a 4",
}


async def prepare_sound(media: Media, folder: Path, name: str) -> PreparedAudio:
    path = media.folder / f"loud-{name}"
    if not path.exists():
        media.ffmpeg(f"{SOUND} {CODECS[name]}", path)
    return await prepare(Ffmpeg(), path, await probe(Ffmpeg(), path, max_seconds=60), folder)


@pytest.mark.parametrize("name", CODECS)
async def test_each_span_has_its_own_level(name: str, media: Media, tmp_path: Path) -> None:
    prepared = await prepare_sound(media, tmp_path, name)
    loudness = await measure_loudness(Ffmpeg(), prepared, [(2, 4), (13, 15), (23, 26), (34, 37)])
    assert loudness(2, 4) == pytest.approx(TONE, abs=1)
    assert (loudness(13, 15) or 0) < -75
    assert loudness(23, 26) == pytest.approx(TONE - 40, abs=3)
    assert (loudness(34, 37) or 0) < TONE - 10  # the high pass takes most of the hum out
    assert loudness(0, 40) is None
    assert loudness(3, 7) is None
    assert loudness(7, 12) is None
    assert loudness(50, 60) is None


async def test_the_border_between_sound_and_silence_is_found(media: Media, tmp_path: Path) -> None:
    loudness = await measure_loudness(Ffmpeg(), await prepare_sound(media, tmp_path, "a.flac"), [(8, 12)])
    assert (loudness(10.2, 12) or 0) < -60
    assert loudness(9.8, 9.9) == pytest.approx(TONE, abs=1)


async def test_loudness_of_a_film_whose_sound_begins_late_is_on_its_clock(
    media: Media, tmp_path: Path
) -> None:
    await prepare_sound(media, tmp_path, "a.flac")
    film = media.ffmpeg(
        "-f lavfi -i testsrc=s=32x32:r=5:d=50 -itsoffset 7 -i {loud-a.flac} -c:a aac", tmp_path / "film.mp4"
    )
    prepared = await prepare(Ffmpeg(), film, await probe(Ffmpeg(), film, max_seconds=60), tmp_path)
    loudness = await measure_loudness(Ffmpeg(), prepared, [(1, 3), (8, 9), (19, 22)])
    assert loudness(8, 9) == pytest.approx(TONE, abs=1)
    assert (loudness(19, 22) or 0) < -75
    assert loudness(1, 3) is None  # before the sound begins


async def test_spans_are_clipped_to_the_recording(media: Media, tmp_path: Path) -> None:
    prepared = await prepare_sound(media, tmp_path, "a.mp3")
    loudness = await measure_loudness(Ffmpeg(), prepared, [(0.1, 2), (39.5, 60), (80, 90), (5, 5)])
    assert loudness(-0.2, 2.3) == pytest.approx(TONE, abs=1)
    assert loudness(39.2, 60.3) is not None
    assert loudness(80, 90) is None


# ── which spans are measured ──────────────────────────────────────────────────────────────────────


def test_close_spans_are_joined() -> None:
    assert plan_spans([(30, 31), (10, 12), (13, 14), (29, 30)], end=100) == [
        pytest.approx((9.7, 14.3)),
        pytest.approx((28.7, 31.3)),
    ]


def test_of_too_many_spans_the_last_are_left_out() -> None:
    spans = [(1000.0 - 10 * i, 1001.0 - 10 * i) for i in range(90)]
    plan = plan_spans(spans, end=2000)
    assert len(plan) == 24
    assert plan[-1] == pytest.approx((999.7, 1001.3))
    assert plan_spans([(0, 500), (600, 601)], end=2000) == [pytest.approx((599.7, 601.3))]


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0, 80)), max_size=60),
    st.floats(1, 500),
)
def test_any_plan_is_in_order_and_within_bounds(lengths: list[tuple[float, float]], end: float) -> None:
    plan = plan_spans([(start, start + length) for start, length in lengths], end=end)
    assert len(plan) <= 24
    assert sum(until - start for start, until in plan) <= 180
    times = [time for span in plan for time in span]
    assert times == sorted(times)
    assert all(0 <= time <= end for time in times)
    assert all(until > start for start, until in plan)


def test_levels_are_known_only_inside_their_span() -> None:
    loudness = LoudnessProfile(
        (SpanLevels((5.0, 5.3), 5.0, (-30.0, SILENT, -10.0)), SpanLevels((0, 1), 0, ())), end=9
    )
    assert loudness(5.15, 5.18) == SILENT
    assert loudness(4.95, 5.05) == -30
    assert loudness(5.15, 5.35) == -10
    assert loudness(5.2, 6) is None
    assert loudness(4, 5.2) is None
    assert loudness(0, 1) is None
