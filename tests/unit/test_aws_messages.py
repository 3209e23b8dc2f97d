"""What the queue's messages say, whoever wrote them."""

from __future__ import annotations

import json

import pytest

from common.aws.messages import Posted, Run, again_after, read
from tests.recorded import s3_body

ID = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


@pytest.mark.parametrize("run", [Run(ID, 1_800_000_000.25), Run(ID, 0, fruitless=3)])
def test_what_is_written_is_what_is_read(run: Run) -> None:
    assert read(run.body) == [run]


def test_s3_says_whose_recording_has_come() -> None:
    assert read(s3_body(f"uploads/{ID}", "bucket")) == [Posted(ID)]


@pytest.mark.parametrize(
    "key", ["audio/" + ID, "uploads/", "uploads/../audio/" + ID, "uploads/%2e%2e", "uploads/" + ID + "/x", ""]
)
def test_other_objects_are_nobodys_recording(key: str) -> None:
    assert read(s3_body(key, "bucket")) == []


@pytest.mark.parametrize(
    "body", ["", "no json", "7", "[]", "{}", '{"jobId": 7}', '{"Event": "s3:TestEvent"}', '{"Records": []}']
)
def test_what_is_none_of_ours_asks_for_nothing(body: str) -> None:
    assert read(body) == []


def test_several_recordings_in_one_message_are_all_told() -> None:
    event = json.loads(s3_body(f"uploads/{ID}", "bucket"))
    other = ID.replace("6f1c", "0000")
    event["Records"] += json.loads(s3_body(f"uploads/{other}", "bucket"))["Records"]
    assert read(json.dumps(event)) == [Posted(ID), Posted(other)]


def test_what_fails_again_and_again_comes_ever_later() -> None:
    assert [again_after(tries) for tries in range(1, 6)] == [30, 120, 480, 900, 900]
