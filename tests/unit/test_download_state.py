"""A job that fetches its recording: queued at once, its address gone with its text, never in an event."""

from __future__ import annotations

import pytest

from common.errors import UrlNotFound
from common.jobs import download_state, state
from common.jobs.events import make_event
from common.jobs.view import job_view
from common.models import Audio, Job, Options

NOW = 1_800_000_000.0
LATER = NOW + 3600
URL = "https://example.com/talk.mp3?signature=s"
AUDIO = Audio(size_bytes=10, sha256="a" * 64, filename="talk.mp3")


def new(**fields: str) -> Job:
    job = state.accept("j", options=Options(), now=NOW, expires_at=NOW + 1, **fields)
    return download_state.expect(job, URL, expires_at=LATER)


def test_it_is_queued_as_its_first_value() -> None:
    job = new()
    assert (job.seq, job.status, job.stage, job.expires_at) == (1, "queued", "queue", LATER)


def test_a_run_begins_with_the_download_until_the_recording_is_there() -> None:
    running = state.start(new(filename="mine.mp3"), now=NOW)
    assert running.stage == "download"
    waiting = state.wait(running, until=NOW, now=NOW, attempt_counts=True)
    assert state.start(waiting, now=NOW).stage == "download"
    there = download_state.attach(running, AUDIO, now=NOW)
    assert there.audio is not None
    assert (there.stage, there.audio.filename) == ("prepare", "mine.mp3")
    again = state.start(state.wait(there, until=NOW, now=NOW, attempt_counts=True), now=NOW)
    assert again.stage == "prepare"


@pytest.mark.parametrize(("total", "progress"), [(200, 2.5), (None, 0.0), (50, 5.0)])
def test_its_progress_counts_bytes(total: int | None, progress: float) -> None:
    job = download_state.download(state.start(new(), now=NOW), received=100, total=total, now=NOW)
    assert job.progress == progress
    assert job_view(job, language="en")["download"] == {"receivedBytes": 100, "totalBytes": total}
    assert "download" not in job_view(download_state.attach(job, AUDIO, now=NOW), language="en")


def test_its_address_is_in_no_event_and_no_answer() -> None:
    assert make_event(new()).job.source_url is None
    assert URL not in str(job_view(new(), language="en"))


def test_it_can_be_tried_again_without_its_recording_until_it_is_deleted() -> None:
    failed = state.fail(state.start(new(), now=NOW), UrlNotFound(status=404), now=NOW, expires_at=LATER)
    again = state.retry(failed, now=NOW, expires_at=LATER, has_audio=False)
    assert (again.status, again.source_url, again.run) == ("queued", URL, 2)
    cancelled = state.cancel(state.start(new(), now=NOW), now=NOW, expires_at=LATER)
    erased = state.erase(cancelled, now=NOW, forget_at=LATER)
    assert erased.source_url is None
    assert state.retry(erased, now=NOW, expires_at=LATER, has_audio=False).status == "pending"


def test_it_does_not_report_after_its_end() -> None:
    cancelled = state.cancel(state.start(new(), now=NOW), now=NOW, expires_at=LATER)
    with pytest.raises(state.IllegalTransition):
        download_state.download(cancelled, received=1, total=2, now=NOW)
    with pytest.raises(state.IllegalTransition):
        download_state.attach(cancelled, AUDIO, now=NOW)
