"""The queue's messages: ours are read as they were written, S3's name the job, others ask for nothing."""

from __future__ import annotations

import json

import pytest

from common.aws.queue_messages import PostedMessage, RunMessage, parse, retry_delay
from tests.recorded import s3_body

ID = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


@pytest.mark.parametrize("message", [RunMessage(ID, 1_800_000_000.25), RunMessage(ID, 0, fruitless=3)])
def test_a_message_is_read_as_it_was_written(message: RunMessage) -> None:
    assert parse(message.body) == [message]


def test_s3s_notification_names_the_job_whose_recording_was_posted() -> None:
    assert parse(s3_body(f"uploads/{ID}", "bucket")) == [PostedMessage(ID)]


@pytest.mark.parametrize(
    "key", ["audio/" + ID, "uploads/", "uploads/../audio/" + ID, "uploads/%2e%2e", "uploads/" + ID + "/x", ""]
)
def test_an_object_of_another_name_is_no_posted_recording(key: str) -> None:
    assert parse(s3_body(key, "bucket")) == []


@pytest.mark.parametrize(
    "body", ["", "no json", "7", "[]", "{}", '{"jobId": 7}', '{"Event": "s3:TestEvent"}', '{"Records": []}']
)
def test_a_message_that_is_not_ours_asks_for_nothing(body: str) -> None:
    assert parse(body) == []


def test_a_notification_may_name_several_recordings() -> None:
    event = json.loads(s3_body(f"uploads/{ID}", "bucket"))
    other = ID.replace("6f1c", "0000")
    event["Records"] += json.loads(s3_body(f"uploads/{other}", "bucket"))["Records"]
    assert parse(json.dumps(event)) == [PostedMessage(ID), PostedMessage(other)]


def test_a_message_that_fails_again_and_again_comes_ever_later() -> None:
    assert [retry_delay(tries) for tries in range(1, 6)] == [30, 120, 480, 900, 900]
