"""Which snapshot a target wants, what a try makes of that, and when the next try is due: all pure.

A delivery is one row for each job and target: the `seq` that the target wants and the one it has confirmed.
Each store reads the row, calls the function that is named like its own method, and writes what that returns.
"""

from __future__ import annotations

from dataclasses import replace

from common.backoff import Backoff
from common.jobs.text_state import is_mere_progress
from common.models import Job
from common.ports import Delivery, Target
from common.sender_port import DeliveryFailed

# The pauses grow gently, so that a target that returns waits at most about as long as it was away. The last
# one repeats until the job expires.
BACKOFF = Backoff((1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0))

# Seconds between two deliveries of mere progress to one target: free plans count each message.
PROGRESS_EVERY = 1.0

# Seconds between two webhooks of one corrected text: pages save while people type.
CORRECTIONS_EVERY = 30.0

# Seconds. No pause is longer than a Retry-After of an hour, so a time further ahead was stored before the
# clock stepped back: it counts as past.
FAR = 3600.0

# `next_at` of a delivery that a person wants tried now: a time long past that every process knows.
_ASKED_AT = 1.0


# ── what a store does ─────────────────────────────────────────────────────────────────────────────


def create(job: Job, target: Target) -> Delivery:
    """The delivery of a new job to one of its targets."""
    nothing = Delivery(job.job_id, target, wanted_seq=0, confirmed_seq=0, attempts=0, next_at=job.updated_at)
    return commit(nothing, job)


def commit(delivery: Delivery, job: Job) -> Delivery:
    """The delivery after a commit of `job`.

    Mere progress keeps a time that a failure or a target's Retry-After has set; the end of a job is due at
    once. A webhook wants only the snapshot that ends a run, its corrections and its speakers: not the later
    removal of text and audio, and not the end of a run once another run has started. How far a completed job
    is with its speakers is no news for any target.
    """
    if is_mere_progress(job):
        return delivery
    has_text = job.has_ended and job.erased_at is None
    is_wanted = delivery.target == "convex" or has_text
    if not is_wanted and (job.has_ended or not delivery.is_open):
        return delivery
    if has_text and job.revision and not (delivery.ended and delivery.is_open):
        return _commit_correction(delivery, job)
    next_at = delivery.next_at if delivery.is_open else max(delivery.next_at, job.updated_at)
    return replace(
        delivery,
        wanted_seq=job.seq if is_wanted else delivery.confirmed_seq,
        last_error=delivery.last_error if is_wanted else None,
        attempts=0 if job.has_ended else delivery.attempts,
        next_at=job.updated_at if job.has_ended else next_at,
        ended=job.has_ended,
    )


def _commit_correction(delivery: Delivery, job: Job) -> Delivery:
    """The target has the end of the job already: its corrections go out now and then, the newest alone."""
    pause = CORRECTIONS_EVERY if delivery.target == "callback" else PROGRESS_EVERY
    next_at = delivery.next_at if delivery.is_open else max(delivery.next_at, job.updated_at + pause)
    return replace(delivery, wanted_seq=job.seq, next_at=next_at, ended=False)


def settle(delivery: Delivery, tried: Delivery) -> Delivery:
    """The delivery after a try; `tried` is what `confirm`, `reject` or `fail` made of it as it was read.

    A confirmed seq never falls. Where the job has ended since it was read, the end is still due at once,
    whatever became of the snapshot before.
    """
    has_ended_since = delivery.ended and delivery.wanted_seq > tried.wanted_seq
    timing = delivery if has_ended_since else tried
    return replace(
        delivery,
        confirmed_seq=max(delivery.confirmed_seq, tried.confirmed_seq),
        attempts=timing.attempts,
        next_at=timing.next_at,
        last_error=tried.last_error,
    )


def redeliver(delivery: Delivery, job: Job, now: float) -> Delivery:
    """The delivery as if nothing had ever been tried or confirmed."""
    nothing = replace(
        delivery, confirmed_seq=0, attempts=0, next_at=now, last_error=None, ended=job.has_ended
    )
    return replace(commit(nothing, job), next_at=now)


def ask(delivery: Delivery) -> Delivery:
    """The delivery with its next try due now, since a person asked for it."""
    return replace(delivery, next_at=_ASKED_AT)


def is_asked(delivery: Delivery) -> bool:
    """Whether the next try is to be made though the receiver did not answer lately."""
    return delivery.next_at == _ASKED_AT


# ── when ──────────────────────────────────────────────────────────────────────────────────────────


def is_immediate(delivery: Delivery) -> bool:
    """Whether it is due whatever the clock says: a job's first and last snapshot, unless a try has failed.

    Their `next_at` is the job's own time, which lies ahead once the clock has stepped back.
    """
    return delivery.attempts == 0 and (delivery.ended or delivery.confirmed_seq == 0)


def is_due(delivery: Delivery, now: float) -> bool:
    has_come = delivery.next_at <= now or delivery.next_at > now + FAR
    return delivery.is_open and (has_come or is_immediate(delivery))


# ── what a try makes of a delivery ────────────────────────────────────────────────────────────────


def confirm(delivery: Delivery, seq: int, now: float) -> Delivery:
    """The target has taken the snapshot `seq`."""
    return replace(delivery, confirmed_seq=seq, attempts=0, next_at=now + PROGRESS_EVERY, last_error=None)


def reject(delivery: Delivery, seq: int, reason: str, now: float) -> Delivery:
    """The target will never take the snapshot `seq`: nothing to send until the next one."""
    return replace(confirm(delivery, seq, now), last_error=reason)


def fail(delivery: Delivery, seq: int, failure: DeliveryFailed, now: float) -> Delivery:
    """The target did not confirm the snapshot `seq`: another try later, or none after `failure.attempts`."""
    # What counts as a refusal in the end is counted by itself: a target that was away has refused nothing.
    is_new = failure.attempts is not None and delivery.last_error != failure.reason
    attempts = 1 if is_new else delivery.attempts + 1
    if failure.attempts is not None and attempts >= failure.attempts:
        return reject(delivery, seq, failure.reason, now)
    pause = max(BACKOFF.pause(attempts), failure.retry_after or 0.0)
    return replace(delivery, attempts=attempts, next_at=now + pause, last_error=failure.reason)
