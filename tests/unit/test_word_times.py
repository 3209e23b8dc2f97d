"""Words of a corrected text: exactly its words, at times that rise, and equal ones at their old time."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from common.models import Word
from common.text.tokens import split_words
from common.text.word_times import time_words

SPOKEN = [
    "Buenas",
    "tardes",
    "a",
    "todos",
    "los",
    "que",
    "nos",
    "escuchan.",
    "Hoy,",
    "como",
    "cada",
    "jueves,",
    "vamos",
    "a",
    "hablar",
    "del",
    "agua,",
    "de",
    "los",
    "embalses",
    "y",
    "de",
    "lo",
    "que",
    "nos",
    "espera",
    "este",
    "verano:",
    "3,5",
    "menos;",
    "no,",
    "no,",
    "¡no",
    "se",
    "lo",
    "pierdan!",
]
OTHER = ("agua", "río", "Ebro,", "de", "los", "no", "—", "¿verdad?", "水", "х", "d'acord")


def recognised(random: Random, texts: list[str]) -> list[Word]:
    """Words with pauses between some of them, and some of no length, as engines give them."""
    clock, words = 10.0, []
    for text in texts:
        clock += random.choice((0.0, 0.0, 0.0, 0.12, 0.8))
        length = random.choice((0.0, 0.06, 0.2, 0.44))
        words.append(Word(word=f" {text}", start=round(clock, 2), end=round(clock + length, 2)))
        clock = words[-1].end
    return words


def edit(random: Random, texts: list[str]) -> list[str]:
    """As people correct: words replaced, inserted, removed, joined, moved."""
    texts = list(texts)
    for _ in range(random.randint(0, 6)):
        at = random.randrange(len(texts) + 1)
        match random.randrange(5):
            case 0:
                texts[at : at + 1] = [random.choice(OTHER)]
            case 1:
                texts[at:at] = random.choices(OTHER, k=random.randint(1, 4))
            case 2:
                del texts[at : at + random.randint(1, 5)]
            case 3:
                texts[at : at + 2] = ["".join(texts[at : at + 2])]
            case 4:
                texts[at : at + 3] = reversed(texts[at : at + 3])
    return [text for text in texts if text]


@pytest.mark.parametrize("seed", range(6))
def test_random_corrections_give_the_exact_text_at_rising_times(seed: int) -> None:
    random = Random(seed)
    for _ in range(60):
        old = recognised(random, SPOKEN)
        end = old[-1].end + random.choice((0.0, 1.0))
        text = " ".join(edit(random, SPOKEN))
        words = time_words(text, old, start=10.0, end=end)
        assert "".join(word.word for word in words) == text
        times = [time for word in words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert not times or (times[0] >= 10.0 and times[-1] <= end + 1e-9)


def test_an_unchanged_text_keeps_every_time() -> None:
    old = recognised(Random(1), SPOKEN)
    words = time_words(" ".join(SPOKEN), old, start=10.0, end=old[-1].end)
    assert [(word.start, word.end) for word in words] == [(word.start, word.end) for word in old]


def times_of(text: str, *old: tuple[str, float, float], end: float = 4.0) -> list[tuple[str, float, float]]:
    words = time_words(text, [Word(word=w, start=a, end=b) for w, a, b in old], start=0.0, end=end)
    return [(word.word.strip(), word.start, word.end) for word in words]


OLD = (("Vamos", 0.0, 1.0), ("al", 1.0, 1.4), ("río", 2.0, 3.0))


def test_changed_words_share_the_time_of_those_they_replace_by_their_letters() -> None:
    assert times_of("Vamos hasta el río", *OLD) == [
        ("Vamos", 0.0, 1.0),
        ("hasta", 1.0, 1.714),
        ("el", 1.714, 2.0),
        ("río", 2.0, 3.0),
    ]


def test_case_and_punctuation_change_no_time() -> None:
    assert times_of("vamos, al Río.", *OLD) == [("vamos,", 0.0, 1.0), ("al", 1.0, 1.4), ("Río.", 2.0, 3.0)]


def test_an_inserted_word_takes_a_little_of_the_words_beside_it_where_there_is_no_gap() -> None:
    assert times_of("Vamos ya al río", *OLD) == [
        ("Vamos", 0.0, 0.92),
        ("ya", 0.92, 1.0),
        ("al", 1.0, 1.4),
        ("río", 2.0, 3.0),
    ]
    first, second, *_ = times_of("Ya vamos al río", *OLD)
    assert first == ("Ya", 0.0, 0.08)
    assert second == ("vamos", 0.08, 1.0)


def test_a_text_of_other_words_shares_the_whole_time() -> None:
    assert times_of("uno dos", *OLD) == [("uno", 0.0, 2.0), ("dos", 2.0, 4.0)]
    assert times_of("uno dos") == [("uno", 0.0, 2.0), ("dos", 2.0, 4.0)]


def test_a_script_without_spaces_is_timed_by_its_characters() -> None:
    text = "水を飲む"
    assert [word for word, _, _ in times_of(text, ("水", 0.0, 1.0))] == split_words(text)


def test_one_word_repeated_without_end_is_not_compared_with_itself() -> None:
    old = [Word(word="no", start=i / 100, end=(i + 1) / 100) for i in range(5000)]
    text = " ".join(["sí", *["no"] * 4000, "sí"])
    words = time_words(text, old, start=0.0, end=50.0)
    assert len(words) == 4002
    assert all(a.end <= b.start for a, b in pairwise(words))
