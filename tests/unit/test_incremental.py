"""Text for who reads along: told once, never taken back, and in the end all of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.models import Piece, Segment, Transcript, Word
from common.text.merge import merge
from common.transcription.incremental import IncrementalText
from tests.unit.test_merge import heard, speech, windows


def piece(index: int, start: float, *texts: tuple[float, str], length: float = 60.0) -> Piece:
    """A piece that says each text from a second of its own on, a second a word."""
    segments, words = [], []
    for number, (at, text) in enumerate(texts):
        said = text.split()
        words += [Word(word=word, start=at + i, end=at + i + 1) for i, word in enumerate(said)]
        end = at + max(1, len(said))
        segments.append(Segment(id=number, start=at, end=end, text=text))
    transcript = Transcript(text="", duration=length, segments=tuple(segments), words=tuple(words))
    return Piece(index=index, start=start, transcript=transcript)


def tell(settling: IncrementalText, piece: Piece) -> list[str]:
    stretch = settling.heard(piece)
    return settling.tell(stretch) if stretch else []


def test_a_lone_piece_settles_at_once_a_text_a_segment() -> None:
    settling = IncrementalText([0.0], 60.0)
    assert tell(settling, piece(0, 0.0, (1, " Hola."), (5, " Adiós."))) == ["Hola.", " Adiós."]
    assert settling.text == "Hola. Adiós."


def test_what_lies_near_the_next_piece_is_held_until_that_is_here() -> None:
    settling = IncrementalText([0.0, 50.0], 110.0)
    first = piece(0, 0.0, (1, " uno"), (46, " dos"), (48, " tres"), (52, " cuatro cinco"))
    assert tell(settling, first) == ["uno", " dos"]
    assert tell(settling, piece(1, 50.0, (2, " cuatro cinco"), (20, " seis"))) == [
        " tres",
        " cuatro cinco",
        " seis",
    ]
    assert settling.text == "uno dos tres cuatro cinco seis"


def test_a_piece_that_comes_before_its_turn_waits_for_it() -> None:
    settling = IncrementalText([0.0, 50.0, 100.0], 160.0)
    assert tell(settling, piece(0, 0.0, (1, " a"))) == ["a"]
    assert tell(settling, piece(2, 100.0, (20, " c"))) == []
    assert tell(settling, piece(1, 50.0, (20, " b"))) == [" b", " c"]


def test_silence_tells_nothing() -> None:
    settling = IncrementalText([0.0, 50.0], 110.0)
    assert settling.heard(piece(0, 0.0)) is None
    assert tell(settling, piece(1, 50.0)) == []
    assert settling.text == ""


def test_text_without_segments_is_told_at_the_end() -> None:
    settling = IncrementalText([0.0], 60.0)
    piece = Piece(index=0, start=0.0, transcript=Transcript(text="solo texto", duration=60.0))
    assert tell(settling, piece) == ["solo texto"]


def test_scripts_without_spaces_are_told_without() -> None:
    settling = IncrementalText([0.0], 60.0)
    assert tell(settling, piece(0, 0.0, (1, "你好"), (5, "世界"), (9, " ok"))) == ["你好", "世界", " ok"]


def test_what_was_taken_out_of_a_stretch_is_not_told() -> None:
    settling = IncrementalText([0.0], 60.0)
    stretch = settling.heard(piece(0, 0.0, (1, " Hola."), (5, " Gracias por ver el video.")))
    assert stretch is not None
    kept = stretch.model_copy(update={"segments": stretch.segments[:1], "text": "Hola."})
    assert settling.tell(kept) == ["Hola."]
    assert settling.text == "Hola."


def test_a_stretch_brings_the_words_that_were_said_in_it() -> None:
    settling = IncrementalText([0.0, 50.0], 110.0)
    first = settling.heard(piece(0, 0.0, (1, " uno dos"), (52, " tres")))
    assert first is not None
    assert first.words is not None
    assert [word.word for word in first.words] == ["uno", "dos"]


@given(speech(), st.integers(0, 2**32))
def test_cut_anywhere_and_heard_in_any_order_the_text_is_that_of_the_merge(
    said: tuple[list[list[Word]], float], seed: int
) -> None:
    lines, duration = said
    rng = random.Random(seed)
    cuts = windows(duration, rng, 3.0)
    pieces = [heard(lines, begin, end, index=i, rng=rng) for i, (begin, end) in enumerate(cuts)]
    whole = merge(pieces, duration=duration).text
    settling = IncrementalText([piece.start for piece in pieces], duration)
    told: list[str] = []
    for piece in rng.sample(pieces, len(pieces)):
        told += tell(settling, piece)
        assert "".join(told) == settling.text
    assert settling.text == whole


@pytest.mark.parametrize("early", [0.0, 0.3, 1.0])
def test_a_piece_may_begin_a_little_before_its_cut(early: float) -> None:
    settling = IncrementalText([0.0, 50.0], 110.0)
    told = tell(settling, piece(0, 0.0, (1, " uno"), (47, " dos"), (52, " tres")))
    told += tell(settling, piece(1, 50.0 - early, (2 + early, " tres"), (20, " cuatro")))
    assert "".join(told) == "uno dos tres cuatro"
