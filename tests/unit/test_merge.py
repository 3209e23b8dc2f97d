"""Merging gives each word once, at its time, however the recording was cut and whatever the engine wrote."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.models import Piece, Segment, Suppressed, Transcript, Word
from common.text.merge import merge
from common.text.spoken_languages import languages_of
from common.text.tokens import join, normalise, split_words

LONGEST_WORD = 0.6
VOCABULARY = (
    "que de no a la el es y en lo un por qué me una te los se con para mi está si bien pero yo eso las sí su "
    "tu aquí del al como le más esto ya todo ahora cuando veinticinco mañana Córdoba transcripción niño"
)


def word(text: str, start: float, end: float) -> Word:
    return Word(word=text, start=start, end=end)


def transcript_of(lines: Sequence[Sequence[Word]], duration: float, *, times: bool = True) -> Transcript:
    """The engine's transcript of these lines of words."""
    segments = tuple(
        Segment(
            id=i,
            start=line[0].start,
            end=line[-1].end,
            text=" " + " ".join(w.word for w in line),
            avg_logprob=-0.2 - i / 100,
            no_speech_prob=0.01,
            compression_ratio=1.4,
            temperature=0.0,
        )
        for i, line in enumerate(lines)
    )
    return Transcript(
        text=join(s.text for s in segments),
        language="es",
        duration=duration,
        segments=segments,
        words=tuple(w for line in lines for w in line) if times else None,
    )


@st.composite
def speech(draw: st.DrawFn, pace: bool = False) -> tuple[list[list[Word]], float]:
    """Lines of words with times, as in real speech, and their duration."""
    rng = draw(st.randoms(use_true_random=False))
    lines: list[list[Word]] = []
    clock = rng.uniform(0, 3)
    for _ in range(draw(st.integers(1, 14))):
        line = []
        for _ in range(rng.randint(1, 14)):
            text = rng.choice(VOCABULARY.split())
            length = 0.06 * (len(text) + 1) if pace else rng.uniform(0.08, LONGEST_WORD)
            line.append(word(text, round(clock, 3), round(clock + min(length, LONGEST_WORD), 3)))
            clock += length + (0.0 if pace else rng.choice([0, 0, 0.02, 0.3]))
        line[-1] = line[-1].model_copy(update={"word": line[-1].word + "."})
        lines.append(line)
        clock += rng.choice([0, 0.2, 1, 4])
    return lines, round(clock + rng.uniform(0, 2), 3)


Noise = Callable[[Word], Word]


def transcribe(
    lines: Sequence[Sequence[Word]], begin: float, end: float, *, index: int, rng: random.Random,
    noise: Noise = lambda w: w, regroup: bool = False, times: bool = True,
) -> Piece:  # fmt: skip
    """What an engine writes between two cuts: it drops, garbles or invents half words at the edges."""
    written: list[list[Word]] = []
    for line in lines:
        kept = []
        for w in line:
            if w.start >= begin and w.end <= end:
                kept.append(noise(w))
            elif w.end > begin + 0.02 and w.start < end - 0.02:
                kept.extend(_half(w, begin, end, rng))
        if kept:
            written.append(kept)
    if regroup:
        flat = [w for line in written for w in line]
        size = rng.randint(1, 9)
        written = [flat[i : i + size] for i in range(0, len(flat), size)]
    local = [[word(w.word, max(0, w.start - begin), max(0, w.end - begin)) for w in line] for line in written]
    return Piece(index=index, start=begin, transcript=transcript_of(local, end - begin, times=times))


def _half(w: Word, begin: float, end: float, rng: random.Random) -> list[Word]:
    bare, middle = w.word.strip(".,¿"), len(w.word.strip(".,¿")) // 2
    part, guess = (bare[:middle], "zza") if w.end > end else (bare[middle:], "zzb")
    text = rng.choice([None, part, guess])
    return [word(text, max(w.start, begin), min(w.end, end))] if text else []


def windows(duration: float, rng: random.Random, shortest_overlap: float) -> list[tuple[float, float]]:
    """Pieces that cover everything, each overlapping the next by some seconds."""
    begin = 0.0
    cuts: list[tuple[float, float]] = []
    while True:
        end = begin + rng.uniform(shortest_overlap + 1, 30)
        if end >= duration:
            return [*cuts, (begin, duration)]
        cuts.append((begin, end))
        begin = max(begin + 0.5, end - rng.uniform(shortest_overlap, 12))


