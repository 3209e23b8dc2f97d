"""A multipart body that streams one file from disk and has its length before the first byte.

httpx's own multipart reads 64 KB at a time through a file object, which takes about twice the CPU.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence

# Larger blocks save no more CPU (measured: 64 KB 0.92, 256 KB 0.64, 512 KB 0.57, 1 MB 0.57 ms per MB), and
# each takes about three times its size in memory on its way to the socket.
BLOCK_BYTES = 512 * 1024

_CONTENT_TYPES = {
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "mpeg": "audio/mpeg",
    "mpga": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "webm": "audio/webm",
}


class MultipartBody:
    """`fields` and the open file `descriptor` as multipart/form-data; can be iterated again for a retry.

    The file's name is made here with `extension` (one that Groq accepts), so that no name from an uploader
    reaches the engine. `boundary` must be unguessable: an uploader who knew it could write form fields into a
    recording. The iterator holds nothing that must be closed.
    """

    def __init__(
        self, fields: Sequence[tuple[str, str]], descriptor: int, *, extension: str, boundary: str
    ) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._before = _head(fields, extension, boundary)
        self._after = f"\r\n--{boundary}--\r\n".encode()
        self.size_bytes = len(self._before) + self._size + len(self._after)
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(self.size_bytes),
        }

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._before
        sent = 0
        while sent < self._size:
            # Read on the event loop: the file was just written, so this copies from the page cache in 0.1 ms,
            # and a switch to a thread would cost as much again.
            block = os.pread(self._descriptor, min(BLOCK_BYTES, self._size - sent), sent)
            if not block:
                raise OSError("the file became shorter while it was sent")
            sent += len(block)
            yield block
        yield self._after


def _head(fields: Sequence[tuple[str, str]], extension: str, boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="audio.{extension}"\r\n'
        f"Content-Type: {_CONTENT_TYPES[extension]}\r\n\r\n"
    )
    return "".join(parts).encode()
