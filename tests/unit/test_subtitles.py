"""Cues are readable and have every word once; each subtitle format parses back to the same cues."""

from __future__ import annotations

import io
from itertools import pairwise
from random import Random
from xml.etree import ElementTree as ET

import pysubs2
import pytest
import srt as srt_reader  # type: ignore[import-untyped]
import webvtt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ttconv.imsc import reader as ttml_reader

from common.models import Segment, Transcript, Word
from common.text.cue_shape import TWO_FRAMES, CueShape
from common.text.cues import Cue, make_cues
from common.text.file_formats import FORMATS, MEDIA_TYPES, SUBTITLES, Format
from common.text.subtitles import render, srt, tsv, txt, vtt
from common.text.tokens import join
from tests.subtitle_lint import faults, read_cues

SPANISH = (
    "Buenas tardes a todos los que nos escuchan. ¿Qué tal están? Hoy, como cada jueves, vamos a hablar "
    "del agua, de los embalses y de lo que nos espera este verano; ¡no se lo pierdan!"
)


def timed(text: str, start: float, end: float, *, pauses: dict[int, float] | None = None) -> Transcript:
    """One segment with evenly timed words, and pauses before some of them."""
    texts = text.split()
    pauses = pauses or {}
    step = (end - start - sum(pauses.values())) / len(texts)
    words, clock = [], start
    for i, part in enumerate(texts):
        clock += pauses.get(i, 0)
        words.append(Word(word=part, start=clock, end=clock + step))
        clock += step
    segment = Segment(id=0, start=start, end=end, text=" " + text)
    return Transcript(text=text, duration=end, segments=(segment,), words=tuple(words))


def untimed(*segments: tuple[float, float, str]) -> Transcript:
    lines = tuple(Segment(id=i, start=a, end=b, text=text) for i, (a, b, text) in enumerate(segments))
    duration = max(60, *(end for _, end, _ in segments))
    return Transcript(text=join(s.text for s in lines), duration=duration, segments=lines)


def lines_of(cues: list[Cue]) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues]


# ── cues ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_line_is_one_cue_at_its_time() -> None:
    assert make_cues(timed("Hola, ¿qué tal?", 1.0, 2.5)) == [Cue(1000, 2500, ("Hola, ¿qué tal?",))]


def test_long_speech_is_cut_after_sentences_and_lines_break_after_punctuation() -> None:
    assert lines_of(make_cues(timed(SPANISH, 0, 17))) == [
        ("Buenas tardes a todos los que", "nos escuchan. ¿Qué tal están?"),
        ("Hoy, como cada jueves,", "vamos a hablar del agua, de los embalses"),
        ("y de lo que nos espera este verano;", "¡no se lo pierdan!"),
    ]


def test_cues_follow_the_times_of_their_words() -> None:
    transcript = timed("uno dos tres cuatro. cinco seis siete ocho.", 1, 9, pauses={4: 4.0})
    first, second = make_cues(transcript)
    assert (first.start, second.start) == (1000, 7000)
    assert first.end == 3000
    assert second.end == 9000


def test_without_word_times_a_segment_is_divided_by_length() -> None:
    text = " ".join(["palabra"] * 20)
    first, second = make_cues(untimed((10, 20, text)))
    assert first.start == 10_000
    assert second.start == pytest.approx(15_000, abs=600)
    assert first.end <= second.start
    assert second.end == 20_000


def test_a_short_cue_lasts_long_enough_to_be_read_unless_the_next_starts() -> None:
    alone = make_cues(untimed((1, 1.1, "Sí, claro que sí, desde luego.")))
    assert alone[0].end - alone[0].start == 1500  # 30 characters at 20 a second
    long = "Sí, claro que sí, desde luego. Y si no, mañana. O pasado, da igual."
    pair = make_cues(untimed((1, 1.1, long), (1.6, 3, "Bueno, pues ya nos veremos entonces.")))
    assert pair[0].end == pair[1].start == 1600
    assert make_cues(untimed((1, 1.1, "Sí.")))[0].end == 2000


def test_a_cue_ends_at_the_limit_even_if_its_word_lasts_longer() -> None:
    assert make_cues(untimed((0, 29.98, "you")))[0] == Cue(0, 7000, ("you",))


def test_scripts_without_spaces_are_divided_and_count_double() -> None:
    text = (
        "今日は世界のニュースをお伝えします。最初は天気です。明日は晴れるでしょう。それでは次のニュースです。"
    )
    cues = make_cues(untimed((0, 14, text)))
    assert "".join(line for cue in cues for line in cue.lines) == text
    assert all(len(line) <= 21 for cue in cues for line in cue.lines)
    assert all(cue.lines[-1].endswith("。") for cue in cues)


