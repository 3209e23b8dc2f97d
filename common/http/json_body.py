"""A JSON body of a request, within bounds."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from common.http.disconnect import body_of
from common.upload.fields import read_object


async def read_json(request: Request) -> dict[str, Any]:
    """The object that the body holds. Raises BodyMalformed."""
    return await read_object(body_of(request))
