"""In front of the whole app: bounds what a client may cost before, while and after its body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

from common.errors import EscribaError, UploadTooSlow
from common.local.server.guarded_response import GuardedResponse
from common.local.server.request_body import RequestBody
from common.local.server.upload_limits import BodyHeaders, UploadLimits, read_body_headers, refusal_of
from common.local.server.upload_slots import UploadSlots
from common.local.server.urgent_upload import Count, UrgentUpload
from common.places import CallersShares, WaiterLeft
from common.upload.receive import ENVELOPE_BYTES

_LAST_LINGER = 0.5  # seconds, once the process ends

Scope = Any  # ASGI's own types are plain dictionaries and callables
ClientOf = Callable[[Scope], Awaitable[str]]


async def address_of(scope: Scope) -> str:
    """As Edge names it."""
    client: str = scope.get("state", {}).get("client", "")
    return client


def _count_nothing(change: int) -> None:
    """Where nothing gives way to uploads."""


class UploadGuard:
    """Pure ASGI. Requests without a body, WebSockets and lifespan pass straight through.

    `shares` say how many slots each client holds, `client_of` who that is. `count` counts the requests that
    bring a recording and are urgent.
    """

    def __init__(
        self,
        app: Any,
        limits: UploadLimits,
        shares: CallersShares | None = None,
        client_of: ClientOf = address_of,
        count: Count = _count_nothing,
    ) -> None:
        self._app = app
        self._limits = limits
        self._client_of = client_of
        self._count = count
        self._slots = UploadSlots(limits, shares)
        self._bodies: set[RequestBody] = set()
        self._reading_ahead: dict[RequestBody, None] = {}  # oldest first
        self._lingering = 0
        self._refuse: Callable[[], EscribaError] | None = None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = read_body_headers(scope["headers"])
            if headers.has_body:
                await self._guard(scope, headers, receive, send)
                return
        await self._app(scope, receive, send)

    def close(self, refuse: Callable[[], EscribaError]) -> None:
        """Refuse all bodies that are incomplete, and all that come."""
        self._refuse = refuse
        self._slots.close(refuse)
        for body in list(self._bodies):
            body.give_up(refuse())
            body.stop_draining(_LAST_LINGER)

    async def _guard(self, scope: Scope, headers: BodyHeaders, receive: Any, send: Any) -> None:
        takes_file = scope["method"] in {"POST", "PUT"}
        upload_bytes = self._limits.upload_bytes(scope["path"]) if takes_file else None
        file_bytes = upload_bytes or self._limits.other_bytes
        limit_bytes = upload_bytes + ENVELOPE_BYTES if upload_bytes else self._limits.other_bytes
        body = RequestBody(receive, pace=self._limits.pace, limit_bytes=limit_bytes, file_bytes=file_bytes)
        body.refusal = refusal_of(headers, file_bytes=file_bytes, limit_bytes=limit_bytes)
        response = GuardedResponse(scope, body, send, accept_language=headers.accept_language)
        needs_slot = bool(upload_bytes) and (scope["method"] == "PUT" or not headers.is_json)
        self._bodies.add(body)
        try:
            with UrgentUpload(body, self._count) if upload_bytes else nullcontext():
                if not body.refusal:
                    body.refusal = await self._admit(scope, body, needs_slot=needs_slot)
                if not body.has_client_left:
                    await self._call_app(scope, body, response)
            self._slots.release(body)
            body.stop_timing()
            if response.needs_finish:
                await self._linger(headers, body)
                await response.finish()
        finally:
            self._bodies.discard(body)
            self._slots.release(body)
            body.stop_timing()

    async def _admit(self, scope: Scope, body: RequestBody, *, needs_slot: bool) -> EscribaError | None:
        """Read the first bytes and take a slot, unless nothing remains; why the body is refused, or None.

        A client that sends a few bytes now and then never holds more than a socket.
        """
        try:
            if self._refuse:
                raise self._refuse()
            caller = await self._client_of(scope) if needs_slot else ""
            if needs_slot:
                self._slots.check_room(caller)
            await self._read_ahead(body, self._limits.ahead_bytes if needs_slot else self._limits.other_bytes)
            if needs_slot and not (body.is_complete or body.has_client_left):
                await self._slots.take(body, caller, scope.get("state", {}).get("client_left"))
        except WaiterLeft:
            body.has_client_left = True
        except EscribaError as exc:
            return exc
        return None

    async def _read_ahead(self, body: RequestBody, size_bytes: int) -> None:
        self._reading_ahead[body] = None
        if len(self._reading_ahead) > self._limits.max_reading_ahead:
            # An honest client passes this stage in an instant: the oldest is the least likely to be one.
            oldest = next(iter(self._reading_ahead))
            del self._reading_ahead[oldest]  # now, since its task may not run before the next body comes
            oldest.give_up()
        try:
            await body.read_ahead(size_bytes)
        finally:
            self._reading_ahead.pop(body, None)

    async def _call_app(self, scope: Scope, body: RequestBody, response: GuardedResponse) -> None:
        """Call the app, which also answers a body that is refused: reading it raises the refusal.

        The app knows whether the address exists, which origins may read the response, and the shape that the
        caller expects.
        """
        try:
            await self._app(scope, body.receive, response.send)
        except Exception:
            if response.has_started or not body.failure:
                raise
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
            seconds = _LAST_LINGER if self._refuse else self._limits.linger
            await body.drain(seconds, self._limits.linger_bytes)
        finally:
            self._lingering -= 1
