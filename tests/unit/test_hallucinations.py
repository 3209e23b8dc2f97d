"""Hallucinations are removed and real speech is kept: phrases, silence, loops."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.audio.loudness import SILENT, LoudnessProfile, SpanLevels
from common.models import Segment, Transcript, Word
from common.text.hallucinations import remove_hallucinations, spans_to_measure
from common.text.loops import find_loops
from common.text.phrases import kind_of
from common.text.speech_evidence import Loudness
from common.text.tokens import join


def line(
    text: str,
    start: float,
    end: float,
    *,
    logprob: float = -0.25,
    no_speech: float = 0.02,
    compression: float = 1.3,
) -> Segment:
    return Segment(
        id=0, start=start, end=end, text=text,
        avg_logprob=logprob, no_speech_prob=no_speech, compression_ratio=compression, temperature=0.0,
    )  # fmt: skip


def recording(*segments: Segment, words: bool = False) -> Transcript:
    lines = tuple(s.model_copy(update={"id": i}) for i, s in enumerate(segments))
    return Transcript(
        text=join(s.text for s in lines),
        language="es",
        duration=max((s.end for s in lines), default=0) + 1,
        segments=lines,
        words=tuple(w for s in lines for w in words_of(s)) if words else None,
    )


def words_of(segment: Segment) -> list[Word]:
    texts = segment.text.split()
    step = (segment.end - segment.start) / max(1, len(texts))
    return [
        Word(word=w, start=segment.start + i * step, end=segment.start + (i + 1) * step)
        for i, w in enumerate(texts)
    ]


def levels_by_time(levels: list[float], *, step: float) -> Loudness:
    """The loudness where `levels[i]` is the dBFS of the `step` seconds from `i * step`."""

    def loudest(start: float, end: float) -> float | None:
        first = max(0, int(start / step))
        return max(levels[first : max(first + 1, int(end / step) + 1)], default=None)

    return loudest


SPEECH = (
    line(" Buenas tardes a todos, hoy vamos a hablar del agua.", 0.5, 4.2),
    line(" El embalse está al treinta por ciento de su capacidad.", 4.6, 8.1),
    line(" Y con esto terminamos el programa de hoy.", 8.4, 11.0),
)


def removed(transcript: Transcript) -> list[tuple[str, str]]:
    return [(item.reason, item.text) for item in transcript.suppressed]


# ── phrases ───────────────────────────────────────────────────────────────────────────────────────


def test_a_phrase_without_evidence_against_it_is_kept() -> None:
    for phrase in (
        "Gracias por ver el video.",
        "Thanks for watching!",
        "Muchas gracias.",
        "Nos vemos en la próxima.",
    ):
        transcript = recording(*SPEECH, line(f" {phrase}", 11.2, 12.6))
        assert remove_hallucinations(transcript) is transcript
        loud = levels_by_time([-20.0] * 130, step=0.1)
        assert remove_hallucinations(transcript, loudness=loud) is transcript


def test_even_a_credit_is_kept_without_evidence_besides_its_wording() -> None:
    transcript = recording(*SPEECH, line(" Subtítulos realizados por la comunidad de Amara.org", 11.2, 14.4))
    assert remove_hallucinations(transcript) is transcript


@pytest.mark.parametrize(
    ("phrase", "logprob", "no_speech"),
    [
        (" Gracias por ver el video.", -0.62, 0.31),
        (" ¡Gracias por ver!", -0.3, 0.71),
        (" Thanks for watching!", -1.05, 0.02),
        (" Subtítulos realizados por la comunidad de Amara.org", -0.35, 0.18),
        (
            " Subtítulos por la comunidad de Amara.org. Subtítulos por la comunidad de Amara.org.",
            -0.7,
            0,
        ),
        (" Untertitel im Auftrag des ZDF, 2020", -0.6, 0.04),
        (" Sous-titrage ST' 501", -0.7, 0.2),
        (" Legendas pela comunidade Amara.org", -0.4, 0.12),
        (" ご視聴ありがとうございました", -0.6, 0.4),
        (" 请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", -0.3, 0.1),
        (" Thank you.", -0.6, 0.66),
        (" Obrigado por assistir. Tchau, tchau!", -0.6, 0.3),
    ],
)
def test_a_phrase_that_the_engine_doubts_is_suppressed(phrase: str, logprob: float, no_speech: float) -> None:
    hallucination = line(phrase, 14.0, 16.0, logprob=logprob, no_speech=no_speech)
    kept = remove_hallucinations(recording(*SPEECH, hallucination))
    assert kept.segments == recording(*SPEECH).segments
    (only,) = kept.suppressed
    assert (only.text, only.start, only.end) == (phrase.strip(), 14.0, 16.0)
    assert only.reason == "phrase"


def test_with_turbo_which_never_doubts_the_loudness_decides() -> None:
    """Turbo's no_speech_prob is 1e-10 for speech and silence alike."""
    hallucination = line(" Gracias por ver el video.", 14, 16, logprob=-0.2, no_speech=1e-10)
    transcript = recording(*SPEECH, hallucination)
    assert remove_hallucinations(transcript) is transcript
    hum = levels_by_time([-18.0] * 22 + [-52.0] * 12, step=0.5)
    assert removed(remove_hallucinations(transcript, loudness=hum)) == [
        ("phrase", "Gracias por ver el video.")
    ]


