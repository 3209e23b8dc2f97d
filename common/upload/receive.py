"""Receives a multipart body as one file on disk: streamed and limited, never whole in memory."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import (
    BodyMalformed,
    EncodingUnsupported,
    FileMissing,
    MediaTypeUnsupported,
    Sentence,
)
from common.upload.file import UploadFile
from common.upload.form import MAX_FIELDS_BYTES, MAX_PARTS, Admit, FormReader
from common.upload.part_headers import header_parameters

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartParser

# The most that a body may have besides its file: fields, part headers, boundaries.
ENVELOPE_BYTES = MAX_FIELDS_BYTES + MAX_PARTS * 2 * 1024

MAX_PREAMBLE_BYTES = 8 * 1024

Write = Callable[[bytes], object]

_SUFFIX = ".upload"
_SHORT_BOUNDARY = 30


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file. `filename` is to show, never a path; `fields` keep their order and may repeat."""

    path: Path
    size_bytes: int
    filename: str | None
    fields: tuple[tuple[str, str], ...]
    sha256: str | None

    def with_fields(self, fields: tuple[tuple[str, str], ...]) -> Upload:
        return replace(self, fields=fields)


async def receive(
    stream: AsyncIterable[bytes],
    headers: Mapping[str, str],
    folder: Path,
    *,
    max_bytes: int,
    digest: bool = False,
    admit: Admit | None = None,
    token: Callable[[], str] = secrets.token_hex,
) -> Upload:
    """Write the part named `file` into `folder` as it arrives; `headers` are the request's, in lower case.

    `admit` gets the fields before the file: it raises, or returns the most bytes that the file may have.
    Raises BodyMalformed, EncodingUnsupported, MediaTypeUnsupported, FileMissing, FileRepeated, FileEmpty,
    UploadTooLarge (a file over `max_bytes`), StorageFull. After any exception, a cancellation too, the file
    is deleted.
    """
    received = await receive_form(
        stream, headers, folder, max_bytes=max_bytes, digest=digest, admit=admit, token=token
    )
    if not isinstance(received, Upload):
        raise FileMissing
    return received


async def receive_form(
    stream: AsyncIterable[bytes],
    headers: Mapping[str, str],
    folder: Path,
    *,
    max_bytes: int,
    digest: bool = False,
    admit: Admit | None = None,
    token: Callable[[], str] = secrets.token_hex,
) -> Upload | tuple[tuple[str, str], ...]:
    """As `receive`; the fields alone where the form has no file."""
    boundary = _parse_boundary(headers)
    file = UploadFile(folder / f"{token()}{_SUFFIX}", max_bytes, digest=digest)
    form = FormReader(file, admit)
    try:
        await _feed(stream, form, boundary)
        form.check_complete()
        has_recording = form.has_recording
        await file.flush()
    except BaseException:
        file.discard()
        raise
    if not has_recording:
        file.discard()
        return tuple(form.fields)
    file.close()
    sha256 = file.hash.hexdigest() if file.hash else None
    return Upload(file.path, file.size_bytes, form.filename, tuple(form.fields), sha256)


def _parse_boundary(headers: Mapping[str, str]) -> bytes:
    if headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
        raise EncodingUnsupported
    kind, parameters = header_parameters(headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise MediaTypeUnsupported
    boundary = parameters.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1
        raise BodyMalformed(
            problem=Sentence(
                "its Content-Type names no boundary of 1 to 70 characters",
                "su Content-Type no indica un límite (boundary) de 1 a 70 caracteres",
            )
        )
    return boundary


async def _feed(stream: AsyncIterable[bytes], form: FormReader, boundary: bytes) -> None:
    from python_multipart.exceptions import FormParserError

    write = _skip_preamble(_limit_boundaries(form.parser(boundary), boundary), boundary)
    remaining = form.file.max_bytes + ENVELOPE_BYTES
    try:
        async for block in stream:
            remaining -= len(block)
            if remaining < 0:
                raise form.file.too_large()
            write(block)
            if form.file.is_flush_due:
                await form.file.flush()
    except FormParserError:
        raise BodyMalformed(
            problem=Sentence("it is not well-formed multipart", "no es multipart bien formado")
        ) from None


def _skip_preamble(write: Write, boundary: bytes) -> Write:
    """`write` from the first boundary on: text may stand before it (RFC 2046, 5.1.1)."""
    delimiter = b"--" + boundary
    start = b""
    is_past = False

    def write_form(block: bytes) -> object:
        nonlocal start, is_past
        if is_past:
            return write(block)
        start += block
        at = -2 if start.startswith(delimiter) else start.find(b"\r\n" + delimiter)
        if at != -1:
            is_past = True
            return write(start[at + 2 :])
        if len(start) > MAX_PREAMBLE_BYTES:
            raise BodyMalformed(problem=Sentence("it has no boundary", "no tiene ningún límite (boundary)"))
        return None

    return write_form


def _limit_boundaries(parser: MultipartParser, boundary: bytes) -> Write:
    """The parser's `write`, protected against its slowest case.

    The parser reads byte by byte past each boundary that turns out to be content: 25 MB of a one-letter
    boundary took 4 s of CPU, of a long one 0.4 s. RFC 2046, 5.1.1 forbids a boundary inside a part, so a body
    that repeats a short one many times is refused.
    """
    if len(boundary) >= _SHORT_BOUNDARY:
        return parser.write
    delimiter = b"\r\n--" + boundary
    count = 0

    def write(block: bytes) -> object:
        nonlocal count
        count += block.count(delimiter)
        if count > MAX_PARTS + 1:
            raise BodyMalformed(
                problem=Sentence(
                    "its boundary occurs inside its parts",
                    "su límite (boundary) aparece dentro de sus partes",
                )
            )
        return parser.write(block)

    return write
