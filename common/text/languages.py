"""Whisper's languages: turns any code, tag or name from a person or an engine into one code or one name.

Codes are ISO 639-1 where there is one (`haw` and `yue` have none). Javanese is `jv` here, as in the
standard; Whisper's own tokenizer calls it `jw`, which is accepted too.
https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from common.text.language_table import QUALIFIERS, TABLE, UNSPECIFIED

_TAG = re.compile(r"([a-z]{2,3})((?:[-_][a-z0-9]{1,8}){1,6})(?:\.[a-z0-9-]{1,16})?")
_EXTENDED = re.compile(r"[-_]([a-z]{3})(?![a-z0-9])")  # BCP 47's extlang: `yue` in `zh-yue-HK`
_LIST = re.compile(r"[,;/|]")
_WITH_REGION = re.compile(r"(.+?)(?: ?[(\[]| [-–—] |: ?)(.*)")
_OF_PLACE = re.compile(r"(.+?) (?:de|del|do|of|from) .+")
_JOINTS = re.compile(r"[-_ ]+")
_LATIN_ACCENTS = re.compile(r"[\u0300-\u036f]")
_LONGEST = 64  # characters of a name
_LONGEST_LIST = 256

# A language that is also written as a variety of another: `Chinese (Cantonese)`.
_VARIETIES = frozenset({("zh", "yue"), ("no", "nn")})


def code_of(text: str) -> str | None:
    """The code for a name (`Spanish`, `English (US)`), a code (`es`, `spa`) or a tag (`es-ES`); else None.

    A list (`Spanish; Castilian`) has a code when no two of its items are different languages.
    """
    if len(text) > _LONGEST:
        return None
    simple = _simplify(text)
    if code := _codes().get(simple):
        return code
    first, *others = (_code_of_item(item.strip()) for item in _LIST.split(simple))
    for other in others:
        if (first, other) in _VARIETIES:
            first = other
        elif other not in {first, None}:
            return None
    return first


def codes_in(text: str) -> tuple[str, ...]:
    """The code of the one language that the text names, or of each in a list (`es,en`); else none.

    A name of one language may be a list itself (`Spanish; Castilian`).
    """
    if code := code_of(text):
        return (code,)
    codes_ = [code_of(item) for item in _LIST.split(text[:_LONGEST_LIST]) if item.strip()]
    return tuple(dict.fromkeys(code for code in codes_ if code)) if all(codes_) else ()


def is_unspecified(text: str) -> bool:
    """Whether the text names no language and leaves it to the engine: empty, `auto`, `und`, `multi`."""
    if len(text) > _LONGEST:
        return False
    simple = _simplify(text)
    region = _WITH_REGION.fullmatch(simple)
    words = {
        " ".join(_JOINTS.split(form)).strip() for form in (simple, region.group(1) if region else simple)
    }
    return simple.startswith(("und-", "und_")) or not words.isdisjoint(UNSPECIFIED | {""})


def name_of(code: str) -> str:
    """The English name in lower case, as engines return it; other text comes back unchanged."""
    return _names().get(code_of(code) or "", code)


def codes() -> frozenset[str]:
    """Every code that `code_of` can return."""
    return frozenset(_names())


def _code_of_item(text: str) -> str | None:
    if code := _codes().get(text) or _code_of_tag(text):
        return code
    if with_region := _WITH_REGION.fullmatch(text):
        name, region = with_region.groups()
        code = _codes().get(name) or _code_of_tag(name) or _code_of_phrase(name)
        variety = _code_of_phrase(region.strip(" )]"))
        return variety if (code, variety) in _VARIETIES else code
    return _code_of_phrase(text)


def _code_of_tag(text: str) -> str | None:
    tag = _TAG.fullmatch(text)
    if not tag:
        return None
    language, subtags = tag.groups()
    extended = _EXTENDED.match(subtags)
    return (extended and _codes().get(extended.group(1))) or _codes().get(language)


def _code_of_phrase(text: str) -> str | None:
    """The language of `Brazilian Portuguese`, `español de México`, `english-us`."""
    if of_place := _OF_PLACE.fullmatch(text):
        return _codes().get(of_place.group(1))
    words = _JOINTS.split(text)
    runs = [(i, j) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    for i, j in sorted(runs, key=lambda run: run[0] - run[1]):
        name = " ".join(words[i:j])
        code = _codes().get(name)
        if code and name not in QUALIFIERS and _is_qualified((*words[:i], *words[j:]), code):
            return code
    return None


def _is_qualified(words: tuple[str, ...], code: str) -> bool:
    """Whether the words beside a language's name name no other language."""
    return all(word in QUALIFIERS or _codes().get(word) == code for word in words)


def _simplify(text: str) -> str:
    """Without case, accents on Latin letters and extra spaces: none of them distinguishes two languages."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = unicodedata.normalize("NFC", _LATIN_ACCENTS.sub("", folded))
    return " ".join(bare.split())


def _rows() -> list[list[str]]:
    return [row.split("|") for row in TABLE.split("\n") if row]


@cache
def _names() -> dict[str, str]:
    return {code: name for code, name, *_ in _rows()}


@cache
def _codes() -> dict[str, str]:
    return {_simplify(name): code for code, *names in _rows() for name in (code, *names)}
