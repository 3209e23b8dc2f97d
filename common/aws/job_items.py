"""A job, its events and its text as items of one table; all pure.

pk job#<id>   sk state              the job, its lease, when a worker may take it up
              state#to#<target>     how far Convex or a callback is (delivery_items.py)
              event#<seq>           one commit of state or text
              event#progress        the newest mere progress, over the last
              piece#<index>#<part>  one piece's text, packed
              result#<part>         the whole text, packed
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from common.aws.table import Change, Item, Key
from common.models import Job, JobEvent, Piece, Transcript

STATE = "state"
EVENT, PIECE, RESULT = "event#", "piece#", "result#"
PROGRESS = f"{EVENT}progress"

EXPIRING = "expiring"
DUE = "due"
_ALL = "job"  # the one partition of either index; what is asked of them is few and once a minute

# An item holds 400 KB, a transaction 4 MB.
_PART = 350_000
LARGEST_RESULT = 3_500_000

# What nobody removed in order, DynamoDB itself removes this long after it expired.
_FORGOTTEN_AFTER = 30 * 86_400

TERMINAL = ("completed", "failed", "cancelled")


def key_of(job_id: str, sk: str = STATE) -> Key:
    return f"job#{job_id}", sk


def ttl_of(expires_at: float) -> int:
    return int(expires_at) + _FORGOTTEN_AFTER


def state_item(job: Job) -> Item:
    pk, sk = key_of(job.job_id)
    due_at = due_at_of(job)
    return {
        "pk": pk,
        "sk": sk,
        "document": packed_job(job),
        "seq": job.seq,
        "status": job.status,
        "expiring": _ALL,
        "expires_at": job.expires_at,
        "due": None if due_at is None else _ALL,
        "due_at": due_at,
        "ttl": ttl_of(job.expires_at),
    }


def due_at_of(job: Job) -> float | None:
    """When a worker may take the job up, if no lease keeps it; None: nobody may."""
    if job.has_ended or job.status == "pending":
        return None
    return job.waiting_until or job.updated_at


def commit(job: Job) -> Change:
    """The next value over the last. What runs stays due; what nobody may run has no lease."""
    values: dict[str, str | float] = {
        ":document": packed_job(job),
        ":seq": job.seq,
        ":before": job.seq - 1,
        ":status": job.status,
        ":expires_at": job.expires_at,
        ":ttl": ttl_of(job.expires_at),
    }
    sets = "document = :document, seq = :seq, #status = :status, expires_at = :expires_at, #ttl = :ttl"
    due_at = due_at_of(job)
    if due_at is None:
        expression = f"SET {sets} REMOVE due, due_at, {LEASE}"
    else:
        values |= {":due_at": due_at, ":all": _ALL}
        kept = "if_not_exists(due_at, :due_at)" if job.status == "processing" else ":due_at"
        expression = f"SET {sets}, due = :all, due_at = {kept}"
    names = {"#status": "status", "#ttl": "ttl"}
    return Change(key_of(job.job_id), expression, "seq = :before", values, names)


def job_of(item: Item) -> Job:
    return Job.model_validate_json(item["document"])


def packed_job(job: Job) -> str:
    return job.model_dump_json(by_alias=True, exclude_none=True)


# ── leases ────────────────────────────────────────────────────────────────────────────────────────

LEASE = "lease_holder, lease_until, lease_floor"
HELD = "lease_holder = :holder"

# A lease that ends further ahead than twice what it was taken for was written before the clock stepped
# back; conditions cannot calculate, so the earliest time at which it is believed is kept beside it.
_FREE = "(attribute_not_exists(lease_until) OR lease_until <= :now OR lease_floor > :now)"


def lease(job_id: str, holder: str, now: float, seconds: float) -> Change:
    condition = f"attribute_exists(pk) AND NOT #status IN (:a, :b, :c) AND ({_FREE} OR {HELD})"
    values = {**_lease_values(holder, now, seconds), ":now": now}
    values |= dict(zip((":a", ":b", ":c"), TERMINAL, strict=True))
    return Change(key_of(job_id), _SET_LEASE, condition, values, {"#status": "status"})


def renew(job_id: str, holder: str, now: float, seconds: float) -> Change:
    values = _lease_values(holder, now, seconds)
    return Change(key_of(job_id), _SET_LEASE, HELD, values, {})


def release(job_id: str, holder: str) -> Change:
    return Change(key_of(job_id), f"REMOVE {LEASE}", HELD, {":holder": holder}, {})


def expect(job_id: str, now: float, at: float, *, before: float) -> Change:
    """Due at `at`, unless one runs it: if it was due `before` some time, or a lease stands that is over."""
    condition = (
        f"attribute_exists(due_at) AND {_FREE} AND (attribute_exists(lease_until) OR due_at < :before)"
    )
    values = {":now": now, ":at": at, ":before": before}
    return Change(key_of(job_id), f"SET due_at = :at REMOVE {LEASE}", condition, values, {})


_SET_LEASE = "SET lease_holder = :holder, lease_until = :until, lease_floor = :floor"


def _lease_values(holder: str, now: float, seconds: float) -> dict[str, str | float]:
    return {":holder": holder, ":until": now + seconds, ":floor": now - seconds}


def leased(item: Item, now: float) -> bool:
    until = item.get("lease_until")
    return until is not None and until > now and item["lease_floor"] <= now


# ── events ────────────────────────────────────────────────────────────────────────────────────────


def event_item(event: JobEvent) -> Item:
    pk, sk = key_of(event.job.job_id, PROGRESS if event.type == "progress" else event_sk(event.seq))
    return {
        "pk": pk,
        "sk": sk,
        "seq": event.seq,
        "type": event.type,
        "document": packed_job(event.job),
        "piece": event.index,
        "starts": event.start,
        "ends": event.end,
        "text": None if event.text is None else packed(event.text),
        "ttl": ttl_of(event.job.expires_at),
    }


def event_sk(seq: int) -> str:
    return f"{EVENT}{seq:012d}"


def event_of(item: Item) -> JobEvent:
    return JobEvent(
        type=item["type"],
        seq=item["seq"],
        job=job_of(item),
        index=item.get("piece"),
        start=item.get("starts"),
        end=item.get("ends"),
        text=unpacked(item["text"]) if "text" in item else None,
    )


# ── text ──────────────────────────────────────────────────────────────────────────────────────────


def piece_items(job_id: str, piece: Piece, ttl: int) -> list[Item]:
    return _parts(job_id, f"{PIECE}{piece.index:06d}#", piece, ttl)


def result_items(job: Job, result: Transcript) -> list[Item]:
    return _parts(job.job_id, RESULT, result, ttl_of(job.expires_at))


def _parts(job_id: str, prefix: str, value: Piece | Transcript, ttl: int) -> list[Item]:
    whole = packed(value.model_dump_json(by_alias=True, exclude_none=True))
    cuts = range(0, len(whole), _PART)
    return [
        {
            "pk": f"job#{job_id}",
            "sk": f"{prefix}{number:03d}",
            "bytes": whole[cut : cut + _PART],
            "parts": len(cuts),
            "ttl": ttl,
        }
        for number, cut in enumerate(cuts)
    ]


def documents(items: Iterable[Item]) -> list[str]:
    """The JSON of each value among sorted parts; what a longer one before it left is passed over."""
    whole: dict[str, list[Item]] = {}
    for item in items:
        whole.setdefault(item["sk"].rpartition("#")[0], []).append(item)
    return [
        unpacked(b"".join(part["bytes"] for part in parts[: parts[0]["parts"]])) for parts in whole.values()
    ]


def packed(text: str) -> bytes:
    return zlib.compress(text.encode())


def unpacked(text: bytes) -> str:
    return zlib.decompress(text).decode()