def words_in(transcript: Transcript) -> list[str]:
    return [normalise(token) for token in split_words(transcript.text)]


def check(transcript: Transcript, duration: float) -> None:
    """The properties of every transcript."""
    assert transcript.text == join(s.text for s in transcript.segments)
    assert [s.id for s in transcript.segments] == list(range(len(transcript.segments)))
    timed_lists: tuple[Sequence[Segment | Word], ...] = (transcript.segments, transcript.words or ())
    for timed in timed_lists:
        assert all(0 <= t.start <= t.end <= duration for t in timed)
        assert all(a.end <= b.start for a, b in pairwise(timed))


@settings(max_examples=150, deadline=None)
@given(speech(), st.randoms(use_true_random=False), st.booleans())
def test_a_recording_cut_anywhere_is_merged_without_loss(
    spoken: tuple[list[list[Word]], float], rng: random.Random, regroup: bool
) -> None:
    lines, duration = spoken
    whole = transcript_of(lines, duration)
    pieces = [
        transcribe(lines, *window, index=i, rng=rng, regroup=regroup)
        for i, window in enumerate(windows(duration, rng, LONGEST_WORD + 0.1))
    ]
    merged = merge(pieces, duration=duration)
    check(merged, duration)
    assert merged.words is not None
    assert whole.words is not None
    assert [w.word for w in merged.words] == [w.word for w in whole.words]
    for word_, true in zip(merged.words, whole.words, strict=True):
        assert word_.start == pytest.approx(true.start, abs=0.001)
        assert word_.end == pytest.approx(true.end, abs=0.001)
    assert merged.text == whole.text


@settings(max_examples=100, deadline=None)
@given(speech(), st.randoms(use_true_random=False))
def test_pieces_may_differ_in_spelling_and_a_little_in_time(
    spoken: tuple[list[list[Word]], float], rng: random.Random
) -> None:
    lines, duration = spoken

    def noise(w: Word) -> Word:
        text = rng.choice([w.word, w.word, w.word.upper(), w.word.strip(".") + ",", "¿" + w.word])
        shift = rng.uniform(-0.04, 0.04)
        return word(text, max(0, w.start + shift), w.end + shift)

    pieces = [
        transcribe(lines, *window, index=i, rng=rng, noise=noise)
        for i, window in enumerate(windows(duration, rng, LONGEST_WORD + 0.3))
    ]
    merged = merge(pieces, duration=duration)
    check(merged, duration)
    assert merged.words is not None
    true = [w for line in lines for w in line]
    assert [normalise(w.word) for w in merged.words] == [normalise(w.word) for w in true]
    assert words_in(merged) == [normalise(w.word) for w in true]
    assert all(abs(a.start - b.start) < 0.1 for a, b in zip(merged.words, true, strict=True))


@settings(max_examples=100, deadline=None)
@given(speech(pace=True), st.randoms(use_true_random=False))
def test_without_word_times_the_text_is_merged_without_loss(
    spoken: tuple[list[list[Word]], float], rng: random.Random
) -> None:
    lines, duration = spoken
    whole = transcript_of(lines, duration, times=False)
    pieces = [
        transcribe(lines, *window, index=i, rng=rng, times=False)
        for i, window in enumerate(windows(duration, rng, 3.0))
    ]
    merged = merge(pieces, duration=duration)
    check(merged, duration)
    assert merged.words is None
    assert words_in(merged) == words_in(whole)


@settings(max_examples=50, deadline=None)
@given(speech(), st.randoms(use_true_random=False))
def test_cut_between_words_without_overlap_nothing_is_lost(
    spoken: tuple[list[list[Word]], float], rng: random.Random
) -> None:
    lines, duration = spoken
    ends = [w.end for line in lines for w in line][:-1]
    cuts = sorted(rng.sample(ends, min(len(ends), 2)))
    pieces = [
        transcribe(lines, *window, index=i, rng=rng)
        for i, window in enumerate(pairwise([0.0, *cuts, duration]))
    ]
    merged = merge(pieces, duration=duration)
    check(merged, duration)
    assert words_in(merged) == words_in(transcript_of(lines, duration))


