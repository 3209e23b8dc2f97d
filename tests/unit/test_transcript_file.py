"""What may be asked of a transcript's form, and how two forms are told apart."""

from __future__ import annotations

import pytest

from common.errors import OptionInvalid
from common.http.transcript_file import LAYOUT_FIELDS, Layout, parse_layout
from common.text.cues import CueShape


def test_nothing_asked_is_json_with_the_defaults() -> None:
    assert parse_layout([("language", "es"), ("format", " ")]) == Layout("json", CueShape())


def test_every_bound_is_read() -> None:
    fields = {"format": "SRT", "lineLength": "32", "linesPerCue": "1", "maxCueSeconds": "5.5"}
    layout = parse_layout([*fields.items(), ("readingSpeed", "17")])
    assert layout == Layout("srt", CueShape(line_length=32, lines=1, longest=5.5, pace=17.0))


@pytest.mark.parametrize("name", [name for name in LAYOUT_FIELDS if name != "format"])
def test_the_least_and_the_most_are_taken_and_nothing_beyond(name: str) -> None:
    least, most = LAYOUT_FIELDS[name]["minimum"], LAYOUT_FIELDS[name]["maximum"]
    for value in (least, most, LAYOUT_FIELDS[name]["default"]):
        parse_layout([(name, f"{value:g}")])
    for value in (f"{least - 1:g}", f"{most + 1:g}", "nan", "inf", "-1", "x", "1e999"):
        with pytest.raises(OptionInvalid, match=name):
            parse_layout([(name, value)])


def test_whole_numbers_are_whole() -> None:
    with pytest.raises(OptionInvalid):
        parse_layout([("lineLength", "40.5")])


def test_one_value_each() -> None:
    with pytest.raises(OptionInvalid):
        parse_layout([("format", "srt"), ("format", "srt")])


def test_only_subtitles_want_words() -> None:
    wanting = [
        name for name in LAYOUT_FIELDS["format"]["enum"] if parse_layout([("format", name)]).wants_words
    ]
    assert wanting == ["srt", "vtt"]


def test_each_layout_has_a_tag_of_its_own() -> None:
    asked = [[], [("format", "srt")], [("format", "vtt")], [("lineLength", "30")], [("linesPerCue", "1")]]
    asked += [[("maxCueSeconds", "3")], [("maxCueSeconds", "3.5")], [("readingSpeed", "12")]]
    assert len({parse_layout(fields).tag for fields in asked}) == len(asked)
