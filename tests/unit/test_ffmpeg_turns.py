"""A long run of ffmpeg gives way to a short one, and goes on afterwards as if nothing had been."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from common.audio import ffmpeg_turns as module
from common.audio.child import Bounds
from common.audio.ffmpeg import Ffmpeg
from common.audio.ffmpeg_turns import run_for
from common.errors import AudioTooCostly

ENCODE = "-map 0:a:0 -c:a flac -compression_level 12 -f null /dev/null"


def wav_of(path: Path, seconds: int) -> Path:
    """Silence, of which the disk holds nothing."""
    size = seconds * 32_000
    form = struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(44 + size)
    return path


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLICE", 0.2)
    monkeypatch.setattr(module, "_LOOK_EVERY", 0.02)


async def encode(ffmpeg: Ffmpeg, path: Path, client: str, order: list[str], wall: float = 300) -> str:
    run_for(client)
    log = await ffmpeg.run(path, "", ENCODE, bounds=Bounds(cpu=120, wall=wall))
    order.append(client)
    return log


@pytest.mark.usefixtures("eager")
async def test_a_short_run_does_not_wait_for_the_end_of_a_long_one(tmp_path: Path) -> None:
    ffmpeg, order = Ffmpeg(at_once=1), list[str]()
    long, short = wav_of(tmp_path / "long.wav", 4_000), wav_of(tmp_path / "short.wav", 1)
    greedy = asyncio.create_task(encode(ffmpeg, long, "greedy", order))
    await asyncio.sleep(0.3)
    modest = asyncio.create_task(encode(ffmpeg, short, "modest", order))
    await asyncio.gather(greedy, modest)
    assert order == ["modest", "greedy"]


@pytest.mark.usefixtures("eager")
async def test_a_stopped_run_can_be_cancelled_and_leaves_no_process(tmp_path: Path) -> None:
    ffmpeg, order = Ffmpeg(at_once=1), list[str]()
    long = wav_of(tmp_path / "long.wav", 9_000)
    first = asyncio.create_task(encode(ffmpeg, long, "first", order))
    await asyncio.sleep(0.3)
    second = asyncio.create_task(encode(ffmpeg, long, "second", order))
    turns = ffmpeg._turns_here()
    while not turns.stopped:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    for task in (first, second):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert (turns.stopped, turns.places.waiting, turns.places.has_free("")) == (0, 0, True)
    assert await encode(ffmpeg, wav_of(tmp_path / "short.wav", 1), "third", order)


async def test_the_time_of_a_run_still_ends(tmp_path: Path) -> None:
    long = wav_of(tmp_path / "long.wav", 60_000)
    with pytest.raises(AudioTooCostly):
        await encode(Ffmpeg(), long, "a", [], wall=0.3)
