"""Every spelling of a language becomes one code and one name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import LanguageUnknown
from common.http.options import parse_options
from common.openai.request import parse_request
from common.text.languages import code_of, codes, is_unspecified, name_of

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
    "हिन्दी=hi|한국어=ko|Français=fr|haw-US=haw|burmese=my|"
    # ISO 639-2 and 639-3, as media containers, ffmpeg and subtitle tools write them
    "ger=de|deu=de|fre=fr|fra=fr|spa=es|jpn=ja|chi=zh|zho=zh|cmn=zh|arb=ar|arz=ar|pes=fa|nob=no|nno=nn|swh=sw|"
    "dut=nl|nld=nl|SPA=es|eng-US=en|spa_Latn=es|zsm=ms|nb=no|fil=tl|prs=fa|"
    # BCP 47
    "es-MX=es|pt_BR=pt|zh-Hans-CN=zh|zh-yue-HK=yue|zh-cmn-Hans=zh|ar-arb=ar|sr-Latn-RS=sr|ca-ES-valencia=ca|"
    "en-US-x-private=en|de-1996=de|yue-Hant-HK=yue|en-US,en;q=1=en|"
    # names, with and without a region
    "English (US)=en|English (United States)=en|English - US=en|Spanish, Mexico=es|"
    "en - English=en|es: Spanish=es|"
    "Portuguese (Brazil)=pt|português (Brasil)=pt|Brazilian Portuguese=pt|Latin American Spanish=es|"
    "Español de México=es|Español (Latinoamérica)=es|español latinoamericano=es|Deutsch (Schweiz)=de|"
    "Chinese (Simplified)=zh|Simplified Chinese=zh|chinese_traditional=zh|"
    "Chinese (Cantonese, Traditional)=yue|"
    "Chinese, Cantonese=yue|Norwegian (Nynorsk)=nn|Norwegian Bokmål=no|Serbian (Latin)=sr|english-us=en|"
    "Spanish; Castilian=es|Romanian; Moldavian; Moldovan=ro|Greek, Modern (1453-)=el|Modern Greek (1453-)=el|"
    "Dutch / Flemish=nl|Swahili (macrolanguage)=sw|Occitan (post 1500)=oc|Khmer, Central=km|Spanish [es]=es|"
    "British English=en|Canadian French=fr|Mandarin Chinese=zh|"
    # country codes that people take for a language's
    "jp=ja|cn=zh|cz=cs|dk=da|gr=el|ua=uk"
)

DETECT = (
    "auto|AUTO|Auto|automatic|autodetect|auto-detect|auto_detect|Auto Detect|Auto-Detect Language|detect|"
    "Detect language|"
    "automatically detect|Automatic detection|Automatic (detect)|Auto (detected)|multi|multilingual|mul|"
    "und|und-Latn|"
    "undetermined|undefined|unknown|unspecified|none|None|null|default|any|n/a|*|-|automático|"
    "Detección automática|"
    "detectar|Detectar idioma"
)


def registered() -> list[tuple[str, str]]:
    """Every code and name of tests/data/languages.tsv, with Whisper's code."""
    lines = (Path(__file__).parents[1] / "data/languages.tsv").read_text("utf-8").splitlines()
    return [
        (name, code)
        for code, *names in (line.split("\t") for line in lines)
        for name in (code, *names)
        if name
    ]


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
    [tuple(pair.rsplit("=", 1)) for pair in SPELLINGS.split("|")],
)
def test_every_spelling_of_a_language_has_its_code(spelling: str, code: str) -> None:
    assert code_of(spelling) == code
    assert _options(spelling) == {code}


def test_every_code_and_name_of_the_registries_is_known() -> None:
    spellings = registered()
    assert len(spellings) > 600
    assert {(name, code_of(name)) for name, _ in spellings} == set(spellings)


@pytest.mark.parametrize("form", ["{}", "{}-Latn", "{}_XK.UTF-8", "{}-x-mine", " {} ", "{} - Earth"])
def test_a_code_may_have_subtags_and_a_region(form: str) -> None:
    tags = [
        (name, code) for name, code in registered() if name.isascii() and name.islower() and len(name) <= 3
    ]
    assert len(tags) > 380
    assert {(tag, code_of(form.format(tag))) for tag, _ in tags} == set(tags)


@pytest.mark.parametrize("form", ["{} (Earth)", "{}, Earth", "{} - Earth", "{} [x]", "{}/Earth", "{} (US)"])
def test_a_name_may_have_a_region(form: str) -> None:
    assert {(name, code_of(form.format(name))) for name, _ in registered()} == set(registered())


@pytest.mark.parametrize("word", DETECT.split("|"))
def test_every_word_for_detection_leaves_the_language_to_the_engine(word: str) -> None:
    assert is_unspecified(word)
    assert code_of(word) is None
    assert _options(word) == {None}


@pytest.mark.parametrize(
    ("spelling", "codes"),
    [
        ("es,en", ("es", "en")),
        ("Spanish / English (US)", ("es", "en")),
        ("inglés; español; pt-BR", ("en", "es", "pt")),
        ("en,es,eng", ("en", "es")),
    ],
)
def test_several_languages_limit_the_detection(spelling: str, codes: tuple[str, ...]) -> None:
    ours = parse_options([("language", spelling)])
    openais = parse_request([("language", spelling)], task="transcribe", server_model="any").options
    repeated = parse_options([("language", code) for code in codes])
    assert {each.languages for each in (ours, openais, repeated)} == {codes}
    assert {each.language for each in (ours, openais, repeated)} == {None}


@pytest.mark.parametrize("text", ["klingon", "klingon,en", "nan", "xx", "detective"])
def test_what_is_no_language_is_refused(text: str) -> None:
    for parse in (_ours, _openais):
        with pytest.raises(LanguageUnknown):
            parse(text)


def _options(spelling: str) -> set[str | None]:
    """The language on every way in."""
    return {_ours(spelling), _openais(spelling)}


def _ours(spelling: str) -> str | None:
    return parse_options([("language", spelling)]).language


def _openais(spelling: str) -> str | None:
    fields = [("model", "whisper-1"), ("language", spelling)]
    return parse_request(fields, task="transcribe", server_model="whisper-large-v3").options.language


@pytest.mark.parametrize(
    "spelling",
    ["", " ", "klingon", "xx", "tlh", "es-", "-es", "es-ES'; drop", "es\n-es!", "e", "es" * 99],
)
def test_other_text_has_no_code(spelling: str) -> None:
    assert code_of(spelling) is None


def test_other_text_is_returned_as_its_own_name() -> None:
    assert name_of("tlh") == "tlh"
    assert name_of("es-ES") == "spanish"


@given(st.text(max_size=80))
def test_any_text_is_a_known_code_or_none(text: str) -> None:
    assert code_of(text) in codes() | {None}
