"""Watchers' messages cut to API Gateway's 32 KB a frame: it closes the connection on larger ones.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

LARGEST_FRAME = 31_000  # bytes


def split_into_frames(message: str) -> Iterator[str]:
    """The message; or a snapshot without its pieces, then each piece as a `text` of the same seq.

    A text that is too long for a frame is left out: GET /job/{id} has it.
    """
    if len(message.encode()) <= LARGEST_FRAME:
        yield message
        return
    fields = json.loads(message)
    pieces = fields.pop("pieces", [])
    if fields["type"] == "snapshot":
        yield _json({**fields, "pieces": []})
        for piece in pieces:
            yield _json(
                _without_long_text({"type": "text", "seq": fields["seq"], "job": fields["job"], **piece})
            )
    else:
        yield _json(_without_long_text(fields))


def _without_long_text(fields: dict[str, Any]) -> dict[str, Any]:
    """Mere progress in the place of a message that no frame can hold."""
    if len(_json(fields).encode()) <= LARGEST_FRAME:
        return fields
    return {"type": "progress", "seq": fields["seq"], "job": fields["job"]}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
