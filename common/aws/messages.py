"""What the queue's messages say: run this job, or its recording has come to S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from common.aws.s3_audio import POSTED
from common.errors import JobNotFound
from common.jobs.ids import parse_job_id

_AGAIN_AFTER, _AGAIN_AFTER_AT_MOST = 30, 900


@dataclass(frozen=True, slots=True)
class Run:
    """Run a job, not before `due_at`; `fruitless` shifts at it have ended without a new piece."""

    job_id: str
    due_at: float
    fruitless: int = 0

    @property
    def body(self) -> str:
        told = {"jobId": self.job_id, "dueAt": self.due_at}
        return json.dumps(told | ({"fruitless": self.fruitless} if self.fruitless else {}))


@dataclass(frozen=True, slots=True)
class Posted:
    """A client has posted a job's recording."""

    job_id: str


def read(body: str) -> list[Run | Posted]:
    """What one message asks for; nothing, for what is none of ours, such as the bucket's first test event."""
    try:
        told = json.loads(body)
    except ValueError:
        return []
    if not isinstance(told, dict):
        return []
    if "Records" in told:
        return list(_posted(told))
    if isinstance(told.get("jobId"), str):
        return [Run(told["jobId"], float(told.get("dueAt", 0)), int(told.get("fruitless", 0)))]
    return []


def again_after(tries: int) -> int:
    """Seconds until a message that failed so many times comes again, rather than the queue's hour and a half.

    Ever longer, so that the few tries before it is a dead letter outlast an outage of some minutes.
    """
    return min(_AGAIN_AFTER_AT_MOST, _AGAIN_AFTER * int(4 ** (tries - 1)))


def _posted(notification: dict[str, Any]) -> Iterator[Posted]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    from aws_lambda_powertools.utilities.data_classes import S3Event

    for record in S3Event(notification).records:
        with suppress(KeyError, JobNotFound):  # another event, or somebody else's object
            key = unquote_plus(record.s3.get_object.key)
            if key.startswith(POSTED):
                yield Posted(parse_job_id(key.removeprefix(POSTED)))
