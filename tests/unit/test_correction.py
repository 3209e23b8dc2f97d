"""A corrected transcript has the person's text, and keeps what the engine measured where that still holds."""

from __future__ import annotations

from typing import Any

import pytest

from common.errors import EscribaError, OptionInvalid
from common.http.corrected_text import parse_correction
from common.models import Piece, Segment, Suppressed, Transcript, Word
from common.text.corrected_times import check_times
from common.text.correction import CorrectedSegment, correct, correct_pieces
from common.text.subtitles import render

WORDS = (
    ("Buenas", 0.0, 0.5),
    ("tardes.", 0.5, 1.0),
    ("Vamos", 2.0, 2.4),
    ("al", 2.4, 2.6),
    ("río", 2.6, 3.0),
)
BEFORE = Transcript(
    text="Buenas tardes. Vamos al río",
    language="es",
    duration=4.0,
    model="whisper",
    segments=(
        Segment(
            id=0, start=0.0, end=1.0, text=" Buenas tardes.", avg_logprob=-0.2, language="es", speaker="A"
        ),
        Segment(id=1, start=2.0, end=3.0, text=" Vamos al río", avg_logprob=-0.9, language="gl", speaker="B"),
    ),
    words=tuple(Word(word=f" {word}", start=start, end=end) for word, start, end in WORDS),
    suppressed=(Suppressed(start=3.2, end=4.0, text="Gracias por ver", reason="phrase"),),
)


def corrected(*segments: tuple[float, float, str], **more: Any) -> Transcript:
    return correct(BEFORE, [CorrectedSegment(*segment, **more) for segment in segments])


def test_unchanged_segments_keep_all_that_was_measured_and_changed_ones_language_and_speaker() -> None:
    after = corrected((0.0, 1.0, "Buenas tardes."), (2.0, 3.0, "¡Vamos al Ebro!"))
    assert after.text == "Buenas tardes. ¡Vamos al Ebro!"
    assert after.segments[0] == BEFORE.segments[0]
    assert after.segments[1] == Segment(
        id=1, start=2.0, end=3.0, text="¡Vamos al Ebro!", language="gl", speaker="B"
    )
    assert (after.language, after.duration, after.model) == ("es", 4.0, "whisper")
    assert after.suppressed == BEFORE.suppressed
    assert after.words is not None
    assert [(word.word.strip(), word.start, word.end, word.speaker) for word in after.words] == [
        ("Buenas", 0.0, 0.5, "A"),
        ("tardes.", 0.5, 1.0, "A"),
        ("¡Vamos", 2.0, 2.4, "B"),
        ("al", 2.4, 2.6, "B"),
        ("Ebro!", 2.6, 3.0, "B"),
    ]


def test_what_is_sent_back_unchanged_is_the_same_but_for_spaces() -> None:
    plain = BEFORE.model_copy(
        update={"words": tuple(w.model_copy(update={"word": w.word}) for w in BEFORE.words or ())}
    )
    after = correct(plain, [CorrectedSegment(s.start, s.end, s.text) for s in plain.segments])
    assert [(w.start, w.end) for w in after.words or ()] == [(w.start, w.end) for w in plain.words or ()]
    assert (after.text, after.segments) == (plain.text, plain.segments)


def test_segments_are_split_joined_and_removed() -> None:
    split = corrected((0.0, 0.5, "Buenas"), (0.5, 1.0, "tardes."), (2.0, 3.0, " "))
    assert (split.text, [segment.id for segment in split.segments]) == ("Buenas tardes.", [0, 1])
    assert len(split.words or ()) == 2
    joined = corrected((0.0, 3.0, "Buenas tardes, vamos al río"))
    assert [word.start for word in joined.words or ()] == [0.0, 0.5, 2.0, 2.4, 2.6]
    assert corrected().text == ""


def test_times_of_words_that_are_sent_are_kept() -> None:
    words = (Word(word="Buenas", start=0.1, end=0.2), Word(word="noches.", start=0.3, end=0.9))
    after = correct(BEFORE, [CorrectedSegment(0.0, 1.0, "Buenas noches.", words, speaker="")])
    assert [(word.start, word.end) for word in after.words or ()] == [(0.1, 0.2), (0.3, 0.9)]
    assert after.segments[0].speaker is None


def test_a_transcript_without_word_times_gets_none() -> None:
    after = correct(BEFORE.model_copy(update={"words": None}), [CorrectedSegment(0.0, 1.0, "Hola")])
    assert after.words is None


