"""Jobs, events and deliveries as values of statements and back; all pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from common.jobs.due import due_time
from common.jobs.suspects import is_suspect
from common.models import Job, JobEvent, Piece, Transcript
from common.ports import Delivery, Target

if TYPE_CHECKING:
    from asyncpg import Record

SqlValue = str | float | bool | None


def of_job(job: Job) -> tuple[SqlValue, ...]:
    """The columns that every commit changes."""
    return (
        job.job_id,
        job.seq,
        job.status,
        is_suspect(job),
        to_json(job),
        due_time(job),
        job.updated_at,
        job.expires_at,
    )


def of_event(event: JobEvent) -> tuple[str, str, str | None]:
    """Its type, its detail and its text. Text is JSON, since the character NUL is no text to Postgres."""
    detail = json.dumps([event.index, event.start, event.end])
    return event.type, detail, None if event.text is None else json.dumps(event.text)


def of_user(job: Job) -> str | None:
    return None if job.user_id is None else json.dumps(job.user_id)


def to_job(row: Record) -> Job:
    return Job.model_validate_json(row["document"]).model_copy(update={"client": row["client"]})


def to_event(row: Record) -> JobEvent:
    index, start, end = json.loads(row["detail"])
    text = None if row["text"] is None else json.loads(row["text"])
    job = Job.model_validate_json(row["job"])
    return JobEvent(type=row["type"], seq=row["seq"], job=job, index=index, start=start, end=end, text=text)


def to_json(value: Job | Piece | Transcript) -> str:
    return value.model_dump_json(by_alias=True, exclude_none=True)


def of_deliveries(deliveries: list[Delivery]) -> str:
    return json.dumps(
        [
            [
                each.target,
                each.wanted_seq,
                each.confirmed_seq,
                each.attempts,
                each.next_at,
                each.last_error and each.last_error.replace("\0", ""),
                each.ended,
            ]
            for each in deliveries
        ]
    )


def to_deliveries(job_id: str, stored: str) -> list[Delivery]:
    return [Delivery(job_id, *fields) for fields in json.loads(stored)]


def to_delivery(row: Record) -> Delivery:
    target: Target = row["target"]
    return Delivery(
        row["job_id"],
        target,
        row["wanted_seq"],
        row["confirmed_seq"],
        row["attempts"],
        row["next_at"],
        row["last_error"],
        row["ended"],
    )
