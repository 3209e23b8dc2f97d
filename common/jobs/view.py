"""A job as its owner reads it: values in, JSON out; nothing here knows HTTP, sockets or stores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from common.errors import Language, by_code
from common.models import Job, JobError, JobEvent, Options, Piece, Transcript
from common.ports import Delivery, UploadTicket
from common.text.speakers import names_of, utterances
from common.text.spoken_languages import languages_of
from common.text.turns import turns
from common.warnings import warning_view

View = dict[str, Any]


def iso_time(seconds: float) -> str:
    """Epoch seconds as ISO 8601 in UTC, to the millisecond: 2026-01-31T12:00:00.000Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_view(
    job: Job,
    *,
    language: Language,
    result: Transcript | None = None,
    sync: View | None = None,
    starts_at: float | None = None,
) -> View:
    """The whole of a job. Fields that do not apply are left out; the error's sentence is in `language`.

    `starts_at` is when a job that waits is expected to start.
    """
    view: View = {"jobId": job.job_id, "userId": job.user_id, "status": job.status, "stage": job.stage}
    view |= {"progress": job.progress, "run": job.run, "attempts": job.attempts, "seq": job.seq}
    view["revision"] = job.revision
    if job.speakers_progress is not None:
        view["speakers"] = {"state": "pending", "progress": job.speakers_progress}
    if job.received_bytes is not None:
        view["download"] = {"receivedBytes": job.received_bytes, "totalBytes": job.total_bytes}
    view["chunks"] = {"done": job.pieces_done, "total": job.pieces_total}
    view |= _times_view(job)
    view["waitingFor"] = "place" if job.status == "queued" else job.waiting_for
    if starts_at is not None:
        view["startsAt"] = iso_time(starts_at)
    if job.cached:
        view["cached"] = True
    if job.error:
        view["error"] = error_view(job.error, language)
    if result:
        view["result"] = transcript_view(result, job.options, language=language)
    if sync:
        view["sync"] = sync
    return {name: value for name, value in view.items() if value is not None or name == "stage"}


def transcript_view(transcript: Transcript, options: Options, *, language: Language) -> View:
    """The text as it was requested: word times only where they were, and no empty lists.

    The engine's leading spaces, by which merging joins segments and words, are stripped.
    """
    view = transcript.model_dump(by_alias=True, exclude_none=True)
    for name, key in (("segments", "text"), ("words", "word"), ("suppressed", "text")):
        view[name] = [{**item, key: item[key].strip()} for item in view.get(name, ())]
    view.pop("wordless", None)  # `turns` has them
    view["languages"] = languages_of(transcript)
    view |= _speakers_view(transcript)
    view["warnings"] = [warning_view(warning, language) for warning in transcript.warnings]
    if "word" not in options.timestamps:
        del view["words"]
    return {name: value for name, value in view.items() if value not in ([], ()) or name == "segments"}


def _speakers_view(transcript: Transcript) -> View:
    """Everybody's name by label, utterances and turns; nothing where nobody has a label."""
    names = names_of(transcript)
    if not names:
        return {"speakers": []}
    return {
        "speakers": names,
        "utterances": [asdict(utterance) for utterance in utterances(transcript)],
        "turns": [turn.model_dump() for turn in turns(transcript)],
    }


def ticket_view(ticket: UploadTicket) -> View:
    """Where a client posts the audio, with which fields, and until when; or puts it past this server."""
    view: View = {"url": ticket.url, "fields": ticket.fields, "expiresAt": iso_time(ticket.expires_at)}
    return {**view, "directUrl": ticket.direct_url} if ticket.direct_url else view


def sync_view(delivery: Delivery) -> View:
    """How far the page's database is with the job.

    `confirmed` when it has the newest snapshot, `refused` when it rejected that; POST /job/{id}/redeliver
    sends it again.
    """
    is_done = delivery.confirmed_seq >= delivery.wanted_seq
    state = ("refused" if delivery.last_error else "confirmed") if is_done else "pending"
    view: View = {"state": state, "lastSeq": delivery.confirmed_seq}
    return {**view, "lastError": delivery.last_error} if delivery.last_error else view


def snapshot_view(
    job: Job, pieces: Iterable[Piece], *, language: Language, partial: JobEvent | None = None
) -> View:
    """What a watcher is sent first: the job as it is and the pieces transcribed so far, by index.

    `partial` is the newest event, where that has what is transcribed of another piece.
    """
    views = [
        {
            "index": piece.index,
            "start": piece.start,
            "end": piece.start + piece.transcript.duration,
            "text": piece.transcript.text,
        }
        for piece in pieces
    ]
    if partial:
        views.append(_text_view(partial))
    return {"type": "snapshot", "seq": job.seq, "job": job_view(job, language=language), "pieces": views}


def event_view(event: JobEvent, *, language: Language) -> View:
    """What a watcher is sent of one change; a `text` event carries the text of its piece.

    With `partial` that is the text so far, and another one of the same index replaces it.
    """
    view: View = {"type": event.type, "seq": event.seq}
    if event.text is not None:
        view |= {"type": "text", **_text_view(event)}
    elif event.type == "text":
        view["type"] = "progress"  # its text was erased since
    return {**view, "job": job_view(event.job, language=language)}


def _text_view(event: JobEvent) -> View:
    view: View = {"index": event.index, "start": event.start, "end": event.end, "text": event.text}
    return view | ({"partial": True} if event.type == "progress" else {})


def error_view(error: JobError, language: Language) -> View:
    """Why a job failed, in the reader's language."""
    known = by_code(error.code)
    view: View = {"code": error.code, "message": known.sentence.render(language, error.details)}
    if known.hint:
        view["hint"] = known.hint.render(language, error.details)
    return {**view, "stage": error.stage, "retryable": error.retryable}


def _times_view(job: Job) -> dict[str, str | None]:
    times = {
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "completedAt": job.completed_at,
        "updatedAt": job.updated_at,
        "waitingUntil": job.waiting_until,
        "expiresAt": job.expires_at,
        "erasedAt": job.erased_at,
    }
    return {name: None if seconds is None else iso_time(seconds) for name, seconds in times.items()}
