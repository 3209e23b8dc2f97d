"""A job as its owner reads it: values in, JSON out; nothing here knows of HTTP, sockets or stores."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from common.errors import Language, by_code
from common.models import Job, JobError, JobEvent, Options, Piece, Transcript
from common.ports import Delivery, UploadTicket
from common.warnings import warning_view

View = dict[str, Any]


def iso_time(seconds: float) -> str:
    """Epoch seconds as ISO 8601 in UTC, to the millisecond: 2026-01-31T12:00:00.000Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_view(
    job: Job, *, language: Language, result: Transcript | None = None, sync: View | None = None
) -> View:
    """The whole of a job; what does not apply is left out, the error speaks `language`."""
    told: View = {"jobId": job.job_id, "userId": job.user_id, "status": job.status, "stage": job.stage}
    told |= {"progress": job.progress, "run": job.run, "attempts": job.attempts, "seq": job.seq}
    told["chunks"] = {"done": job.pieces_done, "total": job.pieces_total}
    told |= {name: _iso(seconds) for name, seconds in _times(job).items()}
    if job.error:
        told["error"] = error_view(job.error, language)
    if result:
        told["result"] = transcript_view(result, job.options, language=language)
    if sync:
        told["sync"] = sync
    return {name: value for name, value in told.items() if value is not None or name == "stage"}


def transcript_view(transcript: Transcript, options: Options, *, language: Language) -> View:
    """The text as it was asked for: word times only where they were wanted, lists that are empty left out.

    Inside, segments and words keep the engine's leading spaces, which say how pieces join; people get none.
    """
    told = transcript.model_dump(by_alias=True, exclude_none=True)
    for name, key in (("segments", "text"), ("words", "word"), ("suppressed", "text")):
        told[name] = [{**one, key: one[key].strip()} for one in told.get(name, ())]
    told["warnings"] = [warning_view(warning, language) for warning in transcript.warnings]
    if "word" not in options.timestamps:
        del told["words"]
    return {name: value for name, value in told.items() if value not in ([], ()) or name == "segments"}


def ticket_view(ticket: UploadTicket) -> View:
    """Where the audio goes, for whoever posts it."""
    return {"url": ticket.url, "fields": ticket.fields, "expiresAt": iso_time(ticket.expires_at)}


def sync_view(delivery: Delivery) -> View:
    """How far the page's database is with the job: `confirmed` when it has the newest state, `refused` when
    it will not take it; POST /job/{id}/redeliver then tries anew."""
    settled = delivery.confirmed_seq >= delivery.wanted_seq
    state = ("refused" if delivery.last_error else "confirmed") if settled else "pending"
    told: View = {"state": state, "lastSeq": delivery.confirmed_seq}
    return {**told, "lastError": delivery.last_error} if delivery.last_error else told


def snapshot_view(job: Job, pieces: Iterable[Piece], *, language: Language) -> View:
    """What a watcher is told first: how the job stands and the pieces recognised so far, by index."""
    told = [
        {
            "index": piece.index,
            "start": piece.start,
            "end": piece.start + piece.transcript.duration,
            "text": piece.transcript.text,
        }
        for piece in pieces
    ]
    return {"type": "snapshot", "seq": job.seq, "job": job_view(job, language=language), "pieces": told}


def event_view(event: JobEvent, *, language: Language) -> View:
    """What a watcher is told of one change; a `text` event brings what its piece said."""
    told: View = {"type": event.type, "seq": event.seq}
    if event.type == "text" and event.text is None:
        told["type"] = "progress"  # its text was erased since
    elif event.type == "text":
        told |= {"index": event.index, "start": event.start, "end": event.end, "text": event.text}
    return {**told, "job": job_view(event.job, language=language)}


def _times(job: Job) -> dict[str, float | None]:
    return {
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "completedAt": job.completed_at,
        "updatedAt": job.updated_at,
        "waitingUntil": job.waiting_until,
        "expiresAt": job.expires_at,
        "erasedAt": job.erased_at,
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso_time(seconds)


def error_view(error: JobError, language: Language) -> View:
    """Why a job failed, in the reader's language."""
    known = by_code(error.code)
    told: View = {"code": error.code, "message": known.sentence.render(language, error.details)}
    if known.hint:
        told["hint"] = known.hint.render(language, error.details)
    return {**told, "stage": error.stage, "retryable": error.retryable}
