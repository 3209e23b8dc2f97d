"""Which recordings go to the engine whole, and where the pieces of others begin."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest

from common.audio.prepare import PreparedAudio
from common.audio.split import OVERLAP_SECONDS, Cut
from common.transcription.cut_rule import FIRST_SECONDS, Use, cuts_for


def audio_of(seconds: float, *, byte_rate: float) -> PreparedAudio:
    return PreparedAudio(Path("x.mp3"), "mp3", seconds, round(seconds * byte_rate), "as_is")


def cuts(
    use: Use, seconds: float, *, streams: bool = False, most: float = math.inf, byte_rate: float = 4_000
) -> list[Cut]:
    audio = audio_of(seconds, byte_rate=byte_rate)
    return list(cuts_for(use, audio, engine_streams=streams, most_seconds=most))


@pytest.mark.parametrize(
    ("use", "streams"),
    [("answer", False), ("answer", True), ("stream", True)],
    ids=["answer", "both", "stream"],
)
def test_a_client_that_waits_gets_a_recording_that_was_transcribed_whole(use: Use, streams: bool) -> None:
    assert [cut.method for cut in cuts(use, 5_000, streams=streams)] == ["whole"]


def test_what_the_engine_does_not_take_whole_is_cut() -> None:
    assert len(cuts("answer", 8_000, most=7_200)) > 1
    assert len(cuts("answer", 5_000, byte_rate=8_000)) > 1  # 40 MB
    assert len(cuts("answer", 1_000, most=60)) > 10


def test_what_may_be_silence_is_cut_so_that_silent_pieces_are_skipped() -> None:
    assert len(cuts("answer", 7_000, byte_rate=10)) > 10
    assert len(cuts("answer", 500, byte_rate=10)) == 1


@pytest.mark.parametrize("use", ["stream", "job"])
def test_the_first_piece_of_a_long_recording_is_short(use: Use) -> None:
    plan = cuts(use, 3_600)
    assert (plan[0].start, plan[0].length) == (0.0, FIRST_SECONDS)
    assert all(500 <= (cut.length or 3_600 - cut.start) <= 600 for cut in plan[1:])


def test_an_engine_that_streams_needs_no_short_piece() -> None:
    lengths = [cut.length or 3_600 - cut.start for cut in cuts("job", 3_600, streams=True)]
    assert max(lengths) == pytest.approx(min(lengths))


def test_a_job_of_ten_minutes_is_one_piece() -> None:
    assert [cut.method for cut in cuts("job", 600)] == ["whole"]


@pytest.mark.parametrize("seconds", [601, 700, 1_300, 3_600, 14_400])
def test_pieces_cover_the_recording_and_overlap(seconds: float) -> None:
    plan = cuts("job", seconds)
    assert [cut.index for cut in plan] == list(range(len(plan)))
    assert plan[-1].length is None
    for before, after in pairwise(plan):
        assert before.length is not None
        assert before.start + before.length - after.start == pytest.approx(OVERLAP_SECONDS)
