"""The messages of the jobs' queue: run this job or find its speakers, or its recording was posted to S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from common.aws.s3_audio import POSTED_PREFIX
from common.errors import JobNotFound
from common.jobs.ids import parse_job_id

_FIRST_RETRY_DELAY, _LONGEST_RETRY_DELAY = 30, 900  # seconds


@dataclass(frozen=True, slots=True)
class RunMessage:
    """Run a job of `client`, not before `due_at`; `fruitless` shifts at it have ended without a new piece.

    Where the job is completed and its speakers are to come, find them.
    """

    job_id: str
    due_at: float
    fruitless: int = 0
    client: str | None = None

    @property
    def body(self) -> str:
        optional = {"fruitless": self.fruitless, "client": self.client}
        set_ones = {name: value for name, value in optional.items() if value}
        return json.dumps({"jobId": self.job_id, "dueAt": self.due_at, **set_ones})


@dataclass(frozen=True, slots=True)
class PostedMessage:
    """A client has posted a job's recording."""

    job_id: str


def parse(body: str) -> list[RunMessage | PostedMessage]:
    """What one message asks for; nothing, if it is not ours, such as the bucket's first test event."""
    try:
        fields = json.loads(body)
    except ValueError:
        return []
    if not isinstance(fields, dict):
        return []
    if "Records" in fields:
        return list(_posted(fields))
    if isinstance(fields.get("jobId"), str):
        due_at, fruitless = float(fields.get("dueAt", 0)), int(fields.get("fruitless", 0))
        return [RunMessage(fields["jobId"], due_at, fruitless, fields.get("client"))]
    return []


def retry_delay(tries: int) -> int:
    """Seconds until a message that failed so many times comes again, rather than the queue's hour and a half.

    Ever longer, so that the few tries before it becomes a dead letter outlast an outage of some minutes.
    """
    return min(_LONGEST_RETRY_DELAY, _FIRST_RETRY_DELAY * int(4 ** (tries - 1)))


def _posted(notification: dict[str, Any]) -> Iterator[PostedMessage]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    from aws_lambda_powertools.utilities.data_classes import S3Event

    for record in S3Event(notification).records:
        with suppress(KeyError, JobNotFound):  # another event, or an object that is no job's
            key = unquote_plus(record.s3.get_object.key)
            if key.startswith(POSTED_PREFIX):
                yield PostedMessage(parse_job_id(key.removeprefix(POSTED_PREFIX)))
