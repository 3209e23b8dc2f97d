"""A minimal HTTP/1.1 parser for test servers that may misbehave: requests, and forms in blocks."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import Message

from python_multipart.multipart import MultipartParser

BLOCK_BYTES = 256 * 1024


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    reader: asyncio.StreamReader

    async def body(self) -> AsyncIterator[bytes]:
        """The body in blocks. Raises asyncio.IncompleteReadError when the client leaves before its end."""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readline()).split(b";")[0] or b"0", 16):
                yield await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
            return
        left = int(self.headers.get("content-length", 0))
        while left:
            block = await self.reader.read(min(BLOCK_BYTES, left))
            if not block:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(block)
            yield block


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request on a connection; None when there is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    named = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in named}
    return Request(method, path.partition("?")[0], headers, reader)


@dataclass
class Form:
    """What a multipart/form-data body contained; the file is counted and hashed, not kept."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    filename: str | None = None
    content_type: str | None = None
    size_bytes: int = 0
    sha256: str = hashlib.sha256().hexdigest()
    received_bytes: int = 0
    complete: bool = False

    def value(self, name: str) -> str | None:
        return next((value for known, value in self.fields if known == name), None)

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known == name]


class FormReader:
    """Parses a body with python-multipart; `form` is the part so far, `file` the bytes if `keep` is set."""

    def __init__(self, content_type: str, *, keep: bool = False) -> None:
        header = Message()
        header["content-type"] = content_type
        self.form = Form()
        self.file = bytearray() if keep else None
        self._hash = hashlib.sha256()
        self._header, self._value, self._text = bytearray(), bytearray(), bytearray()
        self._part: dict[str, str] = {}
        self._parser = MultipartParser(
            str(header.get_param("boundary")),
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, a, b: self._header.extend(data[a:b]),
                "on_header_value": lambda data, a, b: self._value.extend(data[a:b]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finished,
            },
        )

    def feed(self, block: bytes) -> None:
        self.form.received_bytes += len(block)
        self._parser.write(block)

    def _begin(self) -> None:
        self._part = {}
        self._text.clear()

    def _header_end(self) -> None:
        self._part[self._header.decode().lower()] = self._value.decode()
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        header = Message()
        header["content-disposition"] = self._part.get("content-disposition", "")
        name = header.get_param("name", header="content-disposition")
        self._part["name"] = str(name)
        if filename := header.get_filename():
            self._part["filename"] = filename
            self.form.filename = filename
            self.form.content_type = self._part.get("content-type")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if "filename" in self._part:
            self._hash.update(memoryview(data)[start:end])
            self.form.size_bytes += end - start
            if self.file is not None:
                self.file += memoryview(data)[start:end]
        else:
            self._text += data[start:end]

    def _end(self) -> None:
        if "filename" in self._part:
            self.form.sha256 = self._hash.hexdigest()
        else:
            self.form.fields.append((self._part["name"], self._text.decode(errors="replace")))

    def _finished(self) -> None:
        self.form.complete = True
