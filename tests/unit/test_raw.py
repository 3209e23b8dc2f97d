"""A headerless recording gets a header; its length follows from its size."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.audio.probe import probe
from common.audio.raw import add_header, parse_raw_format
from common.errors import AudioTooLong

SIZE = 33 * 1000


@pytest.mark.parametrize(
    "text", ["mulaw", "alaw;rate=11025", "s16le;channels=2;rate=8000", "slin", "g722", "gsm"]
)
async def test_the_length_that_the_size_gives_is_the_one_that_ffmpeg_reads(text: str, tmp_path: Path) -> None:
    source = tmp_path / "call"
    source.write_bytes(bytes(SIZE))
    raw = parse_raw_format(text)
    assert raw
    seconds = raw.seconds(SIZE)
    path = await add_header(Ffmpeg(), source, raw, tmp_path, max_seconds=seconds)
    assert (await probe(Ffmpeg(), path, max_seconds=3600)).duration == pytest.approx(seconds, abs=0.001)
    with pytest.raises(AudioTooLong):
        await add_header(Ffmpeg(), source, raw, tmp_path, max_seconds=seconds - 0.01)