def test_a_word_longer_than_a_line_is_divided() -> None:
    address = "https://example.org/" + "a" * 100
    cues = make_cues(untimed((0, 5, f"Mira {address} ahora")))
    assert all(len(line) <= 42 for cue in cues for line in cue.lines)
    assert "".join(line for cue in cues for line in cue.lines).replace(" ", "") == f"Mira{address}ahora"


def test_the_shape_limits_the_cues() -> None:
    cues = make_cues(
        timed(SPANISH, 0, 17), CueShape(line_length=20, lines=3, longest=4, shortest=0.5, pace=15)
    )
    assert all(len(cue.lines) <= 3 and cue.end - cue.start <= 4000 for cue in cues)
    assert all(len(line) <= 20 for cue in cues for line in cue.lines)
    assert any(len(cue.lines) == 3 for cue in cues)
    for impossible in (
        {"line_length": 3},
        {"lines": 0},
        {"longest": 0.5},
        {"longest": 0, "shortest": 0},
        {"pace": 0},
    ):
        with pytest.raises(ValueError, match="no cue fits"):
            CueShape(**impossible)


def test_silence_has_no_cues_and_text_without_segments_has_some() -> None:
    assert make_cues(Transcript(text="", duration=3)) == []
    assert make_cues(untimed((0, 1, "  "))) == []
    assert lines_of(make_cues(Transcript(text="Hola.", duration=3))) == [("Hola.",)]


def test_decreasing_times_still_make_cues_that_do_not_overlap() -> None:
    cues = make_cues(untimed((5, 6, "uno"), (2, 3, "dos"), (25, 26, "tres"), (9, 9, "cuatro")))
    assert all(a.start < a.end <= b.start for a, b in pairwise(cues))
    assert " ".join(line for cue in cues for line in cue.lines) == "uno dos tres cuatro"


# ── cues that nobody has to mend ──────────────────────────────────────────────────────────────────


def test_short_replies_share_a_cue() -> None:
    replies = untimed((1, 1.2, " Sí."), (1.2, 1.4, " No."), (1.4, 1.7, " Vale."), (9, 11, " Entonces nada."))
    assert make_cues(replies)[:2] == [
        Cue(1000, 2000, ("Sí. No. Vale.",)),
        Cue(9000, 11000, ("Entonces nada.",)),
    ]


def test_segments_that_can_be_read_keep_cues_of_their_own() -> None:
    segments = untimed((1, 3, " Buenas tardes."), (3, 5, " ¿Qué tal?"), (5, 7, " Muy bien."))
    assert [cue.start for cue in make_cues(segments)] == [1000, 3000, 5000]


def test_words_at_one_instant_share_the_time_by_their_letters() -> None:
    words = [("uno", 1, 1.5), ("dos", 2, 2), ("tres", 2, 2), ("catorce", 2, 4.8), ("cinco", 4.8, 5)]
    timed_words = tuple(Word(word=word, start=start, end=end) for word, start, end in words)
    text = " ".join(word for word, _, _ in words)
    segment = Segment(id=0, start=1, end=5, text=text)
    (cue,) = make_cues(Transcript(text=text, duration=9, segments=(segment,), words=timed_words))
    assert cue.marks == (((0, 1000), (4, 2000), (8, 2600), (13, 3400), (21, 4800)),)


@pytest.mark.parametrize("at", [0.0, 5.0, 9.99, 10.0])
def test_words_at_one_instant_take_the_silence_around_them(at: float) -> None:
    text = "Esto lo dijo alguien en un solo instante."
    words = tuple(Word(word=word, start=at, end=at) for word in text.split())
    segment = Segment(id=0, start=at, end=at, text=text)
    (cue,) = make_cues(Transcript(text=text, duration=10, segments=(segment,), words=words))
    assert cue.end - cue.start >= 1300  # 33 letters, 0.04 s each
    assert cue.end <= 10_000
    assert abs(cue.start - at * 1000) <= 2000


def test_the_last_cue_begins_earlier_rather_than_end_after_the_recording() -> None:
    words = "Adiós."
    (cue,) = make_cues(untimed((59.9, 60, words)))
    assert cue == Cue(59_000, 60_000, (words,))
    segments = untimed((50, 59.5, "Y con esto nos vamos."), (59.8, 63, "Adiós, hasta mañana.")).segments
    cues = make_cues(Transcript(text="", duration=60, segments=segments))
    assert cues[-1].end == 60_000
    assert all(cue.end - cue.start >= 800 for cue in cues)


