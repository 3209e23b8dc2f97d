"""A job, its events and its text as items of one table; all pure. Leases are in lease_updates.py.

pk job#<id>   sk state              the job, its lease, when a worker may take it up
              state#to#<target>     how far Convex or a callback is (delivery_items.py)
              event#<seq>           one commit of state or text
              event#progress        the newest mere progress, over the last
              piece#<index>#<part>  one piece's text, packed
              result#<part>         the whole text, packed
              original#<part>       that of the engine, once somebody has corrected it
              voices#<index>#<part> the embeddings of one stretch, until nothing more is to be heard
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import groupby

from common.aws.table_requests import Item, Key, Update
from common.jobs.due import due_time
from common.jobs.text_state import is_final
from common.models import Job, JobEvent, Piece, Transcript

STATE = "state"
EVENT, PIECE, RESULT, ORIGINAL, VOICES = "event#", "piece#", "result#", "original#", "voices#"
PROGRESS = f"{EVENT}progress"

LEASE = "lease_holder, lease_until, lease_floor"  # attributes of the state
VOICE_COUNT = "voices"  # another: how many times embeddings were kept
SPEAKER_ATTEMPTS = "speaker_attempts"  # claims of its task of speakers since a stretch was kept

EXPIRING = "expiring"
DUE = "due"
CREATED = "created"
ALL = "job"  # the one partition of either index, which the sweep alone queries, once a minute

# An item holds 400 KB, a transaction 4 MB.
_PART_BYTES = 350_000
LARGEST_RESULT = 3_500_000

# What the sweep did not remove, DynamoDB itself removes this long after it expired.
_TTL_AFTER_EXPIRY = 30 * 86_400


def key_of(job_id: str, sk: str = STATE) -> Key:
    return f"job#{job_id}", sk


def ttl_of(expires_at: float) -> int:
    return int(expires_at) + _TTL_AFTER_EXPIRY


def state_item(job: Job) -> Item:
    pk, sk = key_of(job.job_id)
    due_at = due_time(job)
    return {
        "pk": pk,
        "sk": sk,
        "document": _job_json(job),
        "client": job.client,
        "seq": job.seq,
        "status": job.status,
        "expiring": ALL,
        "expires_at": job.expires_at,
        "due": None if due_at is None else ALL,
        "due_at": due_at,
        "created": ALL,
        "created_key": created_key(job.created_at, job.job_id),
        "ttl": ttl_of(job.expires_at),
    }


def created_key(created_at: float, job_id: str) -> str:
    """Sorts by time, and jobs of one moment by id."""
    return f"{created_at:020.6f}#{job_id}"


def commit(job: Job, before: Job, *, voice_count: int | None = None) -> Update:
    """The next value over `before`. A running job stays due; a job that no worker may run has no lease.

    One that completes with its speakers to come is due anew, for another lease. A job is final only where no
    embeddings were kept since the `voice_count` that were deleted.
    """
    values: dict[str, str | float] = {
        ":document": _job_json(job),
        ":seq": job.seq,
        ":before": job.seq - 1,
        ":status": job.status,
        ":expires_at": job.expires_at,
        ":ttl": ttl_of(job.expires_at),
    }
    sets = "document = :document, seq = :seq, #status = :status, expires_at = :expires_at, #ttl = :ttl"
    due_at = due_time(job)
    if is_final(job) or job.status == "pending":
        expression = f"SET {sets} REMOVE due, due_at, {LEASE}, {VOICE_COUNT}, {SPEAKER_ATTEMPTS}"
    elif due_at is None and before.has_ended:  # its speakers are to come, as before
        expression = f"SET {sets}"
    elif due_at is None:  # from now on
        values |= {":due_at": job.updated_at, ":all": ALL, ":none": 0}
        expression = f"SET {sets}, due = :all, due_at = :due_at, {SPEAKER_ATTEMPTS} = :none REMOVE {LEASE}"
    else:
        values |= {":due_at": due_at, ":all": ALL}
        next_due_at = "if_not_exists(due_at, :due_at)" if job.status == "processing" else ":due_at"
        expression = f"SET {sets}, due = :all, due_at = {next_due_at}"
    condition = "seq = :before"
    if is_final(job):
        condition += f" AND {_voices_are(voice_count)}"
        values |= {} if voice_count is None else {":voices": voice_count}
    names = {"#status": "status", "#ttl": "ttl"}
    return Update(key_of(job.job_id), expression, condition, values, names)


def _voices_are(count: int | None) -> str:
    return f"attribute_not_exists({VOICE_COUNT})" if count is None else f"{VOICE_COUNT} = :voices"


def job_of(item: Item) -> Job:
    return Job.model_validate_json(item["document"]).model_copy(update={"client": item.get("client")})


def _job_json(job: Job) -> str:
    return job.model_dump_json(by_alias=True, exclude_none=True)


# ── events ────────────────────────────────────────────────────────────────────────────────────────


def event_item(event: JobEvent) -> Item:
    pk, sk = key_of(event.job.job_id, PROGRESS if event.type == "progress" else event_sk(event.seq))
    return {
        "pk": pk,
        "sk": sk,
        "seq": event.seq,
        "type": event.type,
        "document": _job_json(event.job),
        "piece": event.index,
        "starts": event.start,
        "ends": event.end,
        "text": None if event.text is None else _pack(event.text),
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
        text=_unpack(item["text"]) if "text" in item else None,
    )


# ── text ──────────────────────────────────────────────────────────────────────────────────────────


def piece_items(job_id: str, piece: Piece, ttl: int) -> list[Item]:
    return _text_parts(job_id, f"{PIECE}{piece.index:06d}#", piece, ttl)


def result_items(job: Job, result: Transcript) -> list[Item]:
    return _text_parts(job.job_id, RESULT, result, ttl_of(job.expires_at))


def original_items(parts: Iterable[Item]) -> list[Item]:
    """The parts of a result as those of an original."""
    return [{**part, "sk": part["sk"].replace(RESULT, ORIGINAL, 1)} for part in parts]


def voice_items(job_id: str, index: int, packed: bytes, ttl: int) -> list[Item]:
    """Not compressed: half of each number is noise."""
    return _parts(job_id, f"{VOICES}{index:06d}#", packed, ttl)


def voices_of(parts: Iterable[Item]) -> dict[int, bytes]:
    """The packed embeddings of each stretch among sorted parts."""
    return {int(name.removeprefix(VOICES)): packed for name, packed in _joined(parts)}


def count_values(parts: Iterable[Item]) -> int:
    """Of how many values these are parts; their keys are enough."""
    return len({_name_of(part) for part in parts})


def _text_parts(job_id: str, prefix: str, value: Piece | Transcript, ttl: int) -> list[Item]:
    packed = _pack(value.model_dump_json(by_alias=True, exclude_none=True))
    return _parts(job_id, prefix, packed, ttl)


def _parts(job_id: str, prefix: str, packed: bytes, ttl: int) -> list[Item]:
    offsets = range(0, max(len(packed), 1), _PART_BYTES)
    return [
        {
            "pk": f"job#{job_id}",
            "sk": f"{prefix}{number:03d}",
            "bytes": packed[offset : offset + _PART_BYTES],
            "parts": len(offsets),
            "ttl": ttl,
        }
        for number, offset in enumerate(offsets)
    ]


def join_parts(items: Iterable[Item]) -> list[str]:
    """The JSON of each value among sorted parts."""
    return [_unpack(packed) for _, packed in _joined(items)]


def _joined(items: Iterable[Item]) -> Iterator[tuple[str, bytes]]:
    """Each value by its name; parts that a longer value left behind are passed over."""
    for name, group in groupby(items, _name_of):
        first, *rest = group
        yield name, b"".join(part["bytes"] for part in (first, *rest[: first["parts"] - 1]))


def _name_of(part: Item) -> str:
    return str(part["sk"]).rpartition("#")[0]


def _pack(text: str) -> bytes:
    return zlib.compress(text.encode())


def _unpack(packed: bytes) -> str:
    return zlib.decompress(packed).decode()