def test_every_file_has_the_corrected_words() -> None:
    after = corrected((0.0, 1.0, "Buenas noches."), (2.0, 3.0, "Vamos al Ebro"), speaker="")
    for format_ in ("srt", "vtt", "ttml", "ass", "tsv", "txt"):
        text = render(after, format_)
        assert "Buenas noches." in text, format_
        assert "tardes" not in text


def test_pieces_have_the_corrected_text_of_their_time() -> None:
    pieces = [
        Piece(index=0, start=0.0, transcript=Transcript(text="Buenas", duration=1.5)),
        Piece(index=1, start=1.4, transcript=Transcript(text="Vamos", duration=2.6)),
    ]
    after = corrected((0.0, 1.0, "Buenas noches."), (2.0, 3.0, "Vamos al Ebro"))
    texts = [piece.transcript.text for piece in correct_pieces(pieces, after)]
    assert texts == ["Buenas noches.", "Vamos al Ebro"]
    assert correct_pieces([], after) == []


# ── what is refused ───────────────────────────────────────────────────────────────────────────────


def refusal(body: str) -> tuple[str, str]:
    """The code, and the place that the error names."""
    with pytest.raises(EscribaError) as caught:
        list(check_times(parse_correction(body.encode()), duration=60.0))
    return caught.value.code, str(caught.value.details.get("option", ""))


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        ('[{"start": -1, "end": 2, "text": "a"}]', "segments[0].start"),
        ('[{"start": 3, "end": 2, "text": "a"}]', "segments[0].end"),
        ('[{"start": 3, "end": 60.2, "text": "a"}]', "segments[0].end"),
        ('[{"start": 0, "end": 2, "text": "a"}, {"start": 1, "end": 3, "text": "b"}]', "segments[1].start"),
        ('[{"start": 0, "end": 2}]', "segments[0].text"),
        ('[{"start": "0", "end": 2, "text": "a"}]', "segments[0].start"),
        ('[{"start": NaN, "end": 2, "text": "a"}]', "segments[0].start"),
        ('[{"start": 0, "end": 2, "text": "a", "speaker": "<b>"}]', "segments[0].speaker"),
        ('[{"start": 0, "end": 2, "text": "a", "words": {}}]', "segments[0].words"),
        (
            '[{"start": 0, "end": 2, "text": "a b", "words": [{"word": "a", "start": 0, "end": 1}]}]',
            "segments[0].words",
        ),
        (
            '[{"start": 0, "end": 2, "text": "a", "words": [{"word": "a", "start": 0}]}]',
            "segments[0].words[0].end",
        ),
        (
            '[{"start": 0, "end": 2, "text": "a", "words": [{"word": "a", "start": 9, "end": 1}]}]',
            "segments[0].words[0].end",
        ),
        ("{}", "segments"),
    ],
    ids=lambda value: value if value.startswith("segments") else "",
)
def test_times_that_do_not_rise_and_values_of_another_kind_are_named(segments: str, place: str) -> None:
    assert refusal(f'{{"segments": {segments}}}') == ("option_invalid", place)


def test_a_body_without_segments_or_json_is_refused() -> None:
    assert refusal("{}") == ("option_invalid", "segments")
    assert refusal("[]")[0] == "option_invalid"
    assert refusal("no JSON")[0] == "body_malformed"
    assert refusal('{"segments": [{"start": 0, "end": 1, "text": "\\ud800"}]}')[0] == "body_malformed"


def test_times_that_a_page_rounded_are_accepted() -> None:
    segments = [CorrectedSegment(0.0, 1.2351, "a"), CorrectedSegment(1.235, 60.0004, "b")]
    checked = list(check_times(segments, duration=60.0))
    assert [(segment.start, segment.end) for segment in checked] == [(0.0, 1.2351), (1.2351, 60.0)]


def test_what_else_an_answer_has_may_come_back() -> None:
    segment = '{"id": 7, "start": 0, "end": 1, "text": "a", "language": "es"}'
    body = f'{{"text": "x", "languages": [], "segments": [{segment}]}}'
    assert parse_correction(body.encode()) == [CorrectedSegment(0.0, 1.0, "a")]


def test_the_expected_range_is_named() -> None:
    with pytest.raises(OptionInvalid) as caught:
        list(check_times([CorrectedSegment(0, 70, "a")], duration=60.0))
    assert caught.value.advice("es") == "Se espera: 0 … 60."
