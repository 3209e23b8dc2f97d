"""The end of a recording's way: merged, and listened to once more where there is a doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.audio.prepare import Prepared
from common.audio.split import plan_cuts
from common.models import Options, Piece, Segment, Transcript
from common.transcription.pipeline import PreparedRecording, finish, fit
from tests.job_service import JobService
from tests.media import Media


def spoken(*lines: tuple[float, float, str], start: float = 0.0) -> Piece:
    segments = tuple(
        Segment(id=i, start=a, end=b, text=f" {text}", avg_logprob=-0.2, no_speech_prob=0.0)
        for i, (a, b, text) in enumerate(lines)
    )
    return Piece(index=0, start=start, transcript=Transcript(text="…", duration=20.0, segments=segments))


def ready(path: Path, *, start: float = 0.0) -> PreparedRecording:
    prepared = Prepared(path, "mp3", 20.0, path.stat().st_size, "as_is", start=start)
    return PreparedRecording(prepared, plan_cuts(prepared))


def test_a_recording_that_cannot_be_listened_to_is_judged_without(
    tmp_path: Path, media: Media, caplog: pytest.LogCaptureFixture
) -> None:
    heard = [spoken((1, 6, "And Mr. John Dashwood had then leisure to consider."), (12, 14, "Thank you."))]
    with JobService(tmp_path) as service:
        told = service.call(finish(service.services, ready(media("noise.mp3")), heard, Options()))
    assert [segment.text for segment in told.segments] == [
        segment.text for segment in heard[0].transcript.segments
    ]
    assert [(record.levelname, record.msg) for record in caplog.records] == [("WARNING", "guard.unmeasured")]


def test_the_words_of_a_film_whose_sound_begins_late_stay_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "never-read.mp3"
    path.write_bytes(b"x")
    heard = [spoken((15.0, 19.0, "These are the very last words of the film."), start=7.0)]
    with JobService(tmp_path / "data") as service:
        options = Options(guard=False)
        told = service.call(finish(service.services, ready(path, start=7.0), heard, options))
    assert told.duration == 27.0
    assert [(segment.start, segment.end) for segment in told.segments] == [(22.0, 26.0)]


def piece(index: int, start: float, duration: float) -> Piece:
    return Piece(index=index, start=start, transcript=Transcript(text="…", duration=duration))


def test_kept_pieces_fit_where_they_were_cut_as_they_would_be_now(tmp_path: Path) -> None:
    prepared = Prepared(tmp_path / "x.mp3", "mp3", 1500.0, 1, "as_is", start=7.0)
    whole = PreparedRecording(prepared, plan_cuts(prepared))
    kept = [
        piece(cut.index, 7.0 + cut.start - 0.02, (cut.length or 1500.0 - cut.start) + 0.02)
        for cut in whole.cuts
    ]
    assert len(kept) == 3
    assert fit(kept, whole)
    assert fit(kept[1:], whole)
    assert fit([], whole)
    halves = PreparedRecording(prepared, plan_cuts(prepared, piece_seconds=800))
    assert not fit(kept, halves)
    assert not any(fit([one], halves) for one in kept)
