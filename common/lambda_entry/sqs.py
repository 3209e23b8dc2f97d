"""SQS: a batch of messages, each done or handed back on its own, within the time that Lambda gives.

https://docs.powertools.aws.dev/lambda/python/latest/utilities/batch/
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from common.aws import messages
from common.aws.messages import Posted, Run
from common.aws.uploads import posted
from common.delivery.dispatch import relaying
from common.jobs.shift import give_up, work_shift
from common.lambda_entry import loop
from common.lambda_entry.handlers import Answer, Event, LambdaHandler
from common.lambda_entry.sandbox import Sandbox, compose, once
from common.lambda_entry.telemetry import count_job, traced
from common.log import log

# What a run that is cut needs to be given back in order, and the last news to be told.
_LAST_SECONDS = 25.0
# Seconds for a store that could not keep how a run went: nothing else would slow such a job down.
_UNTIL_STORED = 30.0


class TimeUp(Exception):
    """Too little of the call's time is left to begin."""


def handler_of() -> LambdaHandler:
    loop.ready()
    current = once(lambda: compose(delivers=True))
    current()

    def handler(event: Event, context: Any) -> Answer:
        sandbox = current()
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

        def one(record: SQSRecord) -> None:
            loop.run(_one(sandbox, record, context))

        answer = process_partial_response(event, one, processor, context=context)
        return dict(answer)

    return handler


async def _one(sandbox: Sandbox, record: SQSRecord, context: Any) -> None:
    try:
        sandbox.require_keys()
        for message in messages.read(record.body):
            await _do(sandbox, message, context)
    except Exception as exc:
        tries = int(record.attributes.approximate_receive_count)
        log("message.failed", level="ERROR", messageId=record.message_id, exc_info=exc)
        await sandbox.tasks.retry(record.receipt_handle, after=messages.again_after(tries))
        raise


async def _do(sandbox: Sandbox, message: Run | Posted, context: Any) -> None:
    if isinstance(message, Posted):
        await posted(sandbox.services, sandbox.audio, message.job_id)
    elif message.due_at > sandbox.services.now():
        await sandbox.tasks.send(message)  # SQS delays for 15 minutes at most
    else:
        await _run(sandbox, message, context)


async def _run(sandbox: Sandbox, message: Run, context: Any) -> None:
    services, job_id = sandbox.services, message.job_id
    seconds = context.get_remaining_time_in_millis() / 1000 - _LAST_SECONDS
    if seconds <= 0:
        raise TimeUp
    with traced("shift", jobId=job_id):
        async with relaying(services, job_id):
            shift = await work_shift(services, job_id, context.aws_request_id, seconds=seconds)
    fruitless = 0 if shift.has_new_piece else message.fruitless + 1
    if shift.outcome == "cut" and fruitless >= services.settings.max_attempts:
        await give_up(services, job_id)
    elif shift.outcome == "cut":
        await sandbox.tasks.send(Run(job_id, services.now(), fruitless))
    elif shift.outcome == "dropped":
        await sandbox.tasks.send(Run(job_id, services.now() + _UNTIL_STORED, message.fruitless))
    elif shift.outcome == "pending":
        await posted(services, sandbox.audio, job_id)
    elif shift.outcome == "ended":
        count_job(await services.jobs.get(job_id), await services.jobs.result(job_id))
