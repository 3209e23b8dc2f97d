"""`TaskQueue` over SQS. Its longest delay is 15 minutes: a message that comes before its time is sent on.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from common.aws.clients import Clients
from common.aws.failures import Denied, named
from common.aws.messages import Run
from common.errors import EscribaError

LONGEST_DELAY = 900
_RENEWALS = 3  # within the time that a message is hidden for

_READY = "ApproximateNumberOfMessages"
_COUNTED = (
    _READY,
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Expect(Protocol):
    def __call__(self, job_id: str, *, now: float, at: float) -> Awaitable[None]: ...


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
        now = self._now()
        await self.send(Run(job_id, now + delay))
        with suppress(EscribaError):  # the message is on its way; at worst another follows it
            await self._expect(job_id, now=now, at=now + delay)

    async def send(self, message: Run) -> None:
        """A message is delayed until its job is due, or as long as SQS delays any."""
        delay = max(0.0, message.due_at - self._now())
        seconds = min(math.ceil(delay), LONGEST_DELAY)
        await self._clients.call(
            "sqs",
            lambda sqs: sqs.send_message(QueueUrl=self._url, MessageBody=message.body, DelaySeconds=seconds),
        )

    async def retry(self, receipt: str, *, after: int) -> None:
        """Let a message in hand come again after that many seconds."""
        with suppress(Denied, EscribaError):  # else it comes when the queue's own time for it is over
            await self._clients.call(
                "sqs",
                lambda sqs: sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=after
                ),
            )

    @asynccontextmanager
    async def hold(self, receipt: str, *, seconds: float) -> AsyncIterator[None]:
        """Hide a message from other workers while the body runs; if this one dies, for `seconds` at most.

        The queue itself hides it for far longer, since Lambda asks for six times the function's time.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/best-practices-processing-messages-timely-manner.html
        """
        await self.retry(receipt, after=math.ceil(seconds))
        done = asyncio.Event()
        renewing = asyncio.create_task(self._hide_until(done, receipt, seconds))
        try:
            yield
        finally:
            # Not cancelled: a call that is under way would reach SQS after what the caller says next.
            done.set()
            await renewing

    async def _hide_until(self, done: asyncio.Event, receipt: str, seconds: float) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), seconds / _RENEWALS)
                return
            await self.retry(receipt, after=math.ceil(seconds))

    async def backlog(self) -> int:
        """About how many messages wait, are delayed or are in hand; none where there is no queue."""
        return 0 if self._queue_url is None else await self._count(*_COUNTED)

    async def ready(self) -> int:
        """About how many messages lie there for the next worker."""
        return await self._count(_READY)

    async def _count(self, *names: str) -> int:
        answer = await self._clients.call(
            "sqs", lambda sqs: sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(names))
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    @property
    def _url(self) -> str:
        return named(self._queue_url, "QUEUE_URL")
