"""A JSON body of a request, within bounds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from common.errors import OptionUnknown
from common.http.disconnect import body_of
from common.upload.fields import read_object


async def read_json(request: Request) -> dict[str, Any]:
    """The object that the body holds. Raises BodyMalformed."""
    return await read_object(body_of(request))


def check_names(body: dict[str, Any], known: Collection[str]) -> None:
    """Raises OptionUnknown."""
    for name in body:
        if name not in known:
            raise OptionUnknown(option=name[:40], known=", ".join(known))
