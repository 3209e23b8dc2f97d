"""Who says what, in JSON and in every file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pysubs2
import pytest

from common.errors import SpeakerUnknown
from common.jobs.view import transcript_view
from common.models import Options, Segment, Transcript
from common.text.speakers import give_names, names_of, utterances
from common.text.subtitles import render
from common.upload.fields import JSON, read_fields
from tests.subtitle_lint import read_cues

LINES = (("A", "Buenas tardes."), ("A", "¿Qué tal?"), ("B", "Muy bien, gracias."), ("A", "Me alegro."))


def conversation(names: dict[str, str] | None = None) -> Transcript:
    segments = tuple(
        Segment(id=i, start=3.0 * i, end=3.0 * i + 2.5, text=f" {text}", speaker=speaker)
        for i, (speaker, text) in enumerate(LINES)
    )
    text = " ".join(text for _, text in LINES)
    return Transcript(text=text, duration=12.0, segments=segments, speakers=names)


def test_neighbours_of_one_speaker_are_one_utterance() -> None:
    assert [(each.speaker, each.start, each.end, each.text) for each in utterances(conversation())] == [
        ("A", 0.0, 5.5, "Buenas tardes. ¿Qué tal?"),
        ("B", 6.0, 8.5, "Muy bien, gracias."),
        ("A", 9.0, 11.5, "Me alegro."),
    ]


def test_two_labels_of_one_name_are_one_speaker() -> None:
    (only,) = utterances(conversation({"A": "Ana", "B": "Ana"}))
    assert (only.speaker, only.start, only.end) == ("A", 0.0, 11.5)


def test_a_speaker_without_a_name_is_called_by_the_label() -> None:
    assert names_of(conversation({"A": "Ana", "Z": "nobody"})) == {"A": "Ana", "B": "B"}


def test_json_has_labels_names_and_utterances_and_nothing_of_them_where_nobody_is_told_apart() -> None:
    view = transcript_view(conversation({"B": "Blas"}), Options(), language="en")
    assert view["speakers"] == {"A": "A", "B": "Blas"}
    assert [segment["speaker"] for segment in view["segments"]] == ["A", "A", "B", "A"]
    assert view["utterances"][1] == {"speaker": "B", "start": 6.0, "end": 8.5, "text": "Muy bien, gracias."}
    plain = Transcript(text="Hola", duration=1.0, segments=(Segment(id=0, start=0, end=1, text=" Hola"),))
    assert {"speakers", "utterances"}.isdisjoint(transcript_view(plain, Options(), language="en"))


# A name that is another's label, too: each is replaced once.
@pytest.mark.parametrize(
    ("names", "first", "second"),
    [
        (None, "A", "B"),
        ({"A": "B", "B": "C <i>"}, "B", "C <i>"),
        ({"A": "Ana María", "B": "B"}, "Ana María", "B"),
    ],
    ids=["labels", "crossed", "names"],
)
def test_every_file_names_who_speaks(names: dict[str, str] | None, first: str, second: str) -> None:
    talk = conversation(names)
    assert render(talk, "txt").splitlines() == [
        f"{first}: Buenas tardes. ¿Qué tal?",
        f"{second}: Muy bien, gracias.",
        f"{first}: Me alegro.",
    ]
    assert [row.split("\t")[3] for row in render(talk, "tsv").splitlines()] == [
        "speaker",
        *(first, first, second, first),
    ]
    for format_ in ("srt", "ttml"):
        said = [" ".join(cue.lines) for cue in read_cues(render(talk, format_), format_)]
        assert " ".join(said) == (
            f"{first}: Buenas tardes. ¿Qué tal? {second}: Muy bien, gracias. {first}: Me alegro."
        )
    escaped = second.replace("<", "&lt;").replace(">", "&gt;")
    assert f"<v {escaped}>Muy bien, gracias." in render(talk, "vtt")
    spoken = pysubs2.SSAFile.from_string(render(talk, "ass"), "ass")
    assert {event.name for event in spoken} == {first, second}


def test_a_name_longer_than_a_line_is_divided_like_a_word() -> None:
    cues = read_cues(render(conversation({"A": "x" * 60}), "srt"), "srt")
    assert "".join("".join(cue.lines) for cue in cues).count("x") == 120
    assert max(len(line) for cue in cues for line in cue.lines) <= 42


def test_an_error_names_a_few_of_many_labels() -> None:
    segments = tuple(Segment(id=i, start=i, end=i, text="a", speaker=f"s{i}") for i in range(5000))
    with pytest.raises(SpeakerUnknown) as unknown:
        give_names(Transcript(text="", duration=5000, segments=segments), {"x": "Ana"})
    assert len(str(unknown.value.details["known"])) < 200


@pytest.mark.parametrize("value", [True, False, 2, "2-5"], ids=str)
def test_json_says_in_its_own_words_who_is_told_apart(value: bool | int | str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield json.dumps({"speakers": value}).encode()

    assert asyncio.run(read_fields(body(), JSON)) == (("speakers", str(value).lower()),)
