"""Every spelling of a language becomes one code and one name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text.languages import code_of, codes, name_of

# whisper/tokenizer.py, LANGUAGES
WHISPER = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht "
    "hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl "
    "ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh yue"
)

SPELLINGS = (
    "Spanish=es|spanish=es|SPANISH=es|es=es|ES=es| es =es|es-ES=es|es_419=es|es-MX=es|es_ES.UTF-8=es|"
    "pt-BR=pt|español=es|Espan\u0303ol=es|espanol=es|CASTELLANO=es|Castilian=es|zh-Hant-TW=zh|zh-yue=yue|"
    "Cantonese=yue|mandarin=zh|中文=zh|jw=jv|jv=jv|javanese=jv|Haitian  Creole=ht|iw=he|nb-NO=no|日本語=ja|"
    "हिन्दी=hi|한국어=ko|Français=fr|haw-US=haw|burmese=my"
)


def test_every_language_of_whisper_has_a_code_and_a_name() -> None:
    whisper = WHISPER.split()
    assert len(whisper) == 100
    assert {code_of(code) for code in whisper} == codes()


def test_code_and_name_convert_into_each_other() -> None:
    for code in codes():
        assert code_of(code) == code
        assert code_of(name_of(code)) == code
        assert code_of(name_of(code).upper()) == code


@pytest.mark.parametrize(
    ("spelling", "code"),
    [tuple(pair.split("=")) for pair in SPELLINGS.split("|")],
)
def test_every_spelling_of_a_language_has_its_code(spelling: str, code: str) -> None:
    assert code_of(spelling) == code


@pytest.mark.parametrize(
    "spelling",
    ["", " ", "auto", "klingon", "xx", "tlh", "es-", "-es", "es-ES'; drop", "es\n-es!", "e", "es" * 99],
)
def test_other_text_has_no_code(spelling: str) -> None:
    assert code_of(spelling) is None


def test_other_text_is_returned_as_its_own_name() -> None:
    assert name_of("tlh") == "tlh"
    assert name_of("es-ES") == "spanish"


@given(st.text(max_size=80))
def test_any_text_is_a_known_code_or_none(text: str) -> None:
    assert code_of(text) in codes() | {None}