def test_a_recording_shorter_than_a_cue_is_one_cue() -> None:
    assert make_cues(Transcript(text="Hola.", duration=0.5)) == [Cue(0, 500, ("Hola.",))]
    assert make_cues(Transcript(text="Hola.", duration=0.01)) == [Cue(0, TWO_FRAMES, ("Hola.",))]


def test_text_that_nobody_could_say_still_fits_into_the_recording() -> None:
    cues = make_cues(Transcript(text="palabra " * 3000, duration=1.0))
    assert sum(line.count("palabra") for cue in cues for line in cue.lines) == 3000
    assert all(cue.end - cue.start >= TWO_FRAMES for cue in cues)
    assert cues[-1].end <= 1000


def speech(seconds: float, random: Random) -> Transcript:
    """Spontaneous speech as engines time it: short replies, pauses, words at one instant, gaps of a frame."""
    vocabulary = [word.strip(".,;¡!¿?") for word in SPANISH.split()] + ["sí", "no", "a", "internacionalmente"]
    clock = 0.4
    segments: list[Segment] = []
    words: list[Word] = []
    while clock < seconds - 8:
        line = random.choices(vocabulary, k=random.choice([1, 1, 2, 5, 9, 14, 25]))
        start = clock
        for word in line:
            length = 0 if random.random() < 0.1 else len(word) / random.uniform(11, 19)
            words.append(Word(word=word, start=clock, end=clock + length))
            clock += length + (random.random() < 0.05) * random.uniform(0, 1.5)
        segments.append(Segment(id=len(segments), start=start, end=clock, text=" " + " ".join(line) + "."))
        clock += random.choice([0, 0, 0.03, 0.2, 0.6, 4])
    text = join(segment.text for segment in segments)
    return Transcript(text=text, duration=clock + 0.1, segments=tuple(segments), words=tuple(words))


@pytest.mark.no_cover  # as in tests/conftest.py
@pytest.mark.parametrize("format_", sorted(SUBTITLES))
def test_nothing_has_to_be_mended_in_two_hours(format_: Format) -> None:
    transcript = speech(7200, Random(7))
    assert transcript.words
    assert len(transcript.words) > 10_000
    file = render(transcript, format_, word_times=True)
    assert faults(file, format_, transcript.duration) == []
    cues = read_cues(file, format_)
    assert bare("".join(cue.text for cue in cues)) == bare(transcript.text)
    brief = [cue for cue in cues if cue.seconds < 0.8]
    fast = [cue for cue in cues if len(" ".join(cue.lines)) / cue.seconds > 25]
    assert len(brief) < len(cues) / 100
    assert len(fast) < len(cues) / 40


HOSTILE_TIMES = st.floats(-5, 20) | st.sampled_from([0, 3, 3.0001, 3.05, 10, 1e9, float("nan"), float("inf")])


@st.composite
def hostile(draw: st.DrawFn) -> Transcript:
    """Any times for the words and the segments, in any order; any duration that has room for the text."""
    words, segments = [], []
    for i in range(draw(st.integers(1, 5))):
        line = draw(st.lists(LATIN | SIGNS, min_size=1, max_size=8))
        words += [Word(word=text, start=draw(HOSTILE_TIMES), end=draw(HOSTILE_TIMES)) for text in line]
        segments.append(
            Segment(id=i, start=draw(HOSTILE_TIMES), end=draw(HOSTILE_TIMES), text=" " + " ".join(line))
        )
    text = join(segment.text for segment in segments)
    duration = draw(st.floats(1 + len(text) / 60, 40))
    times = tuple(words) if draw(st.booleans()) else None
    return Transcript(text=text, duration=duration, segments=tuple(segments), words=times)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(hostile(), st.sampled_from(sorted(SUBTITLES)), st.booleans())
def test_hostile_times_make_nothing_that_has_to_be_mended(
    transcript: Transcript, format_: Format, word_times: bool
) -> None:
    file = render(transcript, format_, word_times=word_times)
    assert faults(file, format_, transcript.duration) == []
    shown = "".join(cue.text for cue in read_cues(file, format_))
    assert shown == bare(transcript.text.replace("-->", "-- >" if format_ == "srt" else "-->"))


# ── formats ───────────────────────────────────────────────────────────────────────────────────────

HOSTILE = untimed(
    (0.0, 4.5, " <b>¿Qué?</b> & --> 5 < 6\n\n2\n00:00:01,000 --> 00:00:02,000"),
    (3661.5, 3663.0004, " NOTE\testo\x00 no \ud800es\u2028una\r\nnota"),
)


