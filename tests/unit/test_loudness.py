"""Loudness is measured where it is asked for, on the recording's clock, within bounds, decoding little."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.audio.ffmpeg import Ffmpeg
from common.audio.loudness import SILENT, Measured, Stretch, measure, planned
from common.audio.prepare import Prepared, prepare
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


async def ready(media: Media, folder: Path, name: str) -> Prepared:
    path = media.folder / f"loud-{name}"
    if not path.exists():
        media.ffmpeg(f"{SOUND} {CODECS[name]}", path)
    return await prepare(Ffmpeg(), path, await probe(Ffmpeg(), path, max_seconds=60), folder)


@pytest.mark.parametrize("name", CODECS)
async def test_each_moment_is_as_loud_as_it_is(name: str, media: Media, tmp_path: Path) -> None:
    prepared = await ready(media, tmp_path, name)
    loudness = await measure(Ffmpeg(), prepared, [(2, 4), (13, 15), (23, 26), (34, 37)])
    assert loudness(2, 4) == pytest.approx(TONE, abs=1)
    assert (loudness(13, 15) or 0) < -75
    assert loudness(23, 26) == pytest.approx(TONE - 40, abs=3)
    assert (loudness(34, 37) or 0) < TONE - 10  # hum counts for less than it swings
    assert loudness(0, 40) is None
    assert loudness(3, 7) is None
    assert loudness(7, 12) is None
    assert loudness(50, 60) is None


async def test_the_border_between_sound_and_silence_is_where_it_is(media: Media, tmp_path: Path) -> None:
    loudness = await measure(Ffmpeg(), await ready(media, tmp_path, "a.flac"), [(8, 12)])
    assert (loudness(10.2, 12) or 0) < -60
    assert loudness(9.8, 9.9) == pytest.approx(TONE, abs=1)


async def test_a_film_whose_sound_begins_late_keeps_its_clock(media: Media, tmp_path: Path) -> None:
    await ready(media, tmp_path, "a.flac")
    film = media.ffmpeg(
        "-f lavfi -i testsrc=s=32x32:r=5:d=50 -itsoffset 7 -i {loud-a.flac} -c:a aac", tmp_path / "film.mp4"
    )
    prepared = await prepare(Ffmpeg(), film, await probe(Ffmpeg(), film, max_seconds=60), tmp_path)
    loudness = await measure(Ffmpeg(), prepared, [(1, 3), (8, 9), (19, 22)])
    assert loudness(8, 9) == pytest.approx(TONE, abs=1)
    assert (loudness(19, 22) or 0) < -75
    assert loudness(1, 3) is None  # there is nothing yet


async def test_nothing_is_asked_past_the_ends(media: Media, tmp_path: Path) -> None:
    prepared = await ready(media, tmp_path, "a.mp3")
    loudness = await measure(Ffmpeg(), prepared, [(0.1, 2), (39.5, 60), (80, 90), (5, 5)])
    assert loudness(-0.2, 2.3) == pytest.approx(TONE, abs=1)
    assert loudness(39.2, 60.3) is not None
    assert loudness(80, 90) is None


# ── the plan ──────────────────────────────────────────────────────────────────────────────────────


def test_neighbours_are_measured_together() -> None:
    assert planned([(30, 31), (10, 12), (13, 14), (29, 30)], end=100) == [
        pytest.approx((9.7, 14.3)),
        pytest.approx((28.7, 31.3)),
    ]


def test_of_too_many_the_last_are_left_out() -> None:
    spans = [(1000.0 - 10 * i, 1001.0 - 10 * i) for i in range(90)]
    chosen = planned(spans, end=2000)
    assert len(chosen) == 24
    assert chosen[-1] == pytest.approx((999.7, 1001.3))
    assert planned([(0, 500), (600, 601)], end=2000) == [pytest.approx((599.7, 601.3))]


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0, 80)), max_size=60),
    st.floats(1, 500),
)
def test_any_plan_is_in_order_and_within_bounds(lengths: list[tuple[float, float]], end: float) -> None:
    chosen = planned([(start, start + length) for start, length in lengths], end=end)
    assert len(chosen) <= 24
    assert sum(until - start for start, until in chosen) <= 180
    times = [time for span in chosen for time in span]
    assert times == sorted(times)
    assert all(0 <= time <= end for time in times)
    assert all(until > start for start, until in chosen)


def test_a_stretch_tells_only_of_itself() -> None:
    loudness = Measured((Stretch((5.0, 5.3), 5.0, (-30.0, SILENT, -10.0)), Stretch((0, 1), 0, ())), end=9)
    assert loudness(5.15, 5.18) == SILENT
    assert loudness(4.95, 5.05) == -30
    assert loudness(5.15, 5.35) == -10
    assert loudness(5.2, 6) is None
    assert loudness(4, 5.2) is None
    assert loudness(0, 1) is None
