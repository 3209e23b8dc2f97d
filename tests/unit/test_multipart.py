"""A form keeps to the length it announced, whatever happens to its file meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from common.groq.multipart import PIECE_BYTES, MultipartBody


async def pieces(form: MultipartBody) -> list[bytes]:
    return [piece async for piece in form]


def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "audio"
    path.write_bytes(b"as it was")
    with path.open("rb") as file:
        form = MultipartBody([("model", "m")], file.fileno(), ending="ogg", boundary="b")
        with path.open("ab") as writer:
            writer.write(b" and more")
        body = b"".join(asyncio.run(pieces(form)))
    assert len(body) == form.size_bytes == int(form.headers["Content-Length"])
    assert b"as it was\r\n--b--" in body


def test_a_form_can_be_sent_again_and_again_in_pieces_that_are_never_larger(tmp_path: Path) -> None:
    path = tmp_path / "audio"
    path.write_bytes(bytes(range(256)) * 5000)
    with path.open("rb") as file:
        form = MultipartBody([], file.fileno(), ending="wav", boundary="b")
        first, second = asyncio.run(pieces(form)), asyncio.run(pieces(form))
    assert first == second
    assert max(map(len, first)) == PIECE_BYTES
