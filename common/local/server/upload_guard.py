"""In front of the whole app: what a client may cost before, while and after its body is read."""

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
    """What the guard holds to. `uploads` names each path that takes a file, and the bytes that file may have;
    a `*` stands for one segment.

    `slots` uploads are served at once, each from its first `ahead_bytes` until its answer; other bodies need
    one only if they are longer than that. When all are taken, the slowest that is too slow for its `pace`
    to keep its slot gives way. `max_reading_ahead` bodies may be on their way to those first bytes.
    `linger` seconds and `linger_bytes` bound what is read and forgotten after a refusal.
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
    lingering: int = 16

    def upload_bytes(self, path: str) -> int | None:
        """The bytes that a file posted to `path` may have; None where no file is taken."""
        return next((limit for taken, limit in self.uploads.items() if _matches(taken, path)), None)


def _matches(pattern: str, path: str) -> bool:
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        part in {"*", other} for part, other in zip(wanted, given, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Announced:
    """What a request's headers say of its body; `length` is None when it comes in chunks."""

    length: int | None
    encoding: bytes
    expects: bool
    accept_language: str

    @property
    def has_body(self) -> bool:
        return self.length != 0


def announced(headers: list[tuple[bytes, bytes]]) -> Announced:
    told = dict(headers)
    chunked = b"transfer-encoding" in told
    return Announced(
        length=None if chunked else int(told.get(b"content-length", b"0")),
        encoding=told.get(b"content-encoding", b"").strip().lower(),
        expects=told.get(b"expect", b"").lower() == b"100-continue",
        accept_language=told.get(b"accept-language", b"").decode("latin-1"),
    )


def refusal(body: Announced, *, file_bytes: int, limit_bytes: int) -> EscribaError | None:
    """What is wrong with a body before a byte of it is read, or None."""
    if body.encoding not in {b"", b"identity"}:
        return EncodingUnsupported()
    if body.length is not None and body.length > limit_bytes:
        return UploadTooLarge(limit_mb=f"{file_bytes / MB:g}")
    return None


class UploadGuard:
    """Pure ASGI. Requests without a body, WebSockets and lifespan pass straight through."""

    def __init__(self, app: Any, limits: UploadLimits) -> None:
        self._app = app
        self._limits = limits
        self._beginning: dict[RequestBody, None] = {}
        self._in_slots: dict[RequestBody, None] = {}
        self._lingering = 0

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            body = announced(scope["headers"])
            if body.has_body:
                await self._guarded(scope, body, receive, send)
                return
        await self._app(scope, receive, send)

    async def _guarded(self, scope: Scope, told: Announced, receive: Any, send: Any) -> None:
        upload_bytes = self._limits.upload_bytes(scope["path"]) if scope["method"] == "POST" else None
        file_bytes = upload_bytes or self._limits.other_bytes
        limit_bytes = upload_bytes + ENVELOPE_BYTES if upload_bytes else self._limits.other_bytes
        body = RequestBody(receive, pace=self._limits.pace, limit_bytes=limit_bytes, file_bytes=file_bytes)
        body.unwanted = refusal(told, file_bytes=file_bytes, limit_bytes=limit_bytes)
        answer = GuardedResponse(scope, body, send, accept_language=told.accept_language)
        try:
            if not body.unwanted:
                body.unwanted = await self._begin(body, is_upload=bool(upload_bytes))
            if not body.is_gone:
                await self._served(scope, body, answer, is_upload=bool(upload_bytes))
        finally:
            body.stop_watching()
        if answer.is_held:
            await self._linger(told, body)
            await answer.finish()

    async def _begin(self, body: RequestBody, *, is_upload: bool) -> EscribaError | None:
        """Wait until the body truly comes, so that who dribbles holds a socket only; why it may not come."""
        if is_upload and not self._has_room() and not self._slowest():
            return Busy(retry_after=self._limits.retry_after)
        try:
            await self._read_ahead(body)
        except EscribaError as exc:
            return exc
        if (is_upload or not body.is_complete) and not self._has_room() and not self._make_room():
            return Busy(retry_after=self._limits.retry_after)
        return None

    def _has_room(self) -> bool:
        return len(self._in_slots) < self._limits.slots

    def _slowest(self) -> RequestBody | None:
        """Who would have to give its slot to another."""
        slow = [(rate, body) for body in self._in_slots if (rate := body.rate) is not None]
        return min(slow, key=lambda one: one[0])[1] if slow else None

    def _make_room(self) -> bool:
        """Only now that another body truly comes: to knock must not be enough to drive somebody out."""
        if slowest := self._slowest():
            slowest.give_up()
            del self._in_slots[slowest]
        return bool(slowest)

    async def _read_ahead(self, body: RequestBody) -> None:
        self._beginning[body] = None
        if len(self._beginning) > self._limits.max_reading_ahead:
            # An honest client passes this stage in an instant: the oldest is the least likely to be one.
            oldest = next(iter(self._beginning))
            del self._beginning[oldest]  # now, since its task may not run before the next body comes
            oldest.give_up()
        try:
            await body.read_ahead(self._limits.ahead_bytes)
        finally:
            self._beginning.pop(body, None)

    async def _served(
        self, scope: Scope, body: RequestBody, answer: GuardedResponse, *, is_upload: bool
    ) -> None:
        """Call the app, in a slot where one is due.

        A body that may not come is refused by the app too, when it asks for it: the app knows whether the
        address exists, which origins may read the answer, and the shape that the caller expects.
        """
        if not body.unwanted and (is_upload or not body.is_complete):
            self._in_slots[body] = None
        try:
            await self._app(scope, body.receive, answer.send)
        except Exception:
            if answer.has_started or not body.failure:
                raise
        finally:
            self._in_slots.pop(body, None)
        if body.failure and not answer.has_started:
            await answer.refuse(body.failure)

    async def _linger(self, told: Announced, body: RequestBody) -> None:
        """Let a client that is still sending finish, where that is cheap and it is not the slow one."""
        held_back = told.expects and not body.has_begun
        if held_back or isinstance(body.failure, UploadTooSlow) or self._lingering >= self._limits.lingering:
            return
        self._lingering += 1
        try:
            await body.drain(self._limits.linger, self._limits.linger_bytes)
        finally:
            self._lingering -= 1
