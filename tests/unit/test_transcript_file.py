"""The options of a transcript's layout, and the tags that distinguish layouts."""

from __future__ import annotations

import pytest

from common.errors import OptionInvalid
from common.http.transcript_file import LAYOUT_FIELDS, Layout, parse_layout
from common.text.cue_shape import CueShape


def test_no_options_are_json_with_the_defaults() -> None:
    assert parse_layout([("language", "es"), ("format", " ")]) == Layout("json", CueShape())


def test_every_bound_is_read() -> None:
    fields = {"format": "SRT", "lineLength": "32", "linesPerCue": "1", "maxCueSeconds": "5.5"}
    layout = parse_layout([*fields.items(), ("readingSpeed", "17")])
    assert layout == Layout("srt", CueShape(line_length=32, lines=1, longest=5.5, pace=17.0))


@pytest.mark.parametrize("name", [name for name in LAYOUT_FIELDS if name not in {"format", "wordTimes"}])
def test_a_number_is_accepted_up_to_its_bounds_and_not_beyond(name: str) -> None:
    least, most = LAYOUT_FIELDS[name]["minimum"], LAYOUT_FIELDS[name]["maximum"]
    for value in (least, most, LAYOUT_FIELDS[name]["default"]):
        parse_layout([(name, f"{value:g}")])
    for value in (f"{least - 1:g}", f"{most + 1:g}", "nan", "inf", "-1", "x", "1e999"):
        with pytest.raises(OptionInvalid, match=name):
            parse_layout([(name, value)])


def test_a_fraction_is_refused_where_a_whole_number_is_needed() -> None:
    with pytest.raises(OptionInvalid):
        parse_layout([("lineLength", "40.5")])


def test_word_times_are_on_or_off() -> None:
    assert parse_layout([("format", "vtt"), ("wordTimes", "True")]).word_times
    assert not parse_layout([("format", "vtt"), ("wordTimes", "0")]).word_times
    with pytest.raises(OptionInvalid, match="wordTimes"):
        parse_layout([("wordTimes", "karaoke")])


def test_an_option_that_is_sent_twice_is_refused() -> None:
    with pytest.raises(OptionInvalid):
        parse_layout([("format", "srt"), ("format", "srt")])


def test_only_subtitles_need_words() -> None:
    formats = [
        name for name in LAYOUT_FIELDS["format"]["enum"] if parse_layout([("format", name)]).wants_words
    ]
    assert formats == ["srt", "vtt", "ttml", "ass"]


def test_every_layout_has_a_tag_of_its_own() -> None:
    queries = [[], [("format", "srt")], [("format", "vtt")], [("lineLength", "30")], [("linesPerCue", "1")]]
    queries += [
        [("wordTimes", "true")],
        [("maxCueSeconds", "3")],
        [("maxCueSeconds", "3.5")],
        [("readingSpeed", "12")],
    ]
    assert len({parse_layout(fields).tag for fields in queries}) == len(queries)
