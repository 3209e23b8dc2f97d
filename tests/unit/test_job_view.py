"""A job as its owner reads it."""

from __future__ import annotations

import pytest

from common.errors import AudioUnreadable, EscribaError, UploadTooLarge, by_code
from common.jobs import state
from common.jobs.events import make_event
from common.jobs.view import event_view, iso_time, job_view, snapshot_view, sync_view, ticket_view
from common.models import Audio, Job, JobError, JobEvent, Options, Piece, Transcript, Word
from common.ports import Delivery, UploadTicket
from tests.new_jobs import queued_job

AUDIO = Audio(size_bytes=9, sha256="0" * 64, filename="voz.mp3")
NOW = 1_767_268_800.0  # 2026-01-01T12:00:00Z


def a_job(**changes: object) -> Job:
    job = queued_job("j", now=NOW, expires_at=NOW + 60, audio=AUDIO)
    return job.model_copy(update=changes)


def a_piece(index: int = 0, start: float = 0.0, text: str = "Hola") -> Piece:
    return Piece(
        index=index,
        start=start,
        transcript=Transcript(text=text, duration=2.5),
    )


def test_times_are_utc_to_the_millisecond() -> None:
    assert iso_time(NOW + 0.25) == "2026-01-01T12:00:00.250Z"
    assert iso_time(NOW) == "2026-01-01T12:00:00.000Z"


def test_a_new_job_shows_only_the_fields_that_apply() -> None:
    assert job_view(a_job(), language="en") == {
        "jobId": "j",
        "status": "queued",
        "stage": "queue",
        "progress": 0,
        "run": 1,
        "attempts": 0,
        "seq": 1,
        "chunks": {"done": 0, "total": None},
        "createdAt": "2026-01-01T12:00:00.000Z",
        "updatedAt": "2026-01-01T12:00:00.000Z",
        "waitingFor": "place",
        "expiresAt": "2026-01-01T12:01:00.000Z",
    }


def test_internal_fields_are_not_shown() -> None:
    view = str(job_view(a_job(callback_url="https://a.example/", fingerprint="f" * 64), language="en"))
    assert "a.example" not in view
    assert "ffff" not in view
    assert "voz.mp3" not in view


def test_a_waiting_job_shows_why_and_until_when_and_its_user() -> None:
    job = state.start(a_job(user_id="ana"), now=NOW + 1)
    waiting = state.wait(job, until=NOW + 90, now=NOW + 2, attempt_counts=False, reason="audio_per_day")
    view = job_view(waiting, language="en")
    assert (view["waitingUntil"], view["waitingFor"]) == ("2026-01-01T12:01:30.000Z", "audio_per_day")
    assert "waitingFor" not in job_view(state.start(waiting, now=NOW + 90), language="en")
    assert "waitingFor" not in job_view(state.cancel(waiting, now=NOW, expires_at=NOW), language="en")
    assert view["startedAt"] == "2026-01-01T12:00:01.000Z"
    assert view["userId"] == "ana"


@pytest.mark.parametrize(
    ("language", "message"),
    [("en", "The file is larger than 25 MB."), ("es", "El archivo pesa más de 25 MB.")],
)
def test_an_error_is_in_the_readers_language(language: str, message: str) -> None:
    job = state.fail(a_job(), UploadTooLarge(limit_mb=25), now=NOW, expires_at=NOW)
    error = job_view(job, language=language)["error"]  # type: ignore[arg-type]
    assert error["message"] == message
    assert error["hint"]
    assert (error["code"], error["stage"], error["retryable"]) == ("upload_too_large", "queue", False)


def test_an_error_with_an_unknown_code_has_a_general_sentence() -> None:
    job = a_job(error=JobError(code="forgotten", stage="merge", retryable=True))
    error = job_view(job, language="en")["error"]
    assert error["code"] == "forgotten"
    assert error["message"] == EscribaError().message("en")


def test_an_error_without_a_hint_has_none() -> None:
    job = a_job(
        error=JobError(code="engine_refused", details={"reason": "no"}, stage="merge", retryable=False)
    )
    assert "hint" not in job_view(job, language="en")["error"]


def test_each_code_finds_its_class() -> None:
    assert by_code("audio_unreadable") is AudioUnreadable
    assert by_code("internal_error") is EscribaError
    assert by_code("no such code") is EscribaError


def test_the_result_has_word_times_only_where_they_were_requested() -> None:
    words = (Word(word="Hola", start=0, end=1),)
    result = Transcript(text="Hola", duration=2.5, words=words)
    plain = job_view(a_job(), language="en", result=result)["result"]
    with_words = job_view(a_job(options=Options(timestamps=("word",))), language="en", result=result)[
        "result"
    ]
    assert plain["text"] == "Hola"
    assert "words" not in plain
    assert list(with_words["words"]) == [{"word": "Hola", "start": 0.0, "end": 1.0}]


def test_sync_is_confirmed_when_the_newest_snapshot_is() -> None:
    behind = Delivery("j", "convex", wanted_seq=5, confirmed_seq=3, attempts=2, next_at=0, last_error="500")
    confirmed = Delivery("j", "convex", wanted_seq=5, confirmed_seq=5, attempts=0, next_at=0)
    refused = Delivery("j", "convex", wanted_seq=5, confirmed_seq=5, attempts=0, next_at=0, last_error="400")
    assert sync_view(behind) == {"state": "pending", "lastSeq": 3, "lastError": "500"}
    assert sync_view(confirmed) == {"state": "confirmed", "lastSeq": 5}
    assert sync_view(refused) == {"state": "refused", "lastSeq": 5, "lastError": "400"}
    assert job_view(a_job(), language="en", sync=sync_view(confirmed))["sync"]["state"] == "confirmed"


def test_a_snapshot_has_the_pieces_so_far_and_no_result() -> None:
    view = snapshot_view(a_job(seq=7), [a_piece(), a_piece(1, 2.5, "mundo")], language="en")
    assert view["type"] == "snapshot"
    assert view["seq"] == view["job"]["seq"] == 7
    assert view["pieces"] == [
        {"index": 0, "start": 0.0, "end": 2.5, "text": "Hola"},
        {"index": 1, "start": 2.5, "end": 5.0, "text": "mundo"},
    ]
    assert "result" not in view["job"]


def test_a_text_event_carries_the_text_of_its_piece() -> None:
    view = event_view(make_event(a_job(seq=8), piece=a_piece(1, 2.5, "mundo")), language="en")
    assert view.pop("job")["seq"] == 8
    assert view == {"type": "text", "seq": 8, "index": 1, "start": 2.5, "end": 5.0, "text": "mundo"}


def test_a_state_event_carries_the_job_alone() -> None:
    view = event_view(make_event(a_job(seq=8)), language="en")
    assert set(view) == {"type", "seq", "job"}


def test_a_text_event_whose_text_was_erased_becomes_progress() -> None:
    view = event_view(JobEvent(type="text", seq=8, job=a_job(seq=8), index=1, start=0, end=1), language="en")
    assert view["type"] == "progress"
    assert set(view) == {"type", "seq", "job"}


def test_a_ticket_shows_where_and_until_when_to_post_the_audio() -> None:
    ticket = UploadTicket(url="/job/j/audio", fields={"expires": "1"}, expires_at=NOW)
    assert ticket_view(ticket) == {
        "url": "/job/j/audio",
        "fields": {"expires": "1"},
        "expiresAt": "2026-01-01T12:00:00.000Z",
    }
