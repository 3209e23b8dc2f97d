"""Who sends a request, for endpoints: `CallerDep`, `require(scope)` and `check_visible`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from common.access.access import Access
from common.access.caller import Caller
from common.access.credentials import find_credential
from common.errors import (
    AccessOff,
    EscribaError,
    KeyExpired,
    KeyInvalid,
    KeyMissing,
    ScopeMissing,
    TooManyRequests,
)
from common.http.edge import client_of
from common.models import Scope
from common.services import Services


async def caller_of(connection: HTTPConnection) -> Caller:
    """The caller, identified and counted once a request.

    Raises KeyMissing, KeyInvalid, KeyExpired, TooManyRequests.
    """
    known: Caller | None = getattr(connection.state, "caller", None)
    if known is None:
        services: Services = connection.app.state.services
        scope = connection.scope
        credential = find_credential(scope["headers"], scope.get("query_string", b""))
        address = client_of(connection)
        try:
            known = await services.access.identify(credential, client=address)
        except (KeyMissing, KeyInvalid, KeyExpired):
            await services.refusals.hold_failure(address, services.now())
            raise
        connection.state.caller = known
        rate = connection.state.rate = services.rates.take(known, services.now())
        if rate is not None and rate.retry_after:
            await services.refusals.hold(known.client)
            raise TooManyRequests(retry_after=rate.retry_after, whose=known.whose, limit=rate.limit)
    return known


async def client_of_scope(access: Access, scope: Any) -> str:
    """Whose places a request takes that is not read yet; the app refuses a wrong key later."""
    address: str = scope.get("state", {}).get("client", "")
    credential = find_credential(scope["headers"], scope.get("query_string", b""))
    if not access.is_on or credential is None:
        return address
    try:
        return (await access.identify(credential, client=address)).client
    except EscribaError:
        return address


CallerDep = Annotated[Caller, Depends(caller_of)]


def require(scope: Scope) -> Callable[[HTTPConnection], Awaitable[Caller]]:
    """A dependency: the caller, who has `scope`. Raises what `caller_of` raises, ScopeMissing, AccessOff."""

    async def caller_with_scope(connection: HTTPConnection) -> Caller:
        caller = await caller_of(connection)
        if scope == "admin" and not connection.app.state.services.access.is_on:
            raise AccessOff
        caller.require(scope)
        if caller.only_job is not None and "job_id" not in connection.path_params:
            raise ScopeMissing(scope=scope)  # a ticket is for the addresses of its job
        return caller

    return caller_with_scope


Reader = Annotated[Caller, Depends(require("read"))]
Transcriber = Annotated[Caller, Depends(require("transcribe"))]
Admin = Annotated[Caller, Depends(require("admin"))]


async def check_visible(services: Services, caller: Caller, job_id: str) -> None:
    """Raises JobNotFound where the job does not exist for this caller."""
    if services.access.is_on:
        caller.check_sees(await services.jobs.get(job_id))