@settings(max_examples=100, deadline=None)
@given(speech(), st.randoms(use_true_random=False), st.booleans())
def test_pieces_out_of_order_or_repeated_change_nothing(
    spoken: tuple[list[list[Word]], float], rng: random.Random, times: bool
) -> None:
    lines, duration = spoken
    cuts = windows(duration, rng, 1.0)
    pieces = [transcribe(lines, *window, index=i, rng=rng, times=times) for i, window in enumerate(cuts)]
    shuffled = pieces * 2
    rng.shuffle(shuffled)
    assert merge(shuffled, duration=duration) == merge(pieces, duration=duration)


@settings(max_examples=100, deadline=None)
@given(speech(), st.booleans())
def test_one_piece_is_the_transcript(spoken: tuple[list[list[Word]], float], times: bool) -> None:
    lines, duration = spoken
    whole = transcript_of(lines, duration, times=times)
    segments = tuple(each.model_copy(update={"language": whole.language}) for each in whole.segments)
    merged = merge([Piece(index=0, start=0.0, transcript=whole)], duration=duration)
    assert merged == whole.model_copy(update={"segments": segments})


def line(text: str, start: float, end: float, **confidence: Any) -> Segment:
    return Segment(id=0, start=start, end=end, text=text, **confidence)


def piece(index: int, start: float, length: float, *segments: Segment, **more: object) -> Piece:
    transcript = Transcript(
        text=join(s.text for s in segments), duration=length, segments=segments, language="es"
    ).model_copy(update=more)
    return Piece(index=index, start=start, transcript=transcript)


def test_nothing_at_all_is_an_empty_transcript() -> None:
    assert merge([], duration=3.0) == Transcript(text="", duration=3.0)
    silent = merge([piece(0, 0, 60), piece(1, 50, 60)], duration=110)
    assert (silent.text, silent.segments, silent.words, silent.language) == ("", (), None, "es")


def test_a_line_cut_in_two_is_one_line_with_the_mean_confidence_of_its_words() -> None:
    merged = merge(
        [
            piece(0, 0, 10, line(" Buenas tardes a todos los que nos", 6, 10, avg_logprob=-0.2)),
            piece(1, 6, 10, line(" todos los que nos escuchan hoy aquí.", 1.4, 6, avg_logprob=-0.4)),
        ],
        duration=16,
    )
    (only,) = merged.segments
    assert only.text == " Buenas tardes a todos los que nos escuchan hoy aquí."
    assert (only.start, only.end) == (6, 12)
    assert only.avg_logprob is not None
    assert -0.4 < only.avg_logprob < -0.2
    assert only.no_speech_prob is None


def test_each_line_outside_the_overlap_keeps_its_own_confidence() -> None:
    merged = merge(
        [
            piece(0, 0, 10, line("Uno.", 1, 2, avg_logprob=-0.1, no_speech_prob=0.2)),
            piece(1, 9, 10, line("Dos.", 3, 4, avg_logprob=-0.9, compression_ratio=1.1)),
        ],
        duration=19,
    )
    assert merged.segments == (
        Segment(id=0, start=1, end=2, text="Uno.", avg_logprob=-0.1, no_speech_prob=0.2, language="es"),
        Segment(id=1, start=12, end=13, text="Dos.", avg_logprob=-0.9, compression_ratio=1.1, language="es"),
    )


def test_a_line_that_only_one_piece_has_in_the_overlap_is_kept() -> None:
    tail_missed = merge(
        [
            piece(0, 0, 20, line(" Primero.", 1, 2)),
            piece(1, 10, 20, line(" Luego.", 2, 3), line(" Fin.", 12, 13)),
        ],
        duration=30,
    )
    assert tail_missed.text == "Primero. Luego. Fin."
    head_missed = merge(
        [
            piece(0, 0, 20, line(" Primero.", 1, 2), line(" Luego.", 12, 13)),
            piece(1, 10, 20, line(" Fin.", 12, 13)),
        ],
        duration=30,
    )
    assert head_missed.text == "Primero. Luego. Fin."


