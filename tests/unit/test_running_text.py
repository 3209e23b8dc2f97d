"""The text of a recording that still runs: pieces overlap, each word is there once, nothing final changes."""

from __future__ import annotations

import pytest

from common.models import Piece, Segment, Transcript, Word
from common.text.running import advance

WORDS = [f"word{k}" for k in range(80)]  # one each half second


def make_piece(start: float, end: float, *, spoil_edges: bool = False) -> Piece:
    """The words that are said from `start` to `end`; an engine guesses at those that a cut divides."""
    spoken = [(w, k / 2, k / 2 + 0.4) for k, w in enumerate(WORDS) if start <= k / 2 and k / 2 + 0.4 <= end]
    if spoil_edges and spoken:
        spoken[0] = ("Bzz", *spoken[0][1:])
        spoken[-1] = ("Mmm.", *spoken[-1][1:])
    words = tuple(Word(word=w, start=a - start, end=b - start) for w, a, b in spoken)
    text = " ".join(w for w, _, _ in spoken)
    segments = (Segment(id=0, start=0.0, end=end - start, text=text),) if spoken else ()
    transcript = Transcript(text=text, duration=end - start, segments=segments, words=words)
    return Piece(index=0, start=start, transcript=transcript)


@pytest.mark.parametrize(("length", "step"), [(12, 6), (20, 5), (8, 6)])
def test_every_word_is_there_once_and_a_cut_spoils_none(length: int, step: int) -> None:
    rest, texts = None, []
    starts = [*range(0, 40 - length + 1, step)]
    for start in starts:
        end = 40.0 if start == starts[-1] else float(start + length)
        piece = make_piece(float(start), end, spoil_edges=True)
        following = None if start == starts[-1] else float(start + step)
        running = advance(rest, piece, next_start=following)
        texts.append(running.text)
        rest = running.rest
    assert " ".join(filter(None, texts)).split() == ["Bzz", *WORDS[1:-1], "Mmm."]
    assert rest is not None
    assert rest.transcript.text == ""


def test_what_is_final_ends_before_the_next_piece_and_the_rest_can_be_passed_on() -> None:
    running = advance(None, make_piece(0, 12), next_start=6.0)
    assert running.text.split() == WORDS[:10]
    assert running.rest.transcript.text.split() == WORDS[10:24]
    assert running.rest.start + running.rest.transcript.duration == pytest.approx(12)
    again = Piece.model_validate_json(running.rest.model_dump_json(by_alias=True, exclude_none=True))
    after = advance(again, make_piece(6, 18), next_start=None)
    assert after.text.split() == WORDS[10:36]


@pytest.mark.parametrize("guessed", ["somebody else said this", "word12 word13 word14 word15"])
def test_words_that_a_piece_has_no_sound_for_are_not_added_to_what_the_other_heard(guessed: str) -> None:
    first = advance(None, make_piece(0, 12), next_start=6.0)
    heard = make_piece(7, 18).transcript
    instant = [Word(word=w, start=0.3 * (k > 0), end=0.3) for k, w in enumerate(guessed.split())]
    later = [
        word.model_copy(update={"start": word.start + 1, "end": word.end + 1}) for word in heard.words or ()
    ]
    text = f"{guessed} {heard.text}"
    transcript = Transcript(
        text=text,
        duration=12.0,
        segments=(Segment(id=0, start=0.0, end=12.0, text=text),),
        words=(*instant, *later),
    )
    second = advance(first.rest, Piece(index=0, start=6.0, transcript=transcript), next_start=None)
    assert f"{first.text} {second.text}".split() == WORDS[:36]


def test_words_at_one_instant_are_kept_where_the_other_piece_heard_nothing() -> None:
    words = tuple(Word(word=w, start=0.3, end=0.3) for w in WORDS[12:16])
    text = " ".join(WORDS[12:16])
    segment = Segment(id=0, start=0.0, end=12.0, text=text)
    transcript = Transcript(text=text, duration=12.0, segments=(segment,), words=words)
    first = advance(None, make_piece(0, 4), next_start=6.0)
    second = advance(first.rest, Piece(index=0, start=6.0, transcript=transcript), next_start=None)
    assert f"{first.text} {second.text}".split() == [*WORDS[:8], *WORDS[12:16]]


def test_a_silent_piece_between_two_takes_nothing_away() -> None:
    first = advance(None, make_piece(0, 12), next_start=6.0)
    silent = Piece(index=0, start=6.0, transcript=Transcript(text="", duration=12.0))
    second = advance(first.rest, silent, next_start=12.0)
    third = advance(second.rest, make_piece(20, 32), next_start=None)
    spoken = f"{first.text} {second.text} {third.text}".split()
    assert spoken == [*WORDS[:24], *WORDS[40:64]]


def test_a_word_without_letters_in_a_segment_without_text_is_left_out() -> None:
    segment = Segment(id=0, start=0, end=5, text="")
    note = Word(word="♪", start=1, end=2)
    transcript = Transcript(text="", duration=5, segments=(segment,), words=(note,))
    assert advance(None, Piece(index=0, start=0, transcript=transcript), next_start=None).text == ""


# What two pieces hear of "el número 9 para la z", a pause, "el número que usted ha marcado": words and times.
BEFORE = "y 5.1 5.2 el 5.3 5.4 número 5.5 5.8 9 5.9 6.2 para 6.3 6.5 la 6.6 6.7 z. 6.9 7.3"
AFTER = "que 4.2 4.4 usted 4.5 4.8 ha 4.8 4.9 marcado 5.0 5.5"


def make_timed(spoken: str, start: float) -> Piece:
    fields = spoken.split()
    timed = zip(fields[::3], map(float, fields[1::3]), map(float, fields[2::3]), strict=True)
    words = tuple(Word(word=word, start=begin, end=end) for word, begin, end in timed)
    text = " ".join(fields[::3])
    segment = Segment(id=0, start=words[0].start, end=words[-1].end, text=text)
    return Piece(
        index=0, start=start, transcript=Transcript(text=text, duration=10, segments=(segment,), words=words)
    )


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (f"El 3.6 3.7 número 3.8 4.1 {AFTER}", "El número que usted ha marcado"),
        (f"El 0.0 3.7 número 3.8 4.1 {AFTER}", "El número que usted ha marcado"),
        (f"El 0.3 0.4 número 0.5 0.8 que 0.9 {AFTER[8:]}", "que usted ha marcado"),
    ],
    ids=["rightly-timed", "first-word-stretched", "third-word-stretched"],
)
def test_a_piece_that_leaves_out_its_beginning_takes_nothing_of_what_the_one_before_heard(
    heard: str, expected: str
) -> None:
    first = advance(None, make_timed(BEFORE, 0.0), next_start=5.0)
    second = advance(first.rest, make_timed(heard, 5.0), next_start=None)
    assert f"{first.text} {second.text}".strip() == f"y el número 9 para la z. {expected}"
