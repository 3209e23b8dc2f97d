"""In front of the whole app: bounds what a client may cost before, while and after its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.errors import Busy, EncodingUnsupported, EscribaError, UploadTooLarge, UploadTooSlow
from common.local.server.guarded_response import GuardedResponse
from common.local.server.request_body import MB, Pace, RequestBody
from common.upload.receive import ENVELOPE_BYTES

Scope = Any  # ASGI's own types are plain dictionaries and callables


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """`uploads` maps each path that takes a file to the bytes that the file may have; `*` is any one segment.

    `slots` uploads are served at once, each from its first `ahead_bytes` until its response; other bodies
    need a slot only if they are longer than that. When no slot is free, the slowest upload that `pace` allows
    to evict gives up its slot. At most `max_reading_ahead` bodies may be on their way to those first bytes.
    After a refusal, the rest of a body is read and dropped for `linger` seconds and `linger_bytes` at most,
    for `max_lingering` clients at once.
    """

    uploads: Mapping[str, int] = field(default_factory=dict)
    other_bytes: int = 64 * 1024
    slots: int = 5
    pace: Pace = field(default_factory=Pace)
    retry_after: float = 5.0
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
    expects_continue: bool
    accept_language: str

    @property
    def has_body(self) -> bool:
        return self.length != 0


def read_body_headers(headers: list[tuple[bytes, bytes]]) -> BodyHeaders:
    values = dict(headers)
    is_chunked = b"transfer-encoding" in values
    return BodyHeaders(
        length=None if is_chunked else int(values.get(b"content-length", b"0")),
        encoding=values.get(b"content-encoding", b"").strip().lower(),
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


class UploadGuard:
    """Pure ASGI. Requests without a body, WebSockets and lifespan pass straight through."""

    def __init__(self, app: Any, limits: UploadLimits) -> None:
        self._app = app
        self._limits = limits
        self._reading_ahead: dict[RequestBody, None] = {}  # oldest first
        self._in_slots: dict[RequestBody, None] = {}
        self._lingering = 0

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = read_body_headers(scope["headers"])
            if headers.has_body:
                await self._guard(scope, headers, receive, send)
                return
        await self._app(scope, receive, send)

    async def _guard(self, scope: Scope, headers: BodyHeaders, receive: Any, send: Any) -> None:
        upload_bytes = self._limits.upload_bytes(scope["path"]) if scope["method"] == "POST" else None
        file_bytes = upload_bytes or self._limits.other_bytes
        limit_bytes = upload_bytes + ENVELOPE_BYTES if upload_bytes else self._limits.other_bytes
        body = RequestBody(receive, pace=self._limits.pace, limit_bytes=limit_bytes, file_bytes=file_bytes)
        body.refusal = refusal_of(headers, file_bytes=file_bytes, limit_bytes=limit_bytes)
        response = GuardedResponse(scope, body, send, accept_language=headers.accept_language)
        try:
            if not body.refusal:
                body.refusal = await self._admit(body, is_upload=bool(upload_bytes))
            if not body.has_client_left:
                await self._call_app(scope, body, response, is_upload=bool(upload_bytes))
        finally:
            body.stop_timing()
        if response.needs_finish:
            await self._linger(headers, body)
            await response.finish()

    async def _admit(self, body: RequestBody, *, is_upload: bool) -> EscribaError | None:
        """Read the first bytes and see to it that a slot is free; why the body is refused, or None.

        A client that sends a few bytes now and then never holds more than a socket.
        """
        if is_upload and not self._has_free_slot() and not self._slowest():
            return Busy(retry_after=self._limits.retry_after)
        try:
            await self._read_ahead(body)
        except EscribaError as exc:
            return exc
        needs_slot = is_upload or not body.is_complete
        if needs_slot and not self._has_free_slot() and not self._evict_slowest():
            return Busy(retry_after=self._limits.retry_after)
        return None

    def _has_free_slot(self) -> bool:
        return len(self._in_slots) < self._limits.slots

    def _slowest(self) -> RequestBody | None:
        """The upload that would have to give up its slot to another."""
        rates = [(rate, body) for body in self._in_slots if (rate := body.yielding_rate) is not None]
        return min(rates, key=lambda pair: pair[0])[1] if rates else None

    def _evict_slowest(self) -> bool:
        """Only once the first bytes of another body are here: a mere connection must not evict an upload."""
        if slowest := self._slowest():
            slowest.give_up()
            del self._in_slots[slowest]
        return bool(slowest)

    async def _read_ahead(self, body: RequestBody) -> None:
        self._reading_ahead[body] = None
        if len(self._reading_ahead) > self._limits.max_reading_ahead:
            # An honest client passes this stage in an instant: the oldest is the least likely to be one.
            oldest = next(iter(self._reading_ahead))
            del self._reading_ahead[oldest]  # now, since its task may not run before the next body comes
            oldest.give_up()
        try:
            await body.read_ahead(self._limits.ahead_bytes)
        finally:
            self._reading_ahead.pop(body, None)

    async def _call_app(
        self, scope: Scope, body: RequestBody, response: GuardedResponse, *, is_upload: bool
    ) -> None:
        """Call the app, in a slot where one is needed.

        The app also answers a body that is refused: reading it raises the refusal. The app knows whether the
        address exists, which origins may read the response, and the shape that the caller expects.
        """
        if not body.refusal and (is_upload or not body.is_complete):
            self._in_slots[body] = None
        try:
            await self._app(scope, body.receive, response.send)
        except Exception:
            if response.has_started or not body.failure:
                raise
        finally:
            self._in_slots.pop(body, None)
        if body.failure and not response.has_started:
            await response.refuse(body.failure)

    async def _linger(self, headers: BodyHeaders, body: RequestBody) -> None:
        """Let a client that is still sending finish, where that is cheap and the client was not too slow."""
        is_held_back = headers.expects_continue and not body.has_been_read
        is_too_slow = isinstance(body.failure, UploadTooSlow)
        if is_held_back or is_too_slow or self._lingering >= self._limits.max_lingering:
            return
        self._lingering += 1
        try:
            await body.drain(self._limits.linger, self._limits.linger_bytes)
        finally:
            self._lingering -= 1
