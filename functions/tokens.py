"""POST /tokens: a short-lived token for one user of a page, or for one job, so that no page holds a key.

GET /tokens: what a key or token may do.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.caller import ADMIN, OPEN_SCOPES, Caller
from common.access.tokens import LONGEST, Token, sign_token
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import CallerDep, check_visible
from common.http.job_request import USER_ID, USER_ID_FORM
from common.http.json_body import check_names, read_json
from common.http.openapi import Fields, exact_object, request_body
from common.jobs.ids import parse_job_id
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.models import Scope
from common.services import Services

router = APIRouter(tags=["access"])

_SCOPES = sorted(OPEN_SCOPES)
_FIELDS: Fields = {
    "sub": {
        "type": ["string", "null"],
        "pattern": f"^{USER_ID.pattern}$",
        "description": "the user: jobs of other users do not exist",
    },
    "jobId": {
        "type": ["string", "null"],
        "format": "uuid",
        "description": "only to read this job; fit for `?ticket=`",
    },
    "seconds": {"type": ["number", "null"], "default": 600, "minimum": 1, "maximum": LONGEST},
    "scopes": {
        "type": ["array", "null"],
        "items": {"enum": _SCOPES},
        "description": "the key's own at most",
    },
}
_EXAMPLE = {"token": "est_…", "expiresAt": "2026-01-01T12:10:00.000Z", "scopes": ["read", "transcribe"]}
_OWN_EXAMPLE = {"scopes": ["read", "transcribe"], "expiresAt": "2026-01-01T12:10:00.000Z"}
_DEFAULT_SECONDS = 600.0
_SECONDS = f"1 … {LONGEST:.0f}"


@router.post(
    "/tokens",
    summary="A short-lived token for a page, from the key that its server holds",
    response_model=None,
    status_code=201,
    openapi_extra=request_body(exact_object(_FIELDS)),
    responses={
        201: {
            "description": "send it as a key: Authorization: Bearer, a WebSocket's subprotocol; as "
            "`?ticket=` where neither can be set",
            "content": {"application/json": {"example": _EXAMPLE}},
        },
        **error_examples(
            errors.KeyMissing(),
            errors.KeyInvalid(),
            errors.ScopeMissing(scope="read"),
            errors.JobNotFound(),
            errors.AccessOff(),
            errors.OptionInvalid(option="seconds", expected=_SECONDS),
        ),
    },
)
async def make_token(request: Request, services: ServicesDep, caller: CallerDep) -> Response:
    """Only a key's holder makes tokens: a token makes none, so that it ends when it says."""
    if not services.access.is_on:
        raise errors.AccessOff
    if caller.kind not in {"key", "admin"}:
        raise errors.KeyMissing
    token = await _token(await read_json(request), caller, services)
    text = sign_token(token, secret=services.access.secret)
    view = {"token": text, "expiresAt": iso_time(token.expires_at), "scopes": list(token.scopes)}
    return json_response(view, 201, {"Cache-Control": "no-store"})


async def _token(body: dict[str, Any], caller: Caller, services: Services) -> Token:
    check_names(body, _FIELDS)
    job_id = None
    if body.get("jobId") is not None:
        job_id = parse_job_id(str(body["jobId"]))
        await check_visible(services, caller, job_id)
    return Token(
        key_id=caller.owner or ADMIN,
        scopes=("read",) if job_id else _scopes(body.get("scopes"), caller),
        expires_at=services.now() + _seconds(body.get("seconds")),
        subject=_subject(body.get("sub")),
        job_id=job_id,
    )


def _scopes(value: object, caller: Caller) -> tuple[Scope, ...]:
    allowed = sorted(caller.scopes & OPEN_SCOPES)
    if value is None:
        return tuple(allowed)
    if not isinstance(value, list) or not all(scope in _SCOPES for scope in value):
        raise errors.OptionInvalid(option="scopes", expected=", ".join(_SCOPES))
    for scope in value:
        caller.require(scope)
    return tuple(scope for scope in allowed if scope in value)


def _seconds(value: object) -> float:
    if value is None:
        return _DEFAULT_SECONDS
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= LONGEST:
        raise errors.OptionInvalid(option="seconds", expected=_SECONDS)
    return float(value)


def _subject(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not USER_ID.fullmatch(value):
        raise errors.OptionInvalid(option="sub", expected=USER_ID_FORM)
    return value


@router.get(
    "/tokens",
    summary="What the key or token that you send may do",
    response_model=None,
    responses={
        200: {
            "description": "`scopes`; `expiresAt` where it ends by itself",
            "content": {"application/json": {"example": _OWN_EXAMPLE}},
        },
        **error_examples(errors.KeyMissing(), errors.KeyInvalid(), errors.KeyExpired()),
    },
)
async def own_scopes(caller: CallerDep) -> Response:
    """A page shows only what its key allows."""
    view: dict[str, Any] = {"scopes": sorted(caller.scopes)}
    if caller.expires_at is not None:
        view["expiresAt"] = iso_time(caller.expires_at)
    return json_response(view, headers={"Cache-Control": "no-store"})


handler = http_handler(router)
