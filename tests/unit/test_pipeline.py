"""The steps after the engine: reusing kept pieces, merging them, and removing hallucinations."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.audio.prepare import PreparedAudio
from common.audio.split import plan_cuts
from common.models import Options, Piece, Segment, Transcript
from common.transcription.pipeline import PreparedRecording, are_pieces_reusable, merge_pieces
from tests.job_service import JobService
from tests.media import Media


def piece_of(*lines: tuple[float, float, str], start: float = 0.0) -> Piece:
    segments = tuple(
        Segment(id=i, start=a, end=b, text=f" {text}", avg_logprob=-0.2, no_speech_prob=0.0)
        for i, (a, b, text) in enumerate(lines)
    )
    return Piece(index=0, start=start, transcript=Transcript(text="…", duration=20.0, segments=segments))


def recording_of(path: Path, *, start: float = 0.0) -> PreparedRecording:
    audio = PreparedAudio(path, "mp3", 20.0, path.stat().st_size, "as_is", start=start)
    return PreparedRecording(audio, plan_cuts(audio))


def test_a_recording_whose_loudness_cannot_be_measured_keeps_its_doubtful_lines(
    tmp_path: Path, media: Media, caplog: pytest.LogCaptureFixture
) -> None:
    pieces = [piece_of((1, 6, "And Mr. John Dashwood had then leisure to consider."), (12, 14, "Thank you."))]
    recording = recording_of(media("noise.mp3"))
    with JobService(tmp_path) as service:
        merged = service.call(merge_pieces(service.services, recording, pieces, Options()))
    assert [segment.text for segment in merged.segments] == [
        segment.text for segment in pieces[0].transcript.segments
    ]
    assert [(record.levelname, record.msg) for record in caplog.records] == [("WARNING", "guard.unmeasured")]


def test_a_film_whose_sound_begins_late_keeps_the_words_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "never-read.mp3"
    path.write_bytes(b"x")
    recording = recording_of(path, start=7.0)
    pieces = [piece_of((15.0, 19.0, "These are the very last words of the film."), start=7.0)]
    with JobService(tmp_path / "data") as service:
        merged = service.call(merge_pieces(service.services, recording, pieces, Options(guard=False)))
    assert merged.duration == 27.0
    assert [(segment.start, segment.end) for segment in merged.segments] == [(22.0, 26.0)]


def piece(index: int, start: float, duration: float) -> Piece:
    return Piece(index=index, start=start, transcript=Transcript(text="…", duration=duration))


def test_kept_pieces_are_reused_only_where_they_follow_the_cut_plan(tmp_path: Path) -> None:
    audio = PreparedAudio(tmp_path / "x.mp3", "mp3", 1500.0, 1, "as_is", start=7.0)
    thirds = PreparedRecording(audio, plan_cuts(audio))
    kept = [
        piece(cut.index, 7.0 + cut.start - 0.02, (cut.length or 1500.0 - cut.start) + 0.02)
        for cut in thirds.cuts
    ]
    assert len(kept) == 3
    assert are_pieces_reusable(kept, thirds)
    assert are_pieces_reusable(kept[1:], thirds)
    assert are_pieces_reusable([], thirds)
    halves = PreparedRecording(audio, plan_cuts(audio, piece_seconds=800))
    assert not are_pieces_reusable(kept, halves)
    assert not any(are_pieces_reusable([third], halves) for third in kept)
