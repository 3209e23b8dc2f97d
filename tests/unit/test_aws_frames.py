"""Messages to WebSockets of API Gateway: each within its bound, none without what it must say."""

from __future__ import annotations

import json
from typing import Any

from common.aws.frames import LARGEST, frames

JOB = {"jobId": "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10", "status": "processing"}


def told(message: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(frames(json.dumps(message, ensure_ascii=False)))
    assert all(len(frame.encode()) <= LARGEST for frame in found)
    return [json.loads(frame) for frame in found]


def piece(index: int, size: int) -> dict[str, Any]:
    return {"index": index, "start": 0.0, "end": 1.0, "text": "ñ" * size}


def test_what_fits_is_sent_as_it_is() -> None:
    message = {"type": "snapshot", "seq": 3, "job": JOB, "pieces": [piece(0, 10)]}
    assert told(message) == [message]


def test_a_long_snapshot_is_told_piece_by_piece_at_its_own_seq() -> None:
    pieces = [piece(index, 10_000) for index in range(7)]
    first, *more = told({"type": "snapshot", "seq": 9, "job": JOB, "pieces": pieces})
    assert first == {"type": "snapshot", "seq": 9, "job": JOB, "pieces": []}
    assert more == [{"type": "text", "seq": 9, "job": JOB, **one} for one in pieces]


def test_text_that_no_message_can_carry_is_told_as_progress() -> None:
    message = {"type": "text", "seq": 4, "job": JOB, **piece(0, LARGEST)}
    assert told(message) == [{"type": "progress", "seq": 4, "job": JOB}]
    snapshot = {"type": "snapshot", "seq": 4, "job": JOB, "pieces": [piece(0, LARGEST), piece(1, 5)]}
    assert [one["type"] for one in told(snapshot)] == ["snapshot", "progress", "text"]
