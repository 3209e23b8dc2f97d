"""What the answer of a recording's server means: a failure, or which bytes of how many. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from common.errors import (
    BodyMalformed,
    DownloadFailed,
    Sentence,
    UrlDenied,
    UrlNotFound,
    UrlUnreachable,
    UrlUnusable,
)
from common.upload.part_headers import display_name, header_parameters

REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Seconds: a server that asks for more waits for the person, not for us.
_LONGEST_WAIT = 3600.0

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")
_PACKED = Sentence("it is compressed on the way", "llega comprimido")


@dataclass(frozen=True, slots=True)
class Content:
    """The body begins at byte `start` of `total` (None: unknown). `version` names the file's content."""

    start: int
    total: int | None
    version: str | None


def content_of(status: int, headers: Mapping[str, str], *, expected_start: int) -> Content | None:
    """What the body is; None where the rest was wanted and the server cannot continue there.

    `headers` have small letters. Raises DownloadFailed.
    """
    if expected_start and status == 416:
        return None
    if status not in {200, 206}:
        raise failure_of(status, headers)
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UrlUnusable(reason=_PACKED)
    version = _version(headers)
    if status == 200:
        return Content(0, _number(headers.get("content-length")), version)
    found = _RANGE.fullmatch(headers.get("content-range", "").strip().lower())
    if found is None or int(found[1]) != expected_start:
        return None
    return Content(expected_start, _number(found[3]), version)


def failure_of(status: int, headers: Mapping[str, str]) -> DownloadFailed:
    """The error for an answer that holds no recording."""
    if status in {401, 402, 403, 407, 451}:
        return UrlDenied(status=status)
    if status in {404, 410}:
        return UrlNotFound(status=status)
    if status in {408, 425, 429} or status >= 500:
        return UrlUnreachable(retry_after=_wait(headers.get("retry-after")))
    return UrlUnusable(reason=Sentence(f"it answered {status}", f"respondió {status}"))


def resume_headers(start: int, version: str | None) -> dict[str, str]:
    """The request for the rest of the same content (RFC 9110, 13.1.5); a changed one comes whole again."""
    return {"Range": f"bytes={start}-", "If-Range": version} if start and version else {}


def filename_of(path: str, disposition: str | None) -> str | None:
    """What the recording is called: by its server, or by the end of its address."""
    if name := display_name(_parameters(disposition).get(b"filename", b"")):
        return name
    return display_name(unquote(path.rpartition("/")[2], errors="replace").encode())


def _parameters(disposition: str | None) -> dict[bytes, bytes]:
    """None of a header that makes no sense: a recording needs no name."""
    try:
        return header_parameters(disposition)[1] if disposition else {}
    except (BodyMalformed, ValueError):
        return {}


def _version(headers: Mapping[str, str]) -> str | None:
    """Only a strong tag may continue a file; the date is a weaker promise, and better than none."""
    tag = headers.get("etag", "").strip()
    if tag.startswith('"'):
        return tag
    return headers.get("last-modified") or None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 15 else None


def _wait(retry_after: str | None) -> float | None:
    seconds = _number(retry_after)  # a date is rare, and its clock is not ours
    return None if seconds is None else min(float(seconds), _LONGEST_WAIT)