def test_a_farewell_repeated_with_little_text_for_its_time_is_suppressed() -> None:
    lines = [line(" Thanks for watching!", 30.0 * i, 30.0 * i + 12, no_speech=1e-10) for i in range(1, 6)]
    kept = remove_hallucinations(recording(*SPEECH, *lines))
    assert [s.text for s in kept.segments] == [s.text for s in SPEECH]
    assert len(kept.suppressed) == 5


def test_a_farewell_that_is_too_long_is_kept_if_the_engine_is_sure() -> None:
    transcript = recording(
        *SPEECH, line(" Gracias por ver el video.", 11.2, 30.0, logprob=-0.15, no_speech=0.01)
    )
    assert remove_hallucinations(transcript) is transcript


def test_a_sentence_that_contains_a_phrase_is_no_phrase() -> None:
    assert kind_of("Gracias por ver el video de mi hija") is None
    assert kind_of("El ZDF dice que sí") is None
    assert kind_of("no") is None
    assert kind_of("") is None
    assert kind_of("thank you" * 900) is None


@pytest.mark.parametrize(
    "hostile", ["bye" * 600 + "x", "so" * 999 + "x", "amaraorg" * 200, "thetheend" * 200 + "q"]
)
def test_no_text_makes_matching_slow(hostile: str) -> None:
    start = time.process_time()
    kind_of(hostile)
    assert time.process_time() - start < 1.0  # an exponential search would take years


# ── silence ───────────────────────────────────────────────────────────────────────────────────────


def test_lines_over_digital_silence_are_suppressed_whatever_they_say() -> None:
    transcript = recording(*SPEECH, line(" Vamos a ver qué pasa con esto.", 15, 17))
    levels = levels_by_time([-20.0] * 24 + [-91.0] * 12, step=0.5)
    kept = remove_hallucinations(transcript, loudness=levels)
    assert removed(kept) == [("silence", "Vamos a ver qué pasa con esto.")]
    assert kept.text == join(s.text for s in SPEECH)


def test_a_silent_recording_has_no_text() -> None:
    transcript = recording(line(" you", 0, 29.98, logprob=-0.8, no_speech=0.4), line(" Hola.", 30, 31))
    kept = remove_hallucinations(transcript, loudness=levels_by_time([-91.0] * 64, step=0.5))
    assert (kept.text, kept.segments) == ("", ())
    assert len(kept.suppressed) == 2


def test_a_whispered_recording_is_not_silence() -> None:
    whisper = recording(*SPEECH)
    assert remove_hallucinations(whisper, loudness=levels_by_time([-63.0] * 24, step=0.5)) is whisper


def test_a_line_that_was_measured_only_in_part_is_kept() -> None:
    """Only the pause before it was measured, together with the doubtful line before."""
    transcript = recording(
        *SPEECH, line(" us.", 12.0, 12.3, logprob=-0.6), line(" Aquí sigue hablando.", 12.6, 15)
    )
    silent = SpanLevels((11.7, 12.6), 11.7, (-20.0,) * 4 + (SILENT,) * 5)
    assert remove_hallucinations(transcript, loudness=LoudnessProfile((silent,), 20.0)) is transcript


def test_a_line_that_starts_as_the_sound_ends_is_not_over_silence() -> None:
    """The times of engines are some tenths of a second wrong."""
    transcript = recording(*SPEECH)
    assert (
        remove_hallucinations(transcript, loudness=levels_by_time([-20.0] * 83 + [-91.0] * 37, step=0.1))
        is transcript
    )
    kept = remove_hallucinations(transcript, loudness=levels_by_time([-20.0] * 79 + [-91.0] * 41, step=0.1))
    assert [s.text for s in kept.segments] == [s.text for s in SPEECH[:2]]


@pytest.mark.parametrize(("logprob", "no_speech"), [(-0.55, 0.93), (-0.9, 0.7), (-1.3, 0.4)])
def test_a_line_that_the_engine_considers_no_speech_is_suppressed(logprob: float, no_speech: float) -> None:
    kept = remove_hallucinations(
        recording(*SPEECH, line(" El caballo de la mesa.", 20, 22, logprob=logprob, no_speech=no_speech))
    )
    assert removed(kept) == [("silence", "El caballo de la mesa.")]


