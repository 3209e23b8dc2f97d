"""What the app answers when the framework itself refuses a request."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, HTTPException

from common.http.app import build_app


async def answer_to(exc: HTTPException) -> httpx.Response:
    router = APIRouter()

    @router.get("/")
    async def raises() -> None:
        raise exc

    transport = httpx.ASGITransport(build_app(router))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.get("/", headers={"accept-language": "es"})


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "request_refused"),
        (401, "request_refused"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (418, "request_refused"),
        (500, "internal_error"),
        (503, "internal_error"),
    ],
)
async def test_a_refusal_of_the_framework_keeps_its_status_and_has_a_code(status: int, code: str) -> None:
    answer = await answer_to(HTTPException(status, "detail"))
    error: Any = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert answer.headers["content-language"] == "es"
    assert error["message"]
    assert "detail" not in answer.text


async def test_its_headers_are_kept_but_not_in_place_of_ours() -> None:
    headers = {"WWW-Authenticate": "Bearer", "Content-Type": "text/html"}
    answer = await answer_to(HTTPException(401, headers=headers))
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("status", "headers"), [(304, None), (303, {"Location": "/docs"})])
async def test_what_is_no_failure_has_no_body(status: int, headers: dict[str, str] | None) -> None:
    answer = await answer_to(HTTPException(status, headers=headers))
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers.get("location") == (headers or {}).get("Location")
