"""Messages to API Gateway's WebSockets: each within the size of a frame, and complete all the same."""

from __future__ import annotations

import json
from typing import Any

from common.aws.websocket_frames import LARGEST_FRAME, split_into_frames

JOB = {"jobId": "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10", "status": "processing"}


def split(message: dict[str, Any]) -> list[dict[str, Any]]:
    frames = list(split_into_frames(json.dumps(message, ensure_ascii=False)))
    assert all(len(frame.encode()) <= LARGEST_FRAME for frame in frames)
    return [json.loads(frame) for frame in frames]


def piece(index: int, size: int) -> dict[str, Any]:
    return {"index": index, "start": 0.0, "end": 1.0, "text": "ñ" * size}


def test_a_message_that_fits_is_sent_as_it_is() -> None:
    message = {"type": "snapshot", "seq": 3, "job": JOB, "pieces": [piece(0, 10)]}
    assert split(message) == [message]


def test_a_long_snapshot_is_sent_piece_by_piece_at_its_own_seq() -> None:
    pieces = [piece(index, 10_000) for index in range(7)]
    first, *more = split({"type": "snapshot", "seq": 9, "job": JOB, "pieces": pieces})
    assert first == {"type": "snapshot", "seq": 9, "job": JOB, "pieces": []}
    assert more == [{"type": "text", "seq": 9, "job": JOB, **each} for each in pieces]


def test_a_text_that_no_frame_can_hold_is_sent_as_progress() -> None:
    message = {"type": "text", "seq": 4, "job": JOB, **piece(0, LARGEST_FRAME)}
    assert split(message) == [{"type": "progress", "seq": 4, "job": JOB}]
    snapshot = {"type": "snapshot", "seq": 4, "job": JOB, "pieces": [piece(0, LARGEST_FRAME), piece(1, 5)]}
    assert [frame["type"] for frame in split(snapshot)] == ["snapshot", "progress", "text"]