@pytest.mark.parametrize(("logprob", "no_speech"), [(-1.3, 0.1), (-0.3, 0.8), (-0.7, 0.5), (-0.45, 0.99)])
def test_one_doubt_alone_does_not_suppress_ordinary_words(logprob: float, no_speech: float) -> None:
    transcript = recording(
        *SPEECH, line(" El caballo de la mesa.", 20, 22, logprob=logprob, no_speech=no_speech)
    )
    assert remove_hallucinations(transcript) is transcript


def test_music_notes_are_suppressed_with_any_evidence_against_them() -> None:
    assert removed(remove_hallucinations(recording(*SPEECH, line(" ♪♪", 12, 20, no_speech=0.3)))) == [
        ("silence", "♪♪")
    ]
    plain = recording(*SPEECH, line(" ♪ ♪", 12, 13))
    assert remove_hallucinations(plain) is plain


def test_without_numbers_from_the_engine_nothing_is_suppressed() -> None:
    bare = Segment(id=0, start=0, end=2, text="Gracias por ver el video.")
    assert remove_hallucinations(recording(bare)) == recording(bare)
    nothing = Transcript(text="", duration=3)
    assert remove_hallucinations(nothing, loudness=levels_by_time([], step=0.5)) is nothing


# ── which lines are measured ──────────────────────────────────────────────────────────────────────


def test_of_a_transcript_without_doubt_nothing_is_measured() -> None:
    assert spans_to_measure(recording(*SPEECH)) == []
    assert spans_to_measure(recording(line(" Hola.", 0, 1))) == []
    assert spans_to_measure(Transcript(text="", duration=3)) == []


def test_a_phrase_is_measured_together_with_a_line_of_certain_speech() -> None:
    spans = spans_to_measure(recording(*SPEECH, line(" Gracias por ver el video.", 14, 16)))
    assert spans == [(4.6, 8.1), (14, 16)]  # the first is the line with the most letters
    monologue = line(" Y así hablaba sin parar." * 5, 11, 30)
    assert spans_to_measure(recording(*SPEECH, monologue, line(" Gracias.", 30, 31))) == [
        (4.6, 8.1),
        (30, 31),
    ]


def test_the_most_doubtful_line_comes_first() -> None:
    spans = spans_to_measure(
        recording(
            *SPEECH,
            line(" El caballo de la mesa.", 12, 14, logprob=-0.7),
            line(" ♪♪", 14, 15),
            line(" Una frase de lo más corriente.", 20, 22),
            line(" Y otra.", 30, 45),
            line(" Gracias.", 45, 46),
        )
    )
    assert spans[1:] == [(45, 46), (14, 15), (12, 14), (20, 22), (30, 45)]


def test_a_line_that_is_suppressed_anyway_is_not_measured() -> None:
    assert (
        spans_to_measure(recording(*SPEECH, line(" Thank you.", 14, 16, logprob=-0.6, no_speech=0.66))) == []
    )


def test_where_every_line_is_doubtful_there_is_no_reference() -> None:
    assert spans_to_measure(recording(line(" you", 0, 30))) == [(0, 30)]


# ── repetition ────────────────────────────────────────────────────────────────────────────────────


def test_of_a_loop_inside_a_line_one_round_is_kept() -> None:
    looped = line(" Y entonces" + " la gente que viene" * 12, 12, 40, compression=9.1)
    kept = remove_hallucinations(recording(*SPEECH, looped, words=True))
    assert kept.segments[-1].text == " Y entonces la gente que viene"
    (only,) = kept.suppressed
    assert only.reason == "repetition"
    assert only.text == " ".join(["la gente que viene"] * 11)
    assert (only.start, only.end) == pytest.approx((12 + 28 * 6 / 50, 40))
    assert kept.segments[-1].end == pytest.approx(only.start)
    assert kept.words is not None
    assert [w.word for w in kept.words] == kept.text.split()
    assert kept.segments[-1].compression_ratio is None


def test_of_a_loop_over_several_lines_one_line_is_kept() -> None:
    lines = [line(" Vamos a ver el siguiente vídeo.", 12 + 2 * i, 14 + 2 * i) for i in range(7)]
    last = line(" Bueno, seguimos.", 26, 27.5)
    kept = remove_hallucinations(recording(*SPEECH, *lines, last, words=True))
    assert [s.text for s in kept.segments] == [*[s.text for s in SPEECH], lines[0].text, last.text]
    assert [s.id for s in kept.segments] == list(range(5))
    assert [(round(s.start), round(s.end)) for s in kept.suppressed] == [(14, 26)]
    assert kept.words is not None
    assert [w.word for w in kept.words] == kept.text.split()