def test_srt_is_what_players_expect() -> None:
    assert srt(HOSTILE) == (
        "1\n00:00:00,000 --> 00:00:04,500\n<b>¿Qué?</b> & -- > 5 < 6 2\n00:00:01,000 -- > 00:00:02,000\n\n"
        "2\n01:01:01,500 --> 01:01:03,000\nNOTE esto no \ufffdes una nota\n\n"
    )
    read = list(srt_reader.parse(srt(HOSTILE)))
    assert len(read) == 2
    assert read[1].start.total_seconds() == 3661.5


def test_vtt_is_escaped() -> None:
    assert vtt(HOSTILE) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:04.500\n"
        "&lt;b&gt;¿Qué?&lt;/b&gt; &amp; --&gt; 5 &lt; 6 2\n00:00:01,000 --&gt; 00:00:02,000\n\n"
        "01:01:01.500 --> 01:01:03.000\nNOTE esto no \ufffdes una nota\n\n"
    )
    assert [(c.start, c.end) for c in webvtt.from_string(vtt(HOSTILE)).captions] == [
        ("00:00:00.000", "00:00:04.500"),
        ("01:01:01.500", "01:01:03.000"),
    ]


def test_vtt_says_who_speaks_and_when_each_word_is_spoken() -> None:
    transcript = timed("Hola, <qué> tal.", 1, 2.5)
    (segment,) = transcript.segments
    lines = (
        segment.model_copy(update={"speaker": "Ana & Eva"}),
        Segment(id=1, start=2.5, end=2.9, text=" Sí.", speaker="Blas"),
    )
    assert vtt(transcript.model_copy(update={"segments": lines, "duration": 9.0}), word_times=True) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n"
        "<v Ana &amp; Eva>Hola, <00:00:01.500>&lt;qué&gt; <00:00:02.000>tal.\n\n"
        "00:00:02.500 --> 00:00:03.500\n<v Blas>Sí.\n\n"
    )


def test_ttml_is_a_profile_that_broadcasters_take() -> None:
    file = ET.fromstring(ttml(HOSTILE.model_copy(update={"language": "es"})).encode())
    assert file.attrib["{http://www.w3.org/XML/1998/namespace}lang"] == "es"
    assert file.attrib["{http://www.w3.org/ns/ttml#parameter}contentProfiles"].endswith("imsc1.1/text")
    assert ttml_reader.to_model(ET.ElementTree(file)).get_body() is not None
    assert [cue.lines[0] for cue in read_cues(ttml(HOSTILE), "ttml")][1] == "NOTE esto no \ufffdes una nota"


def test_ass_says_who_speaks_and_how_long_each_word_takes() -> None:
    file = pysubs2.SSAFile.from_string(
        render(timed("Hola, {qué} tal.", 1, 2.5), "ass", word_times=True), "ass"
    )
    assert [event.text for event in file] == [r"{\k50}Hola, {\k50}\{qué\} {\k50}tal."]
    assert [event.text for event in pysubs2.SSAFile.from_string(render(untimed((0, 1, r"a\Nb")), "ass"))] == [
        "a\\\u2060Nb"
    ]


def ttml(transcript: Transcript) -> str:
    return render(transcript, "ttml")


def test_tsv_and_txt_have_one_line_a_segment() -> None:
    assert tsv(HOSTILE) == (
        "start\tend\ttext\n0\t4500\t<b>¿Qué?</b> & --> 5 < 6 2 00:00:01,000 --> 00:00:02,000\n"
        "3661500\t3663000\tNOTE esto no \ufffdes una nota\n"
    )
    assert txt(untimed((0, 1, " Hola."), (1, 2, " "), (2, 3, " ¿Qué\ntal?"))) == "Hola.\n¿Qué tal?\n"
    assert txt(Transcript(text="Hola. ¿Qué tal?", duration=2)) == "Hola. ¿Qué tal?\n"


def test_an_empty_transcript_is_an_empty_file_of_each_kind() -> None:
    empty = Transcript(text="", duration=1)
    files = {name: render(empty, name) for name in FORMATS}
    assert (files["srt"], files["vtt"]) == ("", "WEBVTT\n\n")
    assert (files["tsv"], files["txt"]) == ("start\tend\ttext\n", "")
    assert all(read_cues(files[name], name) == [] for name in SUBTITLES)
    assert set(MEDIA_TYPES) == set(FORMATS)


# ── any text ──────────────────────────────────────────────────────────────────────────────────────

