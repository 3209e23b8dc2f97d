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

WRITTEN = (
    "Spanish=es|spanish=es|SPANISH=es|es=es|ES=es| es =es|es-ES=es|es_419=es|es-MX=es|es_ES.UTF-8=es|"
    "pt-BR=pt|español=es|Espan\u0303ol=es|espanol=es|CASTELLANO=es|Castilian=es|zh-Hant-TW=zh|zh-yue=yue|"
    "Cantonese=yue|mandarin=zh|中文=zh|jw=jv|jv=jv|javanese=jv|Haitian  Creole=ht|iw=he|nb-NO=no|日本語=ja|"
    "हिन्दी=hi|한국어=ko|Français=fr|haw-US=haw|burmese=my"
)


def test_every_language_whisper_knows_has_a_code_and_a_name() -> None:
    whisper = WHISPER.split()
    assert len(whisper) == 100
    assert {code_of(code) for code in whisper} == codes()


def test_code_and_name_lead_to_each_other() -> None:
    for code in codes():
        assert code_of(code) == code
        assert code_of(name_of(code)) == code
        assert code_of(name_of(code).upper()) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [tuple(pair.split("=")) for pair in WRITTEN.split("|")],
)
def test_however_it_is_written_it_is_the_same_language(written: str, code: str) -> None:
    assert code_of(written) == code


@pytest.mark.parametrize(
    "written",
    ["", " ", "auto", "klingon", "xx", "tlh", "es-", "-es", "es-ES'; drop", "es\n-es!", "e", "es" * 99],
)
def test_what_is_no_language_is_none(written: str) -> None:
    assert code_of(written) is None


def test_the_name_of_no_language_is_what_was_written() -> None:
    assert name_of("tlh") == "tlh"
    assert name_of("es-ES") == "spanish"


@given(st.text(max_size=80))
def test_any_text_is_a_known_code_or_none(text: str) -> None:
    assert code_of(text) in codes() | {None}
