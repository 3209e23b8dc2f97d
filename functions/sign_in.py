"""POST /sign-in: a token for a browser, from the page's password or from the browser's last token."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.access import Access
from common.access.credentials import find_credential
from common.access.page_password import PagePassword
from common.access.tokens import Token
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import caller_of
from common.http.edge import client_of
from common.http.json_body import check_names, read_json
from common.http.openapi import exact_object, request_body
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler

router = APIRouter(tags=["access"])

# What a browser keeps; nobody can guess it.
_BROWSER = re.compile(r"[0-9A-Za-z_-]{32,64}")
_BROWSER_FORM = errors.Sentence(
    "32 to 64 random letters, digits, - and _", "de 32 a 64 letras, cifras, - y _ al azar"
)
_A_TEXT = errors.Sentence("a text", "un texto")
_FIELDS = {
    "password": {"type": "string", "description": "the server's PAGE_PASSWORD"},
    "browser": {
        "type": "string",
        "pattern": f"^{_BROWSER.pattern}$",
        "description": "random, kept in the browser: who sends it and the password sees its jobs",
    },
}
_EXAMPLE = {
    "token": "est_…",
    "expiresAt": "2026-01-02T00:00:00.000Z",
    "expiresIn": 43_200,
    "scopes": ["read", "transcribe"],
}


@router.post(
    "/sign-in",
    summary="A token for the browser that knows the page's password",
    response_model=None,
    status_code=201,
    openapi_extra=request_body(exact_object(_FIELDS)),
    responses={
        201: {
            "description": "send it as a key. Before it ends, it gets another with `{}` as the body, up to "
            "30 days after the password was sent; another password ends them all",
            "content": {"application/json": {"example": _EXAMPLE}},
        },
        **error_examples(
            errors.PasswordWrong(),
            errors.SessionMissing(),
            errors.PasswordOff(),
            errors.OptionInvalid(option="browser", expected=_BROWSER_FORM),
            errors.TooManyGuesses(retry_after=6),
        ),
    },
)
async def sign_in(request: Request, services: ServicesDep) -> Response:
    """Without `password`, a browser's token is exchanged for the next one."""
    page = _page_password(services.access)
    body = await read_json(request)
    check_names(body, _FIELDS)
    now = services.now()
    if "password" in body:
        subject = page.subject_of(_browser(body))
        page.check(_text(body), client=client_of(request), now=now)
        token = page.sign(subject, signed_in_at=now, now=now)
    else:
        token = await _next_token(request, page, now)
    expires_in = round(token.expires_at - now)
    view = {"token": page.write(token), "expiresAt": iso_time(token.expires_at), "expiresIn": expires_in}
    return json_response(view | {"scopes": list(token.scopes)}, 201, {"Cache-Control": "no-store"})


def _page_password(access: Access) -> PagePassword:
    if access.page is None:
        raise errors.PasswordOff
    return access.page


def _browser(body: dict[str, Any]) -> str:
    value = body.get("browser")
    if not isinstance(value, str) or not _BROWSER.fullmatch(value):
        raise errors.OptionInvalid(option="browser", expected=_BROWSER_FORM)
    return value


def _text(body: dict[str, Any]) -> str:
    if not isinstance(body["password"], str):
        raise errors.OptionInvalid(option="password", expected=_A_TEXT)
    return body["password"]


async def _next_token(request: Request, page: PagePassword, now: float) -> Token:
    """Raises SessionMissing, KeyExpired, TooManyRequests."""
    credential = find_credential(request.scope["headers"], b"")
    old = page.find(credential, now=now) if credential else None
    if old is None or old.subject is None or old.signed_in_at is None:
        raise errors.SessionMissing
    await caller_of(request)  # which counts the request
    return page.sign(old.subject, signed_in_at=old.signed_in_at, now=now)


handler = http_handler(router)