LATIN = st.text(st.sampled_from("abcdefghijklmnñopqrstuvwxyzáéíóú,.?¿¡!;"), min_size=1, max_size=14)
SIGNS = st.sampled_from(
    ["<i>", "&amp;", "-->", "1", "{x}", "世界のニュース", "สวัสดี", "a" * 60, "—", "WEBVTT", "NOTE"]
)
SHAPES = st.builds(
    CueShape,
    line_length=st.integers(8, 60),
    lines=st.integers(1, 3),
    longest=st.floats(2, 10),
    shortest=st.floats(0, 2),
    pace=st.floats(8, 30),
)


@st.composite
def transcripts(draw: st.DrawFn, spoken: st.SearchStrategy[str] = LATIN | SIGNS) -> Transcript:
    clock, segments, words = draw(st.floats(0, 5)), [], []
    for i in range(draw(st.integers(1, 6))):
        start = clock
        line = draw(st.lists(spoken, min_size=1, max_size=30))
        for text in line:
            length = draw(st.floats(0, 0.8))
            words.append(Word(word=text, start=clock, end=clock + length))
            clock += length + draw(st.sampled_from([0, 0, 0.05, 1.5]))
        segments.append(Segment(id=i, start=start, end=clock, text=" " + " ".join(line)))
    text = join(s.text for s in segments)
    times = tuple(words) if draw(st.booleans()) else None
    # Time for 60 letters a second, whatever the words' times are: faster than anybody speaks.
    duration = max(clock, 2 + len(text) / 60)
    return Transcript(text=text, duration=duration, segments=tuple(segments), words=times)


def bare(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=200, deadline=None)
@given(transcripts(), SHAPES)
def test_every_word_is_shown_once_in_order_within_the_bounds(transcript: Transcript, shape: CueShape) -> None:
    cues = make_cues(transcript, shape)
    assert bare("".join(line for cue in cues for line in cue.lines)) == bare(transcript.text)
    assert all(a.end <= b.start for a, b in pairwise(cues))
    for cue in cues:
        assert cue.end - cue.start >= TWO_FRAMES
        assert 1 <= len(cue.lines) <= shape.lines
        assert all(line == line.strip() and line for line in cue.lines)
        assert all(len(line) <= shape.line_length for line in cue.lines)
        assert cue.end - cue.start <= shape.longest * 1000 + 1
    for cue, later in pairwise(cues):
        letters = sum(map(len, cue.lines))
        needed = max(
            shape.shortest,
            min(letters / shape.pace, shape.longest) if all(map(str.isascii, cue.lines)) else 0,
        )
        assert cue.end - cue.start >= needed * 1000 - 1 or cue.end == later.start


@settings(max_examples=100, deadline=None)
@given(transcripts())
def test_srt_parses_back(transcript: Transcript) -> None:
    cues = make_cues(transcript)
    read = list(srt_reader.parse(srt(transcript)))
    assert [r.index for r in read] == list(range(1, len(cues) + 1))
    assert [bare(r.content) for r in read] == [bare("".join(c.lines)) for c in cues]
    assert [round(r.start.total_seconds() * 1000) for r in read] == [c.start for c in cues]
    assert [round(r.end.total_seconds() * 1000) for r in read] == [c.end for c in cues]


@settings(max_examples=100, deadline=None)
@given(transcripts())
def test_vtt_parses_back(transcript: Transcript) -> None:
    cues = make_cues(transcript)
    read = webvtt.from_string(vtt(transcript)).captions
    unescaped = [r.raw_text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for r in read]
    assert [text.split("\n") for text in unescaped] == [list(c.lines) for c in cues]
    assert [(r.start_time.in_milliseconds(), r.end_time.in_milliseconds()) for r in read] == [
        (c.start, c.end) for c in cues
    ]


@settings(max_examples=60, deadline=None)
@given(transcripts(LATIN))
def test_another_parser_finds_the_same_cues_in_both(transcript: Transcript) -> None:
    cues = [(c.start, c.end, bare("".join(c.lines))) for c in make_cues(transcript)]
    for kind in ("srt", "vtt"):
        read = pysubs2.SSAFile.from_file(io.StringIO(render(transcript, kind)), format_=kind)
        assert [(event.start, event.end, bare(event.plaintext)) for event in read] == cues


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.floats(0, 9), st.floats(0, 9))
def test_no_text_can_break_a_file(text: str, start: float, length: float) -> None:
    transcript = untimed((start, start + length, text))
    cues = make_cues(transcript)
    for format_ in FORMATS:
        render(transcript, format_).encode()
    assert vtt(transcript).count("-->") == len(cues)
    assert srt(transcript).count("-->") == len(cues)
    assert len(webvtt.from_string(vtt(transcript)).captions) == len(cues)
    assert tsv(transcript).count("\n") <= 2
