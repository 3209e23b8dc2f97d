"""A form has the length that it announced, whatever happens to its file meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from common.groq.multipart import BLOCK_BYTES, MultipartBody


async def blocks_of(form: MultipartBody) -> list[bytes]:
    return [block async for block in form]


def test_a_file_that_grows_while_it_is_sent_is_sent_at_its_first_size(tmp_path: Path) -> None:
    path = tmp_path / "audio"
    path.write_bytes(b"as it was")
    with path.open("rb") as file:
        form = MultipartBody([("model", "m")], file.fileno(), extension="ogg", boundary="b")
        with path.open("ab") as writer:
            writer.write(b" and more")
        body = b"".join(asyncio.run(blocks_of(form)))
    assert len(body) == form.size_bytes == int(form.headers["Content-Length"])
    assert b"as it was\r\n--b--" in body


def test_a_form_can_be_sent_twice_in_blocks_of_limited_size(tmp_path: Path) -> None:
    path = tmp_path / "audio"
    path.write_bytes(bytes(range(256)) * 5000)
    with path.open("rb") as file:
        form = MultipartBody([], file.fileno(), extension="wav", boundary="b")
        first, second = asyncio.run(blocks_of(form)), asyncio.run(blocks_of(form))
    assert first == second
    assert max(map(len, first)) == BLOCK_BYTES
