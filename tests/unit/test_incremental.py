"""Text that is sent while a transcription runs: each part once, never taken back, and in the end all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.models import Piece, Segment, Transcript, Word
from common.text.merge import merge
from common.transcription.incremental import IncrementalText
from tests.unit.test_merge import speech, transcribe, windows


def piece(index: int, start: float, *texts: tuple[float, str], length: float = 60.0) -> Piece:
    """A piece that says each text from a second of its own on, a second a word."""
    segments, words = [], []
    for number, (at, text) in enumerate(texts):
        spoken = text.split()
        words += [Word(word=word, start=at + i, end=at + i + 1) for i, word in enumerate(spoken)]
        end = at + max(1, len(spoken))
        segments.append(Segment(id=number, start=at, end=end, text=text))
    transcript = Transcript(text="", duration=length, segments=tuple(segments), words=tuple(words))
    return Piece(index=index, start=start, transcript=transcript)


def deltas(incremental: IncrementalText, piece: Piece) -> list[str]:
    part = incremental.add_piece(piece)
    return incremental.append(part) if part else []


def test_the_only_piece_is_final_at_once_one_delta_a_segment() -> None:
    incremental = IncrementalText([0.0], 60.0)
    assert deltas(incremental, piece(0, 0.0, (1, " Hola."), (5, " Adiós."))) == ["Hola.", " Adiós."]
    assert incremental.text == "Hola. Adiós."


def test_text_near_the_next_piece_is_withheld_until_that_comes() -> None:
    incremental = IncrementalText([0.0, 50.0], 110.0)
    first = piece(0, 0.0, (1, " uno"), (46, " dos"), (48, " tres"), (52, " cuatro cinco"))
    assert deltas(incremental, first) == ["uno", " dos"]
    assert deltas(incremental, piece(1, 50.0, (2, " cuatro cinco"), (20, " seis"))) == [
        " tres",
        " cuatro cinco",
        " seis",
    ]
    assert incremental.text == "uno dos tres cuatro cinco seis"


def test_a_piece_that_comes_early_waits_for_those_before_it() -> None:
    incremental = IncrementalText([0.0, 50.0, 100.0], 160.0)
    assert deltas(incremental, piece(0, 0.0, (1, " a"))) == ["a"]
    assert deltas(incremental, piece(2, 100.0, (20, " c"))) == []
    assert deltas(incremental, piece(1, 50.0, (20, " b"))) == [" b", " c"]


def test_segments_of_the_only_piece_are_final_as_they_come_in_parts_of_many_lines() -> None:
    incremental = IncrementalText([0.0], 90.0)
    whole = piece(0, 0.0, *((second, f" palabra{second}") for second in range(0, 90, 5)), length=90.0)
    segments, sent = whole.transcript.segments, list[str]()
    for count in range(1, len(segments)):
        if part := incremental.add_segments(segments[:count]):
            assert len(part.segments) > 4
            sent += incremental.append(part)
    assert len(sent) > 10
    assert incremental.add_segments(segments[:3]) is None  # the engine was asked once more
    sent += deltas(incremental, whole)
    assert "".join(sent) == incremental.text == merge([whole], duration=90.0).text


def test_segments_of_one_piece_of_several_wait_for_the_piece() -> None:
    whole = piece(0, 0.0, (1, " uno"), (40, " dos"))
    assert IncrementalText([0.0, 50.0], 110.0).add_segments(whole.transcript.segments) is None


def test_silence_gives_no_delta() -> None:
    incremental = IncrementalText([0.0, 50.0], 110.0)
    assert incremental.add_piece(piece(0, 0.0)) is None
    assert deltas(incremental, piece(1, 50.0)) == []
    assert incremental.text == ""


def test_text_without_segments_is_one_delta() -> None:
    incremental = IncrementalText([0.0], 60.0)
    piece = Piece(index=0, start=0.0, transcript=Transcript(text="solo texto", duration=60.0))
    assert deltas(incremental, piece) == ["solo texto"]


def test_scripts_without_spaces_get_no_spaces() -> None:
    incremental = IncrementalText([0.0], 60.0)
    assert deltas(incremental, piece(0, 0.0, (1, "你好"), (5, "世界"), (9, " ok"))) == ["你好", "世界", " ok"]


def test_a_line_removed_from_a_part_is_not_in_the_text() -> None:
    incremental = IncrementalText([0.0], 60.0)
    part = incremental.add_piece(piece(0, 0.0, (1, " Hola."), (5, " Gracias por ver el video.")))
    assert part is not None
    kept = part.model_copy(update={"segments": part.segments[:1], "text": "Hola."})
    assert incremental.append(kept) == ["Hola."]
    assert incremental.text == "Hola."


def test_a_part_has_the_words_of_its_segments() -> None:
    incremental = IncrementalText([0.0, 50.0], 110.0)
    first = incremental.add_piece(piece(0, 0.0, (1, " uno dos"), (52, " tres")))
    assert first is not None
    assert first.words is not None
    assert [word.word for word in first.words] == ["uno", "dos"]


@given(speech(), st.integers(0, 2**32))
def test_cut_anywhere_and_added_in_any_order_the_text_is_that_of_the_merge(
    spoken: tuple[list[list[Word]], float], seed: int
) -> None:
    lines, duration = spoken
    rng = random.Random(seed)
    cuts = windows(duration, rng, 3.0)
    pieces = [transcribe(lines, begin, end, index=i, rng=rng) for i, (begin, end) in enumerate(cuts)]
    whole = merge(pieces, duration=duration).text
    incremental = IncrementalText([piece.start for piece in pieces], duration)
    sent: list[str] = []
    for piece in rng.sample(pieces, len(pieces)):
        sent += deltas(incremental, piece)
        assert "".join(sent) == incremental.text
    assert incremental.text == whole


@pytest.mark.parametrize("early", [0.0, 0.3, 1.0])
def test_a_piece_may_start_a_little_before_its_cut(early: float) -> None:
    incremental = IncrementalText([0.0, 50.0], 110.0)
    sent = deltas(incremental, piece(0, 0.0, (1, " uno"), (47, " dos"), (52, " tres")))
    sent += deltas(incremental, piece(1, 50.0 - early, (2 + early, " tres"), (20, " cuatro")))
    assert "".join(sent) == "uno dos tres cuatro"
