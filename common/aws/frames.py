"""Messages cut to one frame's 32 KB: API Gateway closes on larger ones. Text without room is left out.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

LARGEST = 31_000


def frames(message: str) -> Iterator[str]:
    """The message, or a snapshot's first pieces and then each further one as `text` of the same seq."""
    if len(message.encode()) <= LARGEST:
        yield message
        return
    told = json.loads(message)
    pieces = told.pop("pieces", [])
    if told["type"] == "snapshot":
        yield _json({**told, "pieces": []})
        for piece in pieces:
            yield _json(_fitting({"type": "text", "seq": told["seq"], "job": told["job"], **piece}))
    else:
        yield _json(_fitting(told))


def _fitting(told: dict[str, Any]) -> dict[str, Any]:
    """Without its text where that alone is too long: it is in the answer of GET /job/{id}."""
    if len(_json(told).encode()) <= LARGEST:
        return told
    return {"type": "progress", "seq": told["seq"], "job": told["job"]}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