def timed(text: str, start: float, step: float = 0.4) -> tuple[Word, ...]:
    return tuple(
        word(w, round(start + i * step, 3), round(start + (i + 1) * step, 3))
        for i, w in enumerate(text.split())
    )


def spoken_piece(index: int, start: float, length: float, text: str, at: float) -> Piece:
    words = timed(text, at)
    return piece(index, start, length, line(text, at, words[-1].end), words=words)


def test_of_two_spellings_the_one_farther_from_its_cut_is_taken() -> None:
    # Both pieces cover 8 to 12; "color" is at 9, nearer the second piece's edge.
    first = spoken_piece(0, 0, 12, "el color de la casa blanca era", 8.6)
    second = spoken_piece(1, 8, 12, "el colour de la casa blanca era gris", 0.6)
    merged = merge([first, second], duration=20)
    assert merged.text == "el color de la casa blanca era gris"
    # Here it is at 11, nearer the first piece's edge.
    first = spoken_piece(0, 0, 12, "la casa blanca era de un color gris", 8.6)
    second = spoken_piece(1, 8, 12, "la casa blanca era de un colour gris perla", 0.6)
    assert merge([first, second], duration=20).text == "la casa blanca era de un colour gris perla"


def test_a_number_in_digits_and_in_letters_is_one_number() -> None:
    first = spoken_piece(0, 0, 12, "son 20 euros con 5 céntimos", 9)
    second = spoken_piece(1, 8, 12, "son veinte euros con cinco céntimos y gracias", 1)
    merged = merge([first, second], duration=20)
    assert merged.text == "son 20 euros con cinco céntimos y gracias"
    assert merged.words is not None
    assert [w.word for w in merged.words] == merged.text.split()


def test_pieces_that_share_no_word_still_give_each_moment_once() -> None:
    first = spoken_piece(0, 0, 12, "uno dos tres cuatro cinco seis siete ocho nueve diez", 8)
    second = spoken_piece(1, 8, 12, "one two three four five six seven eight nine ten", 0)
    merged = merge([first, second], duration=20)
    assert merged.text == "uno dos tres cuatro cinco six seven eight nine ten"
    assert [s.text for s in merged.segments] == ["uno dos tres cuatro cinco", "six seven eight nine ten"]


def test_words_with_another_spelling_than_the_text_keep_their_times() -> None:
    segment = line(" Don't pay $20, OK?", 1, 3)
    words = (
        word("Don", 1, 1.2), word("'t", 1.2, 1.4), word("pay", 1.4, 1.6), word("twenty", 1.6, 2),
        word("dollars", 2, 2.5), word("OK", 2.5, 3), word(" ", 3, 3),
    )  # fmt: skip
    first = piece(0, 5, 10, segment, words=words)
    merged = merge(
        [first, piece(1, 7.9, 10, line(" Sure.", 2, 3), words=(word("Sure", 2, 3),))], duration=17.9
    )
    assert merged.text == "Don't pay $20, OK? Sure."
    assert merged.words is not None
    assert [(w.word, w.start) for w in merged.words][:3] == [("Don", 6), ("'t", 6.2), ("pay", 6.4)]
    assert [w.word for w in merged.words][3:] == ["twenty", "dollars", "OK", "Sure"]


def test_three_pieces_over_one_moment_give_it_once() -> None:
    text = "aquí estamos los tres a la vez y ya"
    pieces = [spoken_piece(i, 4.0 * i, 20, text, 9 - 4.0 * i) for i in range(3)]
    assert merge(pieces, duration=28).text == text


def test_a_piece_inside_another_is_ignored() -> None:
    outer = spoken_piece(0, 0, 20, "todo lo que se dijo", 9)
    assert merge([outer, spoken_piece(1, 8, 5, "lo que se", 1)], duration=20) == merge([outer], duration=20)


