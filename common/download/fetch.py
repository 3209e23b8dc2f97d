"""Fetches the recording at an address into a file: streamed, limited, resumed where the connection breaks.

Each hop is looked up once and called at exactly an address that was checked, as webhooks are. The content of
the file decides what it is; the type that its server names is not believed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from common.audio.file_kind import HEAD_BYTES, refusal_of
from common.backoff import Backoff, doubling
from common.download.address import parse_address
from common.download.hops import ConnectionBroken, Hops, follow, new_client
from common.download.limits import DownloadLimits
from common.download.response import (
    Content,
    content_of,
    filename_of,
    resume_headers,
)
from common.errors import (
    FileEmpty,
    FileIsDocument,
    UrlIsPage,
    UrlTooSlow,
    UrlUnreachable,
)
from common.outbound.dns import addresses_of
from common.outbound.pinned import Resolve
from common.upload.file import UploadFile

if TYPE_CHECKING:
    import httpx

OnProgress = Callable[[int, int | None], None]

# Connections for one recording, and those in a row that bring nothing new.
_MAX_TRIES = 20
_FRUITLESS_TRIES = 3
_BACKOFF = Backoff(doubling(0.5, 8.0))
# Seconds of waiting, before the rate counts.
_GRACE = 10.0
_HEADERS = {"User-Agent": "escriba", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A recording that was fetched. `filename` is to show, never a path."""

    path: Path
    size_bytes: int
    sha256: str
    filename: str | None


async def fetch(
    url: str,
    folder: Path,
    *,
    limits: DownloadLimits,
    on_progress: OnProgress = lambda received, total: None,  # noqa: ARG005
    resolve: Resolve = addresses_of,
) -> Downloaded:
    """The recording at `url`, in a new file in `folder`; after any exception the file is deleted.

    `on_progress` gets how many bytes of how many (None: unknown) have come. Raises DownloadFailed,
    OptionInvalid, UploadTooLarge, FileEmpty, StorageFull.
    """
    address = parse_address(url, private_allowed=limits.private_allowed)
    download = _Download(address, folder, limits, on_progress, resolve)
    try:
        async with asyncio.timeout(limits.seconds), new_client() as client:
            return await download.run(client)
    except TimeoutError as exc:
        raise UrlTooSlow from exc
    finally:
        download.discard_unfinished()


class _Download:
    """One recording on its way into a file, over as many connections as it takes."""

    def __init__(
        self,
        address: httpx.URL,
        folder: Path,
        limits: DownloadLimits,
        on_progress: OnProgress,
        resolve: Resolve,
    ) -> None:
        self._address = address
        self._folder = folder
        self._limits = limits
        self._on_progress = on_progress
        self._loop = asyncio.get_running_loop()
        ends_at = self._loop.time() + limits.seconds
        self._hops = Hops(resolve, limits.private_allowed, read_timeout=limits.idle, ends_at=ends_at)
        self._file: UploadFile | None = None
        self._content = Content(0, None, None)
        self._filename: str | None = None
        self._head = b""
        self._received = 0  # over all connections, as is the time that we waited for it
        self._waited = 0.0

    async def run(self, client: httpx.AsyncClient) -> Downloaded:
        furthest = fruitless = 0
        for _ in range(_MAX_TRIES):
            try:
                if await self._receive(client):
                    return await self._finish()
            except ConnectionBroken as exc:
                size_bytes = self._file.size_bytes if self._file else 0
                fruitless = 0 if size_bytes > furthest else fruitless + 1
                furthest = max(furthest, size_bytes)
                if not furthest or fruitless >= _FRUITLESS_TRIES:
                    raise UrlUnreachable from exc.__cause__
                await asyncio.sleep(_BACKOFF.pause(fruitless + 1))
        raise UrlUnreachable

    def discard_unfinished(self) -> None:
        if self._file is not None:
            self._file.discard()

    # ── one connection ────────────────────────────────────────────────────────────────────────────

    async def _receive(self, client: httpx.AsyncClient) -> bool:
        """Receive the file, or its rest; False where the server cannot go on there and must begin anew."""
        start = self._file.size_bytes if self._file and self._content.version else 0
        headers = {**_HEADERS, **resume_headers(start, self._content.version)}
        async with follow(client, self._address, self._hops, headers) as response:
            content = content_of(response.status_code, response.headers, expected_start=start)
            if content is None:
                self._content = Content(0, None, None)
                return False
            file = self._open_file(content)
            self._filename = filename_of(self._address.path, response.headers.get("content-disposition"))
            await self._write(response, file)
        return True

    # ── the file ──────────────────────────────────────────────────────────────────────────────────

    def _open_file(self, content: Content) -> UploadFile:
        """The file to go on with, or a new one where the content comes from its beginning."""
        self._content = content
        if self._file is None or content.start == 0:
            self.discard_unfinished()
            path = self._folder / f"{secrets.token_hex()}.download"
            self._file = UploadFile(path, self._limits.max_bytes, digest=True)
            self._file.open()
            self._head = b""
        if content.total is not None and content.total > self._limits.max_bytes:
            raise self._file.too_large()
        return self._file

    async def _write(self, response: httpx.Response, file: UploadFile) -> None:
        blocks = cast("AsyncGenerator[bytes]", response.aiter_raw())
        async with aclosing(blocks):
            while (block := await self._next(blocks)) is not None:
                self._check_head(block)
                file.add(memoryview(block))
                if file.is_flush_due:
                    await file.flush()
                self._on_progress(file.size_bytes, self._content.total)
        if self._content.total is not None and file.size_bytes < self._content.total:
            raise ConnectionBroken

    async def _next(self, blocks: AsyncIterator[bytes]) -> bytes | None:
        """The next block, None at the end. Only the time that we wait counts for the server's rate."""
        since = self._loop.time()
        block = await anext(blocks, None)
        self._waited += self._loop.time() - since
        self._received += len(block or b"")
        if self._waited > _GRACE and self._received < self._limits.min_rate * (self._waited - _GRACE):
            raise UrlTooSlow
        return block

    def _check_head(self, block: bytes) -> None:
        """Raise UrlIsPage as soon as the first bytes show it: nobody waits for the rest of a page."""
        if len(self._head) < HEAD_BYTES:
            self._head += block[: HEAD_BYTES - len(self._head)]
            if self._head.lstrip()[:1] == b"<" and isinstance(refusal_of(self._head), FileIsDocument):
                raise UrlIsPage

    async def _finish(self) -> Downloaded:
        file = self._file
        assert file is not None
        assert file.hash is not None
        if not file.size_bytes:
            raise FileEmpty
        await file.flush()
        file.close()
        return Downloaded(file.path, file.size_bytes, file.hash.hexdigest(), self._filename)
