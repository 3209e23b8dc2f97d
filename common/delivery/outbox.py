"""Tell others what became of a job: the newest snapshot, until it is confirmed, in order by construction.

A delivery is a row per job and target, not a message: it says which seq is wanted and which is confirmed.
So nothing queues up behind a target that is away, and a repeat is harmless by its seq.
"""

from __future__ import annotations

from dataclasses import replace

from common.errors import JobNotFound
from common.log import log
from common.ports import Delivery, DeliveryFailed, DeliveryRejected, Sender, Target
from common.services import Services

# Seconds before each further try; the last one repeats until the job expires. They grow gently, so that news
# comes at most about as long after a target's return as it was away.
_BACKOFF = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

# Deliveries side by side, of each target: callbacks that answer nobody must not keep Convex waiting.
AT_ONCE = 4

# Mere progress is told no more often than this per job and target (free plans count each message).
_PROGRESS_EVERY = 1.0


async def deliver(services: Services, delivery: Delivery) -> Delivery:
    """Push the job's newest state to one target and keep how that went; the delivery as it now stands."""
    try:
        job = await services.jobs.get(delivery.job_id)
    except JobNotFound:
        return delivery  # forgotten meanwhile, and its deliveries with it
    result = await services.jobs.result(job.job_id) if job.status == "completed" else None
    settled = replace(delivery, confirmed_seq=job.seq, attempts=0, next_at=services.now() + _PROGRESS_EVERY)
    try:
        await _sender(services, delivery.target).send(job, result)
        after = replace(settled, last_error=None)
    except DeliveryFailed as exc:
        postponed = _postponed(delivery, exc, services.now())
        given_up = exc.attempts is not None and postponed.attempts >= exc.attempts
        after = replace(settled, last_error=exc.reason) if given_up else postponed
    except DeliveryRejected as exc:
        after = replace(settled, last_error=exc.reason)
    except Exception as exc:  # noqa: BLE001 - the border: a sender's bug must not have it asked for ever
        log("delivery.broke", level="ERROR", jobId=delivery.job_id, target=delivery.target, exc_info=exc)
        after = _postponed(delivery, DeliveryFailed(type(exc).__name__), services.now())
    await services.jobs.settle(after)
    if after.last_error:
        _log_trouble(after)
    return after


def _sender(services: Services, target: Target) -> Sender:
    """Raises DeliveryFailed where its setting was taken away since: it may come back with the next start."""
    if target not in services.senders:
        raise DeliveryFailed("not_set_up")
    return services.senders[target]


def _log_trouble(delivery: Delivery) -> None:
    refused = delivery.confirmed_seq >= delivery.wanted_seq
    log(
        "delivery.refused" if refused else "delivery.postponed",
        level="ERROR" if refused else "WARNING",
        jobId=delivery.job_id,
        target=delivery.target,
        reason=delivery.last_error,
        attempts=delivery.attempts,
    )


def _postponed(delivery: Delivery, failure: DeliveryFailed, now: float) -> Delivery:
    # What is taken for a refusal in the end is counted by itself: a target that was away has refused nothing.
    is_new = failure.attempts is not None and delivery.last_error != failure.reason
    attempts = 0 if is_new else delivery.attempts
    delay = _BACKOFF[min(attempts, len(_BACKOFF) - 1)]
    return replace(
        delivery,
        attempts=attempts + 1,
        next_at=now + max(delay, failure.retry_after or 0.0),
        last_error=failure.reason,
    )
