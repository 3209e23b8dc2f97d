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
from common.aws.errors import AwsRefusal, require_name
from common.aws.queue_messages import RunMessage
from common.errors import EscribaError
from common.queued_job import QueuedJob

_LONGEST_DELAY = 900
_RENEWALS = 3  # within the time that `hold` hides a message for

_READY = "ApproximateNumberOfMessages"
_ALL = (_READY, "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class NoteMessage(Protocol):
    def __call__(self, job_id: str, *, now: float, due_at: float) -> Awaitable[None]: ...


class SqsQueue:
    """`note_message` records when a message will bring a job, so that the sweep sends no other too soon.

    `url` may be None where nothing is asked of the queue. Calls raise Busy, StorageBroken.
    """

    def __init__(
        self, clients: Clients, url: str | None, *, now: Callable[[], float], note_message: NoteMessage
    ) -> None:
        self._clients = clients
        self._queue_url = url
        self._now = now
        self._note_message = note_message

    async def put(self, job_id: str, *, delay: float = 0, client: str | None = None) -> None:
        now = self._now()
        await self.send(RunMessage(job_id, now + delay, client=client))
        with suppress(EscribaError):  # the message is on its way; at worst another follows it
            await self._note_message(job_id, now=now, due_at=now + delay)

    async def send(self, message: RunMessage) -> None:
        """A message is delayed until its job is due, or as long as SQS delays any.

        Of clients with many messages SQS delays those rather than other clients':
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        delay = max(0.0, message.due_at - self._now())
        seconds = min(math.ceil(delay), _LONGEST_DELAY)
        await self._clients.call(
            "sqs",
            lambda sqs: sqs.send_message(
                QueueUrl=self._url,
                MessageBody=message.body,
                DelaySeconds=seconds,
                **({"MessageGroupId": message.client} if message.client else {}),
            ),
        )

    async def hide(self, receipt: str, *, seconds: float) -> None:
        """Let a message that this worker received come again after so many seconds from now."""
        with suppress(AwsRefusal, EscribaError):  # else it comes when the queue's own time for it is over
            await self._clients.call(
                "sqs",
                lambda sqs: sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=math.ceil(seconds)
                ),
            )

    @asynccontextmanager
    async def hold(self, receipt: str, *, seconds: float) -> AsyncIterator[None]:
        """Hide a message while the body runs. If the process dies, it comes again within `seconds`.

        The queue itself hides it for far longer, since Lambda asks for six times the function's time.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/best-practices-processing-messages-timely-manner.html
        """
        await self.hide(receipt, seconds=seconds)
        done = asyncio.Event()
        renewing = asyncio.create_task(self._hide_until(done, receipt, seconds))
        try:
            yield
        finally:
            # Not cancelled: a call under way would reach SQS after one that the caller makes next.
            done.set()
            await renewing

    async def _hide_until(self, done: asyncio.Event, receipt: str, seconds: float) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), seconds / _RENEWALS)
                return
            await self.hide(receipt, seconds=seconds)

    async def waiting(self, *, limit: int) -> list[QueuedJob] | None:  # noqa: ARG002
        """SQS shows no message before a worker gets it."""
        return None

    async def backlog(self) -> int:
        """About how many messages wait, are delayed or are hidden; none where there is no queue."""
        return 0 if self._queue_url is None else await self._count(*_ALL)

    async def count_ready(self) -> int:
        """About how many messages lie there for the next worker."""
        return await self._count(_READY)

    async def _count(self, *names: str) -> int:
        answer = await self._clients.call(
            "sqs", lambda sqs: sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(names))
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    @property
    def _url(self) -> str:
        return require_name(self._queue_url, "QUEUE_URL")
