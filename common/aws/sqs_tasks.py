"""`TaskQueue` over SQS. Its longest delay is 15 minutes: a message that comes before its time is sent on.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from common.aws.clients import Clients
from common.aws.failures import named
from common.errors import EscribaError

LONGEST_DELAY = 900

_COUNTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Expect(Protocol):
    def __call__(self, job_id: str, *, at: float) -> Awaitable[None]: ...


class SqsTasks:
    """`expect` is told when a message will bring a job, so that none is sent again too soon.

    `url` may be None where nothing will be asked of it. Calls raise Busy, StorageBroken.
    """

    def __init__(
        self, clients: Clients, url: str | None, *, now: Callable[[], float], expect: Expect
    ) -> None:
        self._clients = clients
        self._queue_url = url
        self._now = now
        self._expect = expect

    async def put(self, job_id: str, *, delay: float = 0) -> None:
        due_at = self._now() + delay
        await self._send(job_id, due_at, delay)
        with suppress(EscribaError):  # the message is on its way; at worst another follows it
            await self._expect(job_id, at=due_at)

    async def put_off(self, job_id: str, *, due_at: float) -> None:
        """Send a message on that came before its time."""
        await self._send(job_id, due_at, due_at - self._now())

    async def _send(self, job_id: str, due_at: float, delay: float) -> None:
        seconds = min(math.ceil(max(delay, 0.0)), LONGEST_DELAY)
        body = json.dumps({"jobId": job_id, "dueAt": due_at})
        await self._clients.call(
            "sqs",
            lambda sqs: sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=seconds),
        )

    async def backlog(self) -> int:
        """About how many messages wait, are delayed or are in hand; none where there is no queue."""
        if self._queue_url is None:
            return 0
        answer = await self._clients.call(
            "sqs",
            lambda sqs: sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(_COUNTED)),
        )
        return sum(int(answer["Attributes"][name]) for name in _COUNTED)

    @property
    def _url(self) -> str:
        return named(self._queue_url, "QUEUE_URL")
