"""SQS: a batch of messages, each done or handed back on its own, within the time that Lambda gives.

https://docs.powertools.aws.dev/lambda/python/latest/utilities/batch/
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from common.aws import queue_messages
from common.aws.posted_audio import accept_posted_audio
from common.aws.queue_messages import PostedMessage, RunMessage
from common.delivery.dispatch import deliver_during_run
from common.jobs.later_speakers import run_speaker_task
from common.jobs.shift import give_up, work_shift
from common.lambda_entry import loop
from common.lambda_entry.emf import write_counters
from common.lambda_entry.handlers import Answer, Event, Handle
from common.lambda_entry.sandbox import Sandbox, compose, compose_once
from common.lambda_entry.telemetry import subsegment
from common.log import log

# What it takes to give back a run that is cut off, and to send its last deliveries.
_RESERVED_SECONDS = 25.0
# Until a run is tried again whose outcome the store could not keep: nothing else slows such a job down.
_RETRY_SECONDS = 30.0


class TooLittleTime(Exception):
    """The call has too little time left to begin a run."""


def make_handler() -> Handle:
    loop.current()
    sandbox = compose_once(lambda: compose(sends_deliveries=True))
    sandbox()

    def handle(event: Event, context: Any) -> Answer:
        current = sandbox()
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

        def process(record: SQSRecord) -> None:
            loop.run(_process(current, record, context))

        answer = dict(process_partial_response(event, process, processor, context=context))
        write_counters(current.services)
        loop.run(current.services.admin.store_usage(now=current.services.now()))
        return answer

    return handle


async def _process(sandbox: Sandbox, record: SQSRecord, context: Any) -> None:
    try:
        sandbox.require_keys()
        for message in queue_messages.parse(record.body):
            await _do(sandbox, message, record.receipt_handle, context)
    except Exception as exc:
        tries = int(record.attributes.approximate_receive_count)
        log("message.failed", level="ERROR", messageId=record.message_id, exc_info=exc)
        await sandbox.queue.hide(record.receipt_handle, seconds=queue_messages.retry_delay(tries))
        raise


async def _do(sandbox: Sandbox, message: RunMessage | PostedMessage, receipt: str, context: Any) -> None:
    if isinstance(message, PostedMessage):
        await _accept_posted_audio(sandbox, message.job_id, receipt)
    elif message.due_at > sandbox.services.now():
        await sandbox.queue.send(message)  # SQS delays for 15 minutes at most
    else:
        await _run(sandbox, message, receipt, context)


async def _accept_posted_audio(sandbox: Sandbox, job_id: str, receipt: str) -> None:
    """A pending job has no lease that ends when its worker dies: the queue brings the message again."""
    async with sandbox.queue.hold(receipt, seconds=sandbox.services.settings.lease_seconds):
        await accept_posted_audio(sandbox.services, sandbox.audio, job_id)


async def _run(sandbox: Sandbox, message: RunMessage, receipt: str, context: Any) -> None:
    services, job_id, seconds = sandbox.services, message.job_id, _seconds_left(context)
    with subsegment("shift", jobId=job_id):
        async with deliver_during_run(services, job_id):
            shift = await work_shift(services, job_id, context.aws_request_id, seconds=seconds)
    fruitless = 0 if shift.has_new_piece else message.fruitless + 1
    if shift.outcome == "cut" and fruitless >= services.settings.max_attempts:
        await give_up(services, job_id)
    elif shift.outcome == "cut":
        await sandbox.queue.send(RunMessage(job_id, services.now(), fruitless, message.client))
    elif shift.outcome == "dropped":
        await sandbox.queue.send(
            RunMessage(job_id, services.now() + _RETRY_SECONDS, message.fruitless, message.client)
        )
    elif shift.outcome == "pending":
        await _accept_posted_audio(sandbox, job_id, receipt)
    elif shift.outcome == "unlabelled":
        await _find_speakers(sandbox, message, context)
    elif shift.outcome == "completed":
        await _send_for_speakers(sandbox, message)


async def _find_speakers(sandbox: Sandbox, message: RunMessage, context: Any) -> None:
    """Of a completed job. Where they are not due yet, or another worker has the task, do nothing: another
    message comes.
    """
    services, tasks, job_id = sandbox.services, sandbox.speaker_tasks, message.job_id
    holder, lease = context.aws_request_id, services.settings.lease_seconds
    seconds = _seconds_left(context)
    task = await tasks.claim(job_id, holder, now=services.now(), seconds=lease)
    if task is None:
        return
    with subsegment("speakers", jobId=job_id):
        async with deliver_during_run(services, job_id):
            await run_speaker_task(services, tasks, task, holder, seconds=seconds)
    await _send_for_speakers(sandbox, message)


async def _send_for_speakers(sandbox: Sandbox, message: RunMessage) -> None:
    """Let a worker find the speakers of a completed job that still awaits them, at their time."""
    due_at = await sandbox.speaker_tasks.due_at(message.job_id, now=sandbox.services.now())
    if due_at is not None:
        await sandbox.queue.send(RunMessage(message.job_id, due_at, client=message.client))


def _seconds_left(context: Any) -> float:
    """Raises TooLittleTime."""
    seconds: float = context.get_remaining_time_in_millis() / 1000 - _RESERVED_SECONDS
    if seconds <= 0:
        raise TooLittleTime
    return seconds
