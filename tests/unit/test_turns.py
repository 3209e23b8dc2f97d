"""Who speaks when, also where no words are; and what corrections make of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from common.active_work import ActiveWork
from common.jobs.view import transcript_view
from common.models import Options, Segment, Transcript, Turn, Word
from common.speakers.labels import label_speakers, spoken_tokens
from common.speakers.relabel import keep_speakers
from common.text.correction import CorrectedSegment, correct
from common.text.speakers import give_names, names_of
from common.text.subtitles import render
from common.text.turns import rttm, turns
from common.transcription.speakers import assign_speakers

SAID = [("A", 0.0, 1.0), ("A", 1.2, 2.0), ("A", 2.6, 3.0), ("B", 3.1, 4.0), ("A", 9.0, 9.5)]
WORDLESS = (("A", 2.05, 2.3), ("B", 4.2, 6.0), ("C", 6.0, 7.0))


def conversation(**changes: Any) -> Transcript:
    segments = tuple(
        Segment(id=i, start=start, end=end, text=f" w{i}", speaker=speaker)
        for i, (speaker, start, end) in enumerate(SAID)
    )
    words = tuple(Word(word=s.text, start=s.start, end=s.end, speaker=s.speaker) for s in segments)
    made = Transcript(text="w0 w1 w2 w3 w4", duration=10.0, segments=segments, words=words)
    wordless = tuple(Turn(speaker=who, start=start, end=end) for who, start, end in WORDLESS)
    return made.model_copy(update={"wordless": wordless, **changes})


def said(transcript: Transcript) -> list[tuple[str, float, float]]:
    return [(turn.speaker, turn.start, turn.end) for turn in turns(transcript)]


def test_neighbours_with_a_short_pause_are_one_turn() -> None:
    expected = [("A", 0.0, 3.0), ("B", 3.1, 6.0), ("C", 6.0, 7.0), ("A", 9.0, 9.5)]
    assert said(conversation()) == expected
    assert said(conversation(words=None)) == expected
    assert said(conversation(wordless=None)) == [
        ("A", 0.0, 2.0),
        ("A", 2.6, 3.0),
        ("B", 3.1, 4.0),
        ("A", 9.0, 9.5),
    ]


def test_who_speaks_beside_another_has_a_turn_and_ends_none() -> None:
    beside = [("B", 0.5, 1.1), ("B", 1.3, 1.6), ("C", 2.9, 3.2), ("A", 3.3, 3.6)]
    wordless = tuple(Turn(speaker=who, start=start, end=end) for who, start, end in beside)
    assert said(conversation(wordless=wordless)) == [
        ("A", 0.0, 2.0),
        ("B", 0.5, 1.6),
        ("A", 2.6, 3.0),
        ("C", 2.9, 3.2),
        ("B", 3.1, 4.0),
        ("A", 3.3, 3.6),
        ("A", 9.0, 9.5),
    ]


def test_two_labels_of_one_name_are_one_speaker() -> None:
    named = give_names(conversation(), {"A": "Ana", "B": "Ana", "C": "Carla"})
    assert said(named) == [("A", 0.0, 6.0), ("C", 6.0, 7.0), ("A", 9.0, 9.5)]
    assert names_of(named) == {"A": "Ana", "B": "Ana", "C": "Carla"}


def test_an_answer_has_turns_beside_utterances_where_there_are_speakers() -> None:
    view = transcript_view(conversation(), Options(), language="en")
    assert view["turns"][1] == {"speaker": "B", "start": 3.1, "end": 6.0}
    assert view["speakers"] == {"A": "A", "B": "B", "C": "C"}
    assert "wordless" not in view
    plain = Transcript(text="w", duration=1.0, segments=(Segment(id=0, start=0, end=1, text=" w"),))
    assert {"turns", "wordless"}.isdisjoint(transcript_view(plain, Options(), language="en"))


def test_labels_begin_with_who_says_the_first_words() -> None:
    plain = conversation(words=None, wordless=None)
    unlabelled = plain.model_copy(
        update={"segments": tuple(one.model_copy(update={"speaker": None}) for one in plain.segments)}
    )
    labelled = label_speakers(
        unlabelled, spoken_tokens(unlabelled), [4, 4, 4, 2, 4], [(-1.0, 0.0, 7), (5.0, 6.0, 2)]
    )
    assert labelled.wordless == (
        Turn(speaker="C", start=-1.0, end=0.0),
        Turn(speaker="B", start=5.0, end=6.0),
    )


def test_rttm_has_a_line_a_turn_with_names_of_one_field() -> None:
    named = give_names(conversation(), {"A": "Ana María\n", "B": " "})
    assert rttm(named).splitlines()[:2] == [
        "SPEAKER recording 1 0.000 3.000 <NA> <NA> Ana_María <NA> <NA>",
        "SPEAKER recording 1 3.100 2.900 <NA> <NA> _ <NA> <NA>",
    ]
    assert rttm(Transcript(text="w", duration=1.0)) == ""


def segments_of(transcript: Transcript, speakers: Iterable[str]) -> list[CorrectedSegment]:
    return [
        CorrectedSegment(one.start, one.end, one.text.strip(), speaker=speaker)
        for one, speaker in zip(transcript.segments, speakers, strict=True)
    ]


@pytest.mark.parametrize(
    ("speakers", "wordless"),
    [("AAABA", "ABC"), ("AAADA", "ADC"), ("DDABA", "DBC"), ("BBBBB", "BBC"), ("AAABD", "ABC")],
    ids=["unchanged", "renamed", "split", "merged", "far-away"],
)
def test_turns_without_words_go_with_the_words_around_them(speakers: str, wordless: str) -> None:
    text = conversation()
    corrected = correct(text, segments_of(text, speakers))
    assert "".join(turn.speaker for turn in corrected.wordless or ()) == wordless


def test_a_text_corrected_before_its_speakers_came_keeps_their_turns() -> None:
    def change(transcript: Transcript) -> Transcript:
        return transcript.model_copy(update={"text": "other"})

    kept = keep_speakers(change, conversation())
    assert (kept.text, said(kept)) == ("other", said(conversation()))


async def test_a_recording_in_which_nobody_was_heard_stays_as_it_is(tmp_path: Path) -> None:
    empty = Transcript(text="", duration=10.0)
    assert await assign_speakers(ActiveWork(), empty, b"", Options(speakers="true"), tmp_path) == empty


def without_words(*, text: str = "") -> Transcript:
    """As of an engine that wrote nothing, or a segment without a word."""
    segments = (Segment(id=0, start=0, end=10, text=text),) if text else ()
    empty = Transcript(text=text, duration=10.0, segments=segments)
    return label_speakers(empty, spoken_tokens(empty), [], [(1.0, 4.0, 5), (4.0, 6.0, 2), (8.0, 11.0, 5)])


@pytest.mark.parametrize("text", ["", " "], ids=["no segment", "a segment without words"])
def test_an_answer_without_words_says_who_speaks_when(text: str) -> None:
    view = transcript_view(without_words(text=text), Options(), language="en")
    assert view["speakers"] == {"A": "A", "B": "B"}
    assert view["turns"] == [
        {"speaker": "A", "start": 1.0, "end": 4.0},
        {"speaker": "B", "start": 4.0, "end": 6.0},
        {"speaker": "A", "start": 8.0, "end": 10.0},
    ]
    assert not any(said["speaker"] for said in view.get("utterances", ()))


def test_of_the_files_only_those_of_turns_have_lines_where_no_words_are() -> None:
    named = give_names(without_words(), {"A": "Ana"})
    assert [line.split()[7] for line in render(named, "rttm").splitlines()] == ["Ana", "B", "Ana"]
    assert [render(named, format_) for format_ in ("srt", "vtt", "txt")] == ["", "WEBVTT\n\n", ""]
    assert render(named, "tsv") == "start\tend\ttext\n"


def test_a_word_that_a_person_adds_leaves_the_turns_without_words() -> None:
    added = correct(without_words(), [CorrectedSegment(1.0, 2.0, "Hola", speaker="B")])
    assert said(added) == [("B", 1.0, 2.0), *said(without_words())]


def test_who_takes_the_speaker_of_all_words_away_means_no_turns_either() -> None:
    text = conversation()
    assert turns(correct(text, segments_of(text, [""] * len(text.segments)))) == []
    assert turns(correct(text, [])) == []


def test_turns_of_four_hours_are_quick_and_bounded() -> None:
    """Two who change at each word: the most turns there can be."""
    words = tuple(
        Word(word="a", start=i * 0.36, end=i * 0.36 + 0.3, speaker="AB"[i % 2]) for i in range(40_000)
    )
    segments = tuple(Segment(id=i, start=0, end=14_400, text="a", speaker="AB"[i]) for i in range(2))
    everything = Transcript(text="a", duration=14_400, segments=segments, words=words)
    assert len(turns(everything)) == 40_000
    one = everything.model_copy(update={"speakers": {"A": "Ana", "B": "Ana"}})
    assert len(turns(one)) == 1
