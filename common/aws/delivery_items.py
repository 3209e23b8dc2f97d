"""What Convex and callbacks have not confirmed yet: one item for each job and target, and how it changes.

All pure: the items that a commit, a confirmation or a failed try makes of those that stand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.aws.table import Item, Key
from common.models import Job
from common.ports import Delivery, Target

PREFIX = "state#to#"
INDEX = "news"

# No back-off is longer than a Retry-After of an hour: a time further ahead was left by a clock that stepped
# back, and has come.
FAR = 3600.0


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as it is kept. `ended`: the job had when this was wanted; `version` counts writes."""

    delivery: Delivery
    ended: bool
    version: int

    @property
    def open(self) -> bool:
        return self.delivery.wanted_seq > self.delivery.confirmed_seq

    @property
    def place(self) -> str | None:
        """Where in the index it lies: first news are due whatever the time, others when theirs has come."""
        if not self.open:
            return None
        fresh = self.delivery.attempts == 0 and (self.ended or self.delivery.confirmed_seq == 0)
        news = f"{'ended' if self.ended else 'running'}#{'fresh' if fresh else 'tried'}"
        return f"{self.delivery.target}#{news}"


def key_of(job_id: str, target: Target) -> Key:
    return f"job#{job_id}", f"{PREFIX}{target}"


def begin(job: Job, target: Target) -> Row:
    """What a new job's target wants."""
    nothing = Delivery(job.job_id, target, wanted_seq=0, confirmed_seq=0, attempts=0, next_at=job.updated_at)
    return want(Row(nothing, ended=False, version=0), job)


def want(row: Row, job: Job) -> Row:
    """After a commit of `job`.

    What a target asked to wait for outlasts mere progress; the end of a job is worth a new try at once. A
    callback is told how a run ended, and only that: that text and audio went later is no news to it, and
    once another run has begun the end of the last one is none either.
    """
    before = row.delivery
    ends_run = job.has_ended and job.erased_at is None
    told_of = before.target == "convex" or ends_run
    if not told_of and (job.has_ended or not row.open):
        return row
    next_at = before.next_at if row.open else max(before.next_at, job.updated_at)
    after = replace(
        before,
        wanted_seq=job.seq if told_of else before.confirmed_seq,
        attempts=0 if job.has_ended else before.attempts,
        next_at=job.updated_at if job.has_ended else next_at,
    )
    return Row(after, ended=job.has_ended, version=row.version + 1)


def settle(row: Row, told: Delivery) -> Row:
    """After a try: how it went is kept, and a confirmed seq never falls.

    The end of a job that came while news of before were on their way does not wait for what became of those.
    """
    before = row.delivery
    timed = before if row.ended and before.wanted_seq > told.wanted_seq else told
    after = replace(
        before,
        confirmed_seq=max(before.confirmed_seq, told.confirmed_seq),
        attempts=timed.attempts,
        next_at=timed.next_at,
        last_error=told.last_error,
    )
    return Row(after, ended=row.ended, version=row.version + 1)


def redeliver(row: Row, job: Job, now: float) -> Row:
    """As if nothing had ever been confirmed or tried."""
    nothing = replace(row.delivery, confirmed_seq=0, attempts=0, next_at=now, last_error=None)
    wanted = want(replace(row, delivery=nothing), job)
    return Row(replace(wanted.delivery, next_at=now), ended=job.has_ended, version=row.version + 1)


def due(row: Row, now: float) -> bool:
    if not row.open:
        return False
    next_at = row.delivery.next_at
    return next_at <= now or next_at > now + FAR or str(row.place).endswith("fresh")


def item_of(row: Row, ttl: int | None) -> Item:
    pk, sk = key_of(row.delivery.job_id, row.delivery.target)
    told = row.delivery
    return {
        "pk": pk,
        "sk": sk,
        "wanted_seq": told.wanted_seq,
        "confirmed_seq": told.confirmed_seq,
        "attempts": told.attempts,
        "next_at": told.next_at,
        "last_error": told.last_error,
        "ended": row.ended,
        "version": row.version,
        "news": row.place,
        "ttl": ttl,
    }


def row_of(item: Item) -> Row:
    target: Target = item["sk"].removeprefix(PREFIX)
    told = Delivery(
        job_id=item["pk"].removeprefix("job#"),
        target=target,
        wanted_seq=item["wanted_seq"],
        confirmed_seq=item["confirmed_seq"],
        attempts=item["attempts"],
        next_at=float(item["next_at"]),
        last_error=item.get("last_error"),
    )
    return Row(told, ended=item["ended"], version=item["version"])
