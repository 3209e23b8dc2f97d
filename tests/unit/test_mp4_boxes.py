"""Reading the boxes of any file ends soon and never fails."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.audio.mp4_boxes import is_protected
from tests.media import Media


@pytest.mark.parametrize(
    "name", ["faststart.m4a", "moov-at-end.m4a", "film.mp4", "safari.mp4", "cut-faststart.m4a"]
)
def test_recordings_that_anybody_may_copy_are_not_protected(name: str, media: Media) -> None:
    assert not is_protected(media(name))


@pytest.mark.parametrize("name", ["faststart.m4a", "moov-at-end.m4a", "film.mp4", "safari.mp4"])
def test_an_encrypted_track_is_found_wherever_it_is(name: str, media: Media, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(media(name).read_bytes().replace(b"mp4a", b"enca", 1))
    assert is_protected(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0",
        struct.pack(">I4s", 0, b"moov") * 100,
        struct.pack(">I4s", 8, b"free") * 500_000,
        struct.pack(">I4sQ", 1, b"moov", 0) * 1000,
        struct.pack(">I4sQ", 1, b"trak", 2**63) * 1000,
        struct.pack(">I4s", 0xFFFFFFFF, b"moov") * 1000,
        struct.pack(">I4s", 12, b"stsd"),
    ],
)
def test_a_hostile_file_is_read_quickly(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile.mp4"
    path.write_bytes(content)
    start = time.process_time()
    assert not is_protected(path)
    assert time.process_time() - start < 0.5


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("boxes") / "any.mp4"
    path.write_bytes(struct.pack(">I4s", 8 + len(content), b"moov") + content)
    is_protected(path)