@pytest.mark.parametrize(
    "text",
    [
        " No, no, no, no, eso no.",
        " Ja, ja, ja, ja, ja.",
        " Sí, sí. Sí, sí. Claro.",
        " Vamos, vamos. ¡Vamos, vamos! Vamos.",
        " Muy, muy, muy, muy bien.",
        " Uno, dos, uno, dos, uno, dos y descanso.",
        " ¿Me oyes? ¿Me oyes? ¿Me oyes ahora?",
    ],
)
def test_ordinary_repetition_is_kept(text: str) -> None:
    spoken = recording(*SPEECH, line(text, 12, 15, compression=1.6))
    assert remove_hallucinations(spoken) is spoken


def test_a_short_answer_that_is_repeated_is_no_loop() -> None:
    spoken = recording(
        *[line(f" ¿Y el {n}?", n, n + 0.5) for n in range(9)],
        *[line(" Sí.", 10 + n, 11 + n) for n in range(5)],
    )
    assert remove_hallucinations(spoken) is spoken


def test_words_faster_than_anyone_can_speak_are_a_loop_after_fewer_rounds() -> None:
    fast = recording(
        *SPEECH, line(" Eso es todo por hoy. Eso es todo por hoy. Eso es todo por hoy.", 12, 12.4)
    )
    assert removed(remove_hallucinations(fast)) == [
        ("repetition", "Eso es todo por hoy. Eso es todo por hoy.")
    ]
    slow = recording(*SPEECH, line(" Eso es todo por hoy. Eso es todo por hoy. Eso es todo por hoy.", 12, 16))
    assert remove_hallucinations(slow) is slow


def test_a_loop_in_a_script_without_spaces_is_found() -> None:
    kept = remove_hallucinations(recording(line("チョコレートの上に" * 9, 0, 20, compression=6.0)))
    assert kept.text == "チョコレートの上に"


def never(_start: int, _end: int) -> bool:
    return False


def test_words_after_a_loop_that_begin_like_it_are_kept() -> None:
    words = [*list("abc") * 6, "a", "b", "x"]
    assert [(loop.start, loop.end, loop.unit) for loop in find_loops(words, is_suspicious=never)] == [
        (0, 18, 3)
    ]
    assert next(find_loops([*list("abc") * 6, "a"], is_suspicious=never)).end == 19


@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=9), st.integers(10, 14), st.integers(0, 5))
def test_every_long_loop_is_found(unit: list[str], rounds: int, before: int) -> None:
    words = [*(f"w{i}" for i in range(before)), *unit * rounds, "end"]
    loops = list(find_loops(words, is_suspicious=never))
    kept = len(words) - sum(loop.end - loop.start - loop.unit for loop in loops)
    assert kept <= before + 1 + 3 * len(unit)
    assert all(loop.start >= before for loop in loops)


# ── properties of every result ────────────────────────────────────────────────────────────────────


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_word_is_kept_or_suppressed(data: st.DataObject) -> None:
    texts = st.sampled_from(
        [
            " Hola, ¿qué tal?",
            " you",
            " Gracias por ver el video.",
            " no no no no no no no no no no no",
            " ♪",
            " Sí.",
        ]
    )
    segments = [
        line(
            data.draw(texts), 2.0 * i, 2.0 * i + data.draw(st.sampled_from([0.1, 1.9])),
            logprob=data.draw(st.floats(-2, 0)), no_speech=data.draw(st.floats(0, 1)),
            compression=data.draw(st.floats(0.5, 5)),
        )
        for i in range(data.draw(st.integers(0, 12)))
    ]  # fmt: skip
    levels = levels_by_time(data.draw(st.lists(st.floats(-91, 0), min_size=1, max_size=25)), step=1.0)
    transcript = recording(*segments, words=data.draw(st.booleans()))
    kept = remove_hallucinations(transcript, loudness=levels)
    assert len((kept.text + " " + " ".join(s.text for s in kept.suppressed)).split()) == len(
        transcript.text.split()
    )
    assert [s.id for s in kept.segments] == list(range(len(kept.segments)))
    assert kept.text == join(s.text for s in kept.segments)
    if kept.words is not None:
        assert [w.word for w in kept.words] == kept.text.split()


def test_earlier_suppressions_are_kept_and_text_without_segments_is_handled() -> None:
    first = remove_hallucinations(recording(*SPEECH, line(" ♪♪", 12, 20, no_speech=0.3)))
    assert remove_hallucinations(first) is first
    bare = Transcript(text="la gente " * 20, duration=20)
    kept = remove_hallucinations(bare)
    assert (kept.text, kept.segments, kept.words) == ("la gente", (), None)
    assert removed(kept) == [("repetition", ("la gente " * 19).strip())]
