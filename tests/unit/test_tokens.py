from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text.tokens import glue, join, normal, split


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
def test_text_is_cut_between_words_with_their_marks(text: str, tokens: list[str]) -> None:
    assert split(text) == tokens


@given(st.text())
def test_nothing_is_lost_by_cutting(text: str) -> None:
    assert "".join(split(text)) == text.rstrip() or not text.strip()


def test_spelling_that_does_not_matter_does_not_tell_words_apart() -> None:
    assert normal(" ¿Qué?") == normal("QUÉ") == "qué"
    assert normal("की") != normal("का")
    assert normal("don't") == normal("dont")
    assert normal(" ♪") == "♪"


def test_a_space_is_put_where_the_script_wants_one() -> None:
    assert glue("Hello", "world") == "Hello world"
    assert glue("Hello", " world") == "Hello world"
    assert glue("", "world") == "world"
    assert glue("日本", "語") == "日本語"
    assert glue("はい。", "Yes") == "はい。Yes"
    assert join([" Hola.", " ¿Qué tal?", "", "Bien."]) == "Hola. ¿Qué tal? Bien."
    assert join(["今日は。", "世界"]) == "今日は。世界"
    assert join([]) == ""


@given(st.lists(st.text(max_size=6), max_size=6))
def test_joining_many_is_gluing_one_after_the_other(texts: list[str]) -> None:
    glued = ""
    for text in texts:
        glued = glue(glued, text)
    assert join(texts) == glued.strip()
