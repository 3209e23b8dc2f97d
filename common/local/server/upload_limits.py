"""What an upload may cost, and what a request's headers say of its body before a byte of it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.errors import EncodingUnsupported, EscribaError, UploadTooLarge
from common.local.server.request_body import MB, Pace

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """`uploads` maps each path that takes a file to the bytes that the file may have; `*` is any one segment.

    `slots` uploads are received at once, each from its first `ahead_bytes` until its last byte; other bodies
    need no slot, since they are no longer than `other_bytes`. Besides, `max_slow` uploads whose clients are
    slow go on without a slot. `line_length` uploads wait for a slot, each for `line_wait` seconds at most.
    At most `max_reading_ahead` bodies may be on their way to those first bytes. After a refusal, the rest of
    a body is read and dropped for `linger` seconds and `linger_bytes` at most, for `max_lingering` clients at
    once.
    """

    uploads: Mapping[str, int] = field(default_factory=dict)
    other_bytes: int = 64 * 1024
    slots: int = 5
    max_slow: int = 10
    pace: Pace = field(default_factory=Pace)
    line_length: int = 64
    line_wait: float = 90.0
    ahead_bytes: int = 16 * 1024
    max_reading_ahead: int = 64
    linger: float = 30.0
    linger_bytes: int = 64 * MB
    max_lingering: int = 16

    def upload_bytes(self, path: str) -> int | None:
        """The bytes that a file posted to `path` may have; None where no file is taken."""
        return next((limit for pattern, limit in self.uploads.items() if _matches(pattern, path)), None)


def _matches(pattern: str, path: str) -> bool:
    expected, actual = pattern.split("/"), path.split("/")
    return len(expected) == len(actual) and all(
        part in {"*", other} for part, other in zip(expected, actual, strict=True)
    )


@dataclass(frozen=True, slots=True)
class BodyHeaders:
    """What a request's headers say of its body; `length` is None when the body comes in chunks."""

    length: int | None
    encoding: bytes
    is_json: bool
    expects_continue: bool
    accept_language: str

    @property
    def has_body(self) -> bool:
        return self.length != 0


def read_body_headers(headers: Headers) -> BodyHeaders:
    values = dict(headers)
    is_chunked = b"transfer-encoding" in values
    kind = values.get(b"content-type", b"").partition(b";")[0]
    return BodyHeaders(
        length=None if is_chunked else int(values.get(b"content-length", b"0")),
        encoding=values.get(b"content-encoding", b"").strip().lower(),
        is_json=kind.strip().lower() == b"application/json",
        expects_continue=values.get(b"expect", b"").lower() == b"100-continue",
        accept_language=values.get(b"accept-language", b"").decode("latin-1"),
    )


def refusal_of(headers: BodyHeaders, *, file_bytes: int, limit_bytes: int) -> EscribaError | None:
    """Why a body is refused before a byte of it is read, or None."""
    if headers.encoding not in {b"", b"identity"}:
        return EncodingUnsupported()
    if headers.length is not None and headers.length > limit_bytes:
        return UploadTooLarge(limit_mb=f"{file_bytes / MB:g}")
    return None
