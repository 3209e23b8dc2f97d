"""Splits text into words and joins it again, in scripts with and without spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Thai, Lao, Burmese, Khmer, kana, Han: no spaces between words. Whisper also times these by the character:
# https://github.com/openai/whisper/blob/main/whisper/tokenizer.py (split_to_word_tokens)
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_WIDE_PUNCTUATION = "\u3000-\u3004\u3008-\u303f\uff00-\uff65\uffa0-\uffef"
_WIDE_OPENING = "「『（【《〈"
_TOKEN = re.compile(rf"\s*(?:[{_UNSPACED}{_WIDE_OPENING}]|[^\s{_UNSPACED}{_WIDE_OPENING}]+)")
_NO_SPACE_BESIDE = re.compile(rf"[\s{_UNSPACED}{_WIDE_PUNCTUATION}]")
# Characters that never begin a token: spacing vowels, repetition marks, small kana, the long-vowel bar.
_NEVER_FIRST = frozenset("ะาำๅๆະາຳໆーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々")
# Characters that never end one: vowels written before their consonant, and what stacks the next consonant.
_NEVER_LAST = frozenset("เแโใไເແໂໃໄ\u1039\u17d2")
_OPENING = frozenset("¿¡([{«“‘\"'#$€£@" + _WIDE_OPENING)


def split_words(text: str) -> list[str]:
    """The words of `text` in order, each with the white space before it and its punctuation.

    Joined they are `text` again, except for white space at its end.
    """
    tokens: list[str] = []
    for part in _TOKEN.findall(text):
        if tokens and _attaches(tokens[-1], part):
            tokens[-1] += part
        else:
            tokens.append(part)
    return tokens


def letters(word: str) -> str:
    """The letters, digits and accents of `word`, without case and punctuation; may be empty."""
    folded = unicodedata.normalize("NFKC", word).casefold().strip()
    return folded if folded.isalnum() else "".join(filter(_is_letter, folded))


def normalise(word: str) -> str:
    """The same for all spellings of one word: its letters, or its punctuation if it has none."""
    return letters(word) or word.strip()


def concatenate(left: str, right: str) -> str:
    """Both texts as one, with a space between if their script separates words and neither has one."""
    if not left or not right or _NO_SPACE_BESIDE.match(left[-1]) or _NO_SPACE_BESIDE.match(right[0]):
        return left + right
    return f"{left} {right}"


def join(texts: Iterable[str]) -> str:
    """All the texts as one, stripped."""
    parts: list[str] = []
    for text in filter(None, texts):
        last = parts[-1][-1] if parts else ""
        parts.append(concatenate(last, text)[len(last) :])
    return "".join(parts).strip()


def _is_letter(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _attaches(before: str, part: str) -> bool:
    """Whether `part` belongs to the token before it.

    Punctuation belongs to the word before it; opening punctuation, and that at the start of a text, to the
    word after it.
    """
    if before[-1] in _NEVER_LAST or part[0] in _NEVER_FIRST or unicodedata.category(part[0])[0] == "M":
        return True
    if not any(map(_is_letter, before)):
        return True
    return not any(map(_is_letter, part)) and part.strip()[0] not in _OPENING
