"""A file dialog offers what the server reads."""

from __future__ import annotations

import pytest

from common.audio.extensions import EXTENSIONS
from common.audio.ffmpeg import Ffmpeg
from common.audio.probe import probe
from tests.media import GOOD, SECONDS, Media

_TONE = f"-f lavfi -i sine=440:d={SECONDS}"
_OPTIONS = {
    "3g2": "-c:a aac",
    "dts": "-c:a dca -strict -2 -ar 48000",
    "m4b": "-f ipod",
    "m4v": "-c:a aac -f mp4",
    "mts": "-f mpegts",
    "m2ts": "-f mpegts",
    "weba": "-c:a libopus -f webm",
    "ts": "-f mpegts",
}
_ELSEWHERE = {name.rpartition(".")[2] for name in GOOD}


@pytest.mark.parametrize("extension", [name for name in EXTENSIONS if name not in _ELSEWHERE])
async def test_a_recording_with_each_extension_is_read(extension: str, media: Media) -> None:
    options = f"{_TONE} -ac 2 {_OPTIONS.get(extension, '')}"
    path = media.ffmpeg(options, media.folder / f"extension.{extension}")
    found = await probe(Ffmpeg(), path, max_seconds=3600)
    assert found.duration == pytest.approx(SECONDS, abs=0.2)


def test_every_kind_that_other_tests_read_is_offered() -> None:
    assert set(EXTENSIONS) >= _ELSEWHERE
