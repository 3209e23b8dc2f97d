"""Text is split into words and joined again, in scripts with and without spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text.tokens import concatenate, join, normalise, split_words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("   ", []),
        (" Hello, world. ", [" Hello,", " world."]),
        ("¿Qué tal? ¡Bien!", ["¿Qué", " tal?", " ¡Bien!"]),
        ("dijo: « hola » y — bueno", ["dijo:", " « hola »", " y —", " bueno"]),
        ("- Sí", ["- Sí"]),
        ("♪ ♪", ["♪ ♪"]),
        ("今日は、世界。「はい」", ["今", "日", "は、", "世", "界。", "「は", "い」"]),
        ("ラーメンとGPT", ["ラー", "メ", "ン", "と", "GPT"]),
        ("เกม", ["เก", "ม"]),
        ("น้ำ", ["น้ำ"]),
        ("de 3 € o 4 %", ["de", " 3", " € o", " 4 %"]),
    ],
)
def test_text_is_split_into_words_with_their_punctuation(text: str, tokens: list[str]) -> None:
    assert split_words(text) == tokens


@given(st.text())
def test_splitting_loses_nothing(text: str) -> None:
    assert "".join(split_words(text)) == text.rstrip() or not text.strip()


def test_case_and_punctuation_do_not_distinguish_words() -> None:
    assert normalise(" ¿Qué?") == normalise("QUÉ") == "qué"
    assert normalise("की") != normalise("का")
    assert normalise("don't") == normalise("dont")
    assert normalise(" ♪") == "♪"


def test_a_space_is_added_where_the_script_separates_words() -> None:
    assert concatenate("Hello", "world") == "Hello world"
    assert concatenate("Hello", " world") == "Hello world"
    assert concatenate("", "world") == "world"
    assert concatenate("日本", "語") == "日本語"
    assert concatenate("はい。", "Yes") == "はい。Yes"
    assert join([" Hola.", " ¿Qué tal?", "", "Bien."]) == "Hola. ¿Qué tal? Bien."
    assert join(["今日は。", "世界"]) == "今日は。世界"
    assert join([]) == ""


@given(st.lists(st.text(max_size=6), max_size=6))
def test_joining_is_repeated_concatenation(texts: list[str]) -> None:
    joined = ""
    for text in texts:
        joined = concatenate(joined, text)
    assert join(texts) == joined.strip()
