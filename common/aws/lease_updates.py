"""Leases as updates of a job's state item, of its run and of what finds its speakers later; all pure."""

from __future__ import annotations

from common.aws.job_items import LEASE, SPEAKER_ATTEMPTS, key_of
from common.aws.table_requests import Item, Update
from common.jobs.due import FAR
from common.models import TERMINAL

IS_HOLDER = "lease_holder = :holder"

# A lease that ends further ahead than twice what it was taken for was written before the clock stepped
# back; conditions cannot calculate, so the earliest time at which it counts is kept beside it.
_IS_FREE = "(attribute_not_exists(lease_until) OR lease_until <= :now OR lease_floor > :now)"
_SET = "SET lease_holder = :holder, lease_until = :until, lease_floor = :floor"


def lease(job_id: str, holder: str, *, now: float, seconds: float) -> Update:
    terminal = {f":terminal{number}": status for number, status in enumerate(sorted(TERMINAL))}
    has_not_ended = f"attribute_exists(pk) AND NOT #status IN ({', '.join(terminal)})"
    values = {**_values(holder, now, seconds), ":now": now, **terminal}
    condition = f"{has_not_ended} AND ({_IS_FREE} OR {IS_HOLDER})"
    return Update(key_of(job_id), _SET, condition, values, {"#status": "status"})


def renew(job_id: str, holder: str, *, now: float, seconds: float) -> Update:
    return Update(key_of(job_id), _SET, IS_HOLDER, _values(holder, now, seconds), {})


def release(job_id: str, holder: str) -> Update:
    return Update(key_of(job_id), f"REMOVE {LEASE}", IS_HOLDER, {":holder": holder}, {})


def claim_speakers(job_id: str, holder: str, *, now: float, seconds: float) -> Update:
    """Of a completed job whose speakers are due. Each claim counts as an attempt."""
    condition = f"#status = :completed AND (due_at <= :now OR due_at > :far) AND {_IS_FREE}"
    times = {":now": now, ":far": now + FAR, ":one": 1}
    values = {**_values(holder, now, seconds), **times, ":completed": "completed"}
    expression = f"{_SET}, {SPEAKER_ATTEMPTS} = {SPEAKER_ATTEMPTS} + :one"
    return Update(key_of(job_id), expression, condition, values, {"#status": "status"})


def give_back_speakers(job_id: str, holder: str, *, due_at: float, attempts: int) -> Update:
    values: dict[str, str | float] = {":holder": holder, ":due_at": due_at, ":attempts": attempts}
    expression = f"SET due_at = :due_at, {SPEAKER_ATTEMPTS} = :attempts REMOVE {LEASE}"
    return Update(key_of(job_id), expression, IS_HOLDER, values, {})


def note_message(job_id: str, *, now: float, due_at: float, overdue_before: float) -> Update:
    """Due at `due_at` and without a lease, unless a worker runs it.

    Only where it was due before `overdue_before`, or where a worker left a lease that is over.
    """
    was_overdue = "(attribute_exists(lease_until) OR due_at < :overdue_before)"
    condition = f"attribute_exists(due_at) AND {_IS_FREE} AND {was_overdue}"
    values = {":now": now, ":due_at": due_at, ":overdue_before": overdue_before}
    return Update(key_of(job_id), f"SET due_at = :due_at REMOVE {LEASE}", condition, values, {})


def is_leased(item: Item, now: float) -> bool:
    until = item.get("lease_until")
    return until is not None and until > now and item["lease_floor"] <= now


def _values(holder: str, now: float, seconds: float) -> dict[str, str | float]:
    return {":holder": holder, ":until": now + seconds, ":floor": now - seconds}
