"""Sends one delivery, the newest snapshot of a job to one target, and stores what became of it.

A delivery is a row, not a message: nothing queues up behind a target that is away, the next snapshot contains
what was missed, and a repeat is harmless by its `seq`. See docs/decisions/outbox-of-rows.md.
"""

from __future__ import annotations

from common.delivery import rules
from common.errors import JobNotFound
from common.log import log
from common.models import Job
from common.ports import Delivery, Target
from common.sender_port import DeliveryFailed, DeliveryRejected, Sender
from common.services import Services


async def deliver(services: Services, delivery: Delivery) -> Delivery:
    """Send the job's newest snapshot to one target, store what became of it, and return that.

    Raises what the store raises: then nothing is known of the try, and it is repeated.
    """
    try:
        job = await services.jobs.get(delivery.job_id)
    except JobNotFound:
        return delivery  # removed meanwhile, and its deliveries with it
    tried = await _try(services, delivery, job)
    await services.jobs.settle(tried)
    services.counters.count_delivery(tried.target, _outcome(tried))
    if tried.last_error:
        _log_failure(tried)
    return tried


async def _try(services: Services, delivery: Delivery, job: Job) -> Delivery:
    result = await services.jobs.result(job.job_id) if job.status == "completed" else None
    sent_at = services.now()
    try:
        await _sender(services, delivery.target).send(job, result, is_asked=rules.is_asked(delivery))
    except DeliveryFailed as failure:
        return rules.fail(delivery, job.seq, failure, services.now())
    except DeliveryRejected as rejection:
        return rules.reject(delivery, job.seq, rejection.reason, sent_at)
    except Exception as exc:  # noqa: BLE001 - the border: a sender's bug must not repeat its request at once
        log("delivery.broke", level="ERROR", jobId=delivery.job_id, target=delivery.target, exc_info=exc)
        return rules.fail(delivery, job.seq, DeliveryFailed(type(exc).__name__), services.now())
    return rules.confirm(delivery, job.seq, sent_at)


def _sender(services: Services, target: Target) -> Sender:
    """Raises DeliveryFailed where its setting was removed since: the next start may bring it back."""
    if target not in services.senders:
        raise DeliveryFailed("not_set_up")
    return services.senders[target]


def _outcome(tried: Delivery) -> str:
    if tried.last_error is None:
        return "confirmed"
    return "postponed" if tried.is_open else "rejected"


def _log_failure(delivery: Delivery) -> None:
    is_rejected = _outcome(delivery) == "rejected"
    log(
        "delivery.refused" if is_rejected else "delivery.postponed",
        level="ERROR" if is_rejected else "WARNING",
        jobId=delivery.job_id,
        target=delivery.target,
        reason=delivery.last_error,
        attempts=delivery.attempts,
    )
