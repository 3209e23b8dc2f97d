"""Files of a million empty boxes are refused before ffmpeg sees them, and no recording is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from common.audio.mp4_shape import check_shape
from common.errors import AudioUnreadable
from tests.media import Media

FTYP = struct.pack(">I4s", 24, b"ftyp") + b"isom\0\0\2\0isomiso2"
EMPTY = struct.pack(">I4s", 8, b"free")


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


@pytest.mark.parametrize(
    "content",
    [
        FTYP + EMPTY * 100_000,
        FTYP + box(b"moov", EMPTY * 100_000),
        FTYP + box(b"moov", box(b"udta", EMPTY * 100_000)),
        FTYP + box(b"moof", b"") * 100_000,
        FTYP + box(b"moov", box(b"trak", b"") * 100_000),
    ],
    ids=["top", "movie", "user data", "fragments", "tracks"],
)
def test_a_file_of_empty_boxes_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(content)
    with pytest.raises(AudioUnreadable):
        check_shape(path)


@pytest.mark.parametrize("name", ["faststart.m4a", "moov-at-end.m4a", "film.mp4", "safari.mp4"])
def test_a_recording_is_not(name: str, media: Media) -> None:
    check_shape(media(name))


def test_neither_is_one_of_hours_in_fragments_of_a_second_nor_another_format(tmp_path: Path) -> None:
    fragment = box(b"moof", b"\0" * 100) + box(b"mdat", b"\0" * 2000)
    path = tmp_path / "live.mp4"
    path.write_bytes(FTYP + box(b"moov", box(b"mvhd", b"\0" * 100)) + fragment * 12_000)
    check_shape(path)
    path.write_bytes(b"ID3\4" + b"\0" * 100_000)
    check_shape(path)
