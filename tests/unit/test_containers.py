"""Containers beside the usual ones: their words are all there, and broken ones cost little."""

from __future__ import annotations

import os
import resource
import struct
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
import pytest

from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import PreparedAudio, prepare
from common.audio.probe import probe
from common.errors import AudioRefused
from tests.coded_speech import WORD_SECONDS, decode, speech, speech_file, word_times
from tests.media import Media

SECONDS = 12.0
DSF_SECONDS = 4.0
_FILM = f"-f lavfi -i testsrc=s=64x64:r=25:d={SECONDS} -map 0:a -map 1:v -pix_fmt yuv420p"

CONTAINERS = {
    "broadcast.ts": f"{_FILM} -c:v libx264 -ar 48000 -c:a aac",
    "radio.ts": "-c:a mp2",
    "latm.ts": "-ar 48000 -c:a aac -mpegts_flags latm",
    "camera.mts": f"{_FILM} -c:v libx264 -c:a ac3 -f mpegts -mpegts_m2ts_mode 1",
    "stream.flv": f"{_FILM} -c:v flv -ar 44100 -c:a aac",
    "old.flv": "-ar 22050 -c:a libmp3lame",
    "older.flv": "-ar 22050 -c:a adpcm_swf",
    "film.avi": f"{_FILM} -c:v mpeg4 -c:a libmp3lame",
    "pcm.avi": f"{_FILM} -c:v mpeg4 -c:a pcm_s16le",
    "dvd.mpg": f"{_FILM} -c:v mpeg2video -ar 48000 -c:a mp2",
    "dvd.vob": f"{_FILM} -c:v mpeg2video -ar 48000 -c:a ac3",
    "dolby.ac3": "-ar 48000",
    "dolby.eac3": "-ar 48000",
    "cinema.dts": "-ar 48000 -c:a dca -strict -2",
    "lossless.wv": "",
    "lossless.tta": "",
    "phone.3gp": "-ac 1 -c:a aac",
    "ima.wav": "-c:a adpcm_ima_wav",
    "ms.wav": "-c:a adpcm_ms",
    "alaw.wav": "-ar 8000 -c:a pcm_alaw",
    "g722.wav": "-c:a g722",
    "g726.wav": "-ar 8000 -c:a g726",
}


def container(media: Media, name: str) -> Path:
    options = CONTAINERS[name]
    return speech_file(media, f"container-{name}", f"{options}".strip(), SECONDS)


async def prepare_file(path: Path, folder: Path) -> PreparedAudio:
    source = await probe(Ffmpeg(), path, max_seconds=3600)
    return await prepare(Ffmpeg(), path, source, folder)


def check_words(prepared: PreparedAudio, seconds: float) -> None:
    words, _ = decode(prepared.path)
    assert [word.number for word in words] == list(range(len(word_times(seconds))))
    for word, start in zip(words, word_times(seconds), strict=True):
        assert prepared.start + word.start == pytest.approx(start, abs=0.06)
        assert prepared.start + word.end == pytest.approx(start + WORD_SECONDS, abs=0.06)
    assert prepared.start + prepared.duration == pytest.approx(seconds, abs=0.15)


@pytest.mark.parametrize("name", CONTAINERS)
async def test_every_word_of_a_recording_in_another_container_is_at_its_time(
    name: str, media: Media, tmp_path: Path
) -> None:
    check_words(await prepare_file(container(media, name), tmp_path), SECONDS)


# ── DSF, which ffmpeg cannot write ────────────────────────────────────────────────────────────────

_DSD_RATE = 2_822_400
_DSD_BLOCK = 4096