def test_scripts_without_spaces_are_aligned_by_character() -> None:
    def japanese(index: int, start: float, text: str, at: float) -> Piece:
        words = tuple(
            word(c, round(at + i * 0.2, 3), round(at + i * 0.2 + 0.2, 3)) for i, c in enumerate(text)
        )
        return piece(index, start, 12, line(text, at, words[-1].end), words=words)

    merged = merge(
        [japanese(0, 0, "今日は天気がいいで", 10), japanese(1, 8, "気がいいですね", 3)], duration=20
    )
    assert merged.text == "今日は天気がいいですね"
    assert merged.words is not None
    assert "".join(w.word for w in merged.words) == merged.text


def test_words_without_segments_and_text_alone_are_merged() -> None:
    def bare(index: int, start: float, text: str, at: float, *, times: bool) -> Piece:
        words = timed(text, at) if times else None
        return Piece(index=index, start=start, transcript=Transcript(text=text, duration=6, words=words))

    for times in (True, False):
        at = (3.6, 0.6) if times else (0.0, 0.0)
        merged = merge(
            [
                bare(0, 0, "hola a todos y bienve", at[0], times=times),
                bare(1, 3, "hola a todos y bienvenidos al programa", at[1], times=times),
            ],
            duration=9,
        )
        assert merged.segments == ()
        assert (merged.words is not None) == times
        if times:
            assert merged.text == "hola a todos y bienvenidos al programa"
        else:
            assert merged.text.endswith("bienvenidos al programa")


def test_wrong_times_of_the_engine_are_made_to_rise_within_the_recording() -> None:
    wrong = [line("uno", 4, 9), line("dos", 2, 3), line("tres", 8, 40)]
    merged = merge([piece(0, 0, 10, *wrong, words=(word("uno", 4, 9), word("dos", 5, 6)))], duration=10)
    check(merged, 10)
    assert merged.text == "uno dos tres"


def test_a_piece_without_a_length_is_as_long_as_its_text() -> None:
    merged = merge([piece(0, 0, 0, line("Uno.", 1, 2)), piece(1, 5, 0, line("Dos.", 1, 2))], duration=9)
    assert [(s.start, s.end) for s in merged.segments] == [(1, 2), (6, 7)]


def test_the_language_is_that_of_most_of_the_text() -> None:
    pieces = [
        piece(0, 0, 10, line("Thanks.", 1, 2), language="English", language_probability=0.5),
        piece(
            1, 10, 10, line("Esto es todo lo que hay.", 1, 2), language="spanish", language_probability=0.9
        ),
        piece(2, 20, 30, line("Y nada más.", 1, 2), language="es", language_probability=0.7),
        piece(3, 50, 30, line("De nada.", 1, 2), language="es"),
        piece(4, 80, 30, language=None),
    ]
    merged = merge(pieces, duration=110)
    assert merged.language == "es"
    assert merged.language_probability == pytest.approx((0.9 * 10 + 0.7 * 30) / 40)
    assert merge(pieces[:1], duration=10).language_probability == 0.5
    assert merge([piece(0, 0, 9, language="tlh")], duration=9).language == "tlh"
    assert merge(pieces[4:], duration=110).language is None


def test_suppressions_and_warnings_are_kept_once() -> None:
    def suppressed(start: float) -> tuple[Suppressed, ...]:
        return (Suppressed(start=start, end=start + 2, text="Gracias por ver el video.", reason="phrase"),)

    merged = merge(
        [
            piece(0, 0, 60, suppressed=suppressed(52), warnings=("prompt cut", "quiet")),
            piece(1, 50, 60, suppressed=suppressed(2.2) + suppressed(40), warnings=("prompt cut",)),
        ],
        duration=110,
    )
    assert [s.start for s in merged.suppressed] == [52, 90]
    assert [warning.details["text"] for warning in merged.warnings] == ["prompt cut", "quiet"]


def test_each_line_has_the_language_of_its_engine_or_of_its_piece() -> None:
    spanish, english = (
        line("Es todo.", 1, 2, language="es"),
        line("That is all it is.", 3, 4, language="en"),
    )
    pieces = [piece(0, 0, 10, spanish, english), piece(1, 10, 10, line("Y no hay nada más.", 1, 2))]
    merged = merge(pieces, duration=20)
    assert [segment.language for segment in merged.segments] == ["es", "en", "es"]
    assert merged.language == "es"
    assert languages_of(merged) == ["es", "en"]
    assert merge(pieces[:1], duration=10).language == "en"
