"""Text as tokens: where one word ends and the next begins, in scripts with and without spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Thai, Lao, Burmese, Khmer, kana, Han: no spaces between words. Whisper, too, times these by the
# character: https://github.com/openai/whisper/blob/main/whisper/tokenizer.py (split_to_word_tokens)
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_WIDE_PUNCTUATION = "\u3000-\u3004\u3008-\u303f\uff00-\uff65\uffa0-\uffef"
_WIDE_OPENING = "「『（【《〈"
_TOKEN = re.compile(rf"\s*(?:[{_UNSPACED}{_WIDE_OPENING}]|[^\s{_UNSPACED}{_WIDE_OPENING}]+)")
_NO_SPACE_BESIDE = re.compile(rf"[\s{_UNSPACED}{_WIDE_PUNCTUATION}]")
# Signs that never begin a token: spacing vowels, repetition marks, small kana, the long-vowel bar.
_CLINGS_BACK = frozenset("ะาำๅๆະາຳໆーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々")
# Signs that never end one: vowels written before their consonant, and what stacks the next consonant.
_CLINGS_ON = frozenset("เแโใไເແໂໃໄ\u1039\u17d2")
_OPENING = frozenset("¿¡([{«“‘\"'#$€£@" + _WIDE_OPENING)


def split(text: str) -> list[str]:
    """The words of `text` in order, each with the white space before it and the marks that cling to it.

    Joined they are `text` again, but for white space at its end.
    """
    tokens: list[str] = []
    for piece in _TOKEN.findall(text):
        if tokens and _clings(tokens[-1], piece):
            tokens[-1] += piece
        else:
            tokens.append(piece)
    return tokens


def letters(word: str) -> str:
    """The letters, digits and accents of `word`, without case or punctuation; may be nothing."""
    folded = unicodedata.normalize("NFKC", word).casefold().strip()
    return folded if folded.isalnum() else "".join(filter(_counts, folded))


def normal(word: str) -> str:
    """What two spellings of one word have in common: their letters, or their signs if they have none."""
    return letters(word) or word.strip()


def glue(left: str, right: str) -> str:
    """Both texts as one, with a space between where their script wants one and neither brings it."""
    if not left or not right or _NO_SPACE_BESIDE.match(left[-1]) or _NO_SPACE_BESIDE.match(right[0]):
        return left + right
    return f"{left} {right}"


def join(texts: Iterable[str]) -> str:
    """All the texts as one, stripped."""
    parts: list[str] = []
    for text in filter(None, texts):
        last = parts[-1][-1] if parts else ""
        parts.append(glue(last, text)[len(last) :])
    return "".join(parts).strip()


def _counts(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _clings(before: str, piece: str) -> bool:
    """Marks belong to the word before them; opening marks, and what a text begins with, to the one after."""
    if before[-1] in _CLINGS_ON or piece[0] in _CLINGS_BACK or unicodedata.category(piece[0])[0] == "M":
        return True
    if not any(map(_counts, before)):
        return True
    return not any(map(_counts, piece)) and piece.strip()[0] not in _OPENING