def dsf(seconds: float) -> bytes:
    """Coded speech as DSD64 (Sony's DSF file format specification 1.01)."""
    track = speech(seconds).astype(np.float64)
    clock = np.arange(int(seconds * _DSD_RATE)) / _DSD_RATE
    level = 0.5 + np.interp(clock, np.arange(len(track)) / 16_000, track) / 65_536
    bits = np.diff(np.floor(np.cumsum(level)), prepend=0).astype(np.uint8)  # a first-order modulator
    data = np.packbits(bits, bitorder="little").tobytes()
    data += b"\x69" * (-len(data) % _DSD_BLOCK)
    header = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, _DSD_RATE, 1, len(bits), _DSD_BLOCK, 0)
    body = header + struct.pack("<4sQ", b"data", 12 + len(data)) + data
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(body), 0) + body


async def test_every_word_of_a_dsf_file_is_at_its_time(tmp_path: Path) -> None:
    path = tmp_path / "studio.dsf"
    path.write_bytes(dsf(DSF_SECONDS))
    check_words(await prepare_file(path, tmp_path), DSF_SECONDS)


# ── hostile ───────────────────────────────────────────────────────────────────────────────────────


def damage(whole: bytes, kind: str) -> bytes:
    noise = Random(1).randbytes(len(whole))
    third = len(whole) // 3
    return {
        "cut": whole[: 2 * third],
        "noise midway": whole[:third] + noise[third : 2 * third] + whole[2 * third :],
        "noise after the header": whole[:256] + noise[256:],
        "many lengths of 255": whole[:2048].replace(b"\0", b"\xff") + whole[2048:],
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "noise midway", "noise after the header", "many lengths of 255"])
@pytest.mark.parametrize("name", CONTAINERS)
async def test_a_damaged_file_is_read_or_refused_at_little_cost(
    name: str, kind: str, media: Media, tmp_path: Path
) -> None:
    path = tmp_path / f"damaged{Path(name).suffix}"
    path.write_bytes(damage(container(media, name).read_bytes(), kind))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with suppress(AudioRefused):
        assert (await prepare_file(path, tmp_path)).duration < 3600
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3
    assert {left.name for left in tmp_path.iterdir()} <= {
        path.name,
        "prepared.flac",
        "prepared.m4a",
        "prepared.mp3",
        "prepared.mpga",
    }


def avi_with_subtitles(subtitles: bytes) -> bytes:
    """An avi of one stream of embedded subtitles (GAB2): ffmpeg opens those as a file of their own."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    def tree(kind: bytes, *inside: bytes) -> bytes:
        return chunk(b"LIST", kind + b"".join(inside))

    text = b"GAB2\0" + struct.pack("<HI", 2, 2) + b"a\0" + struct.pack("<HI", 4, len(subtitles)) + subtitles
    main = chunk(b"avih", struct.pack("<14I", 40_000, 0, 0, 0x10, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0))
    sound = struct.pack("<4s4sIHHIIIIIIII8x", b"auds", b"\0\0\0\0", 0, 0, 0, 0, 1, 8000, 0, 8000, 0, 0, 1)
    format_ = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    subtitle = struct.pack("<4s4sIHHIIIIIIII8x", b"txts", b"\0\0\0\0", 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0)
    streams = tree(b"strl", chunk(b"strh", sound), chunk(b"strf", format_)) + tree(
        b"strl", chunk(b"strh", subtitle), chunk(b"strf", b"")
    )
    movie = tree(b"movi", chunk(b"01tx", text), chunk(b"00wb", b"\x80" * 8000))
    return chunk(b"RIFF", b"AVI " + tree(b"hdrl", main, streams) + movie)


@pytest.mark.parametrize(
    "script", ["#EXTM3U\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile '{}'\n"]
)
async def test_a_playlist_as_the_subtitles_of_an_avi_opens_no_other_file(script: str, tmp_path: Path) -> None:
    """A process that opens the FIFO would wait for a writer until its bounds end it."""
    os.mkfifo(tmp_path / "sibling.mp3")
    path = tmp_path / "subtitles.avi"
    path.write_bytes(avi_with_subtitles(script.format(tmp_path / "sibling.mp3").encode()))
    assert (await probe(Ffmpeg(), path, max_seconds=60)).duration == pytest.approx(1.0, abs=0.1)
