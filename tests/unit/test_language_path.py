"""Probes of a recording → the language of each: what one probe says alone does not count."""

from __future__ import annotations

import pytest

from common.local.whisper.language_path import change_index, known_languages, likely_path

SPANISH = {"es": 0.9, "en": 0.02, "pt": 0.05}
VAGUE = {"es": 0.3, "en": 0.1, "it": 0.5}
ENGLISH = {"en": 0.99, "es": 0.001}
WELSH = {"cy": 0.62, "es": 0.02}
UNKNOWN: frozenset[str] = frozenset()


@pytest.mark.parametrize("odd", [VAGUE, ENGLISH, WELSH], ids=["vague", "english", "welsh"])
@pytest.mark.parametrize("place", [1, 3])
def test_one_misdetected_probe_changes_nothing(odd: dict[str, float], place: int) -> None:
    probes = [SPANISH] * 6
    probes[place] = odd
    path = likely_path(probes, before=SPANISH, known=known_languages(probes))
    assert path == ["es"] * 6


def test_a_vague_last_probe_changes_nothing() -> None:
    assert likely_path([SPANISH, SPANISH, WELSH], before=SPANISH, known=UNKNOWN) == ["es"] * 3


def test_a_language_that_the_recording_has_needs_one_probe() -> None:
    probes = [SPANISH, ENGLISH, ENGLISH, SPANISH, SPANISH, ENGLISH, SPANISH]
    assert known_languages(probes) == {"es", "en"}
    path = likely_path(probes, before=SPANISH, known=known_languages(probes))
    assert path == ["es", "en", "en", "es", "es", "en", "es"]


def test_what_was_spoken_before_decides_a_vague_beginning() -> None:
    assert likely_path([VAGUE, SPANISH], before=SPANISH, known=UNKNOWN) == ["es", "es"]
    assert likely_path([VAGUE], before={"it": 1.0}, known=UNKNOWN) == ["it"]


def test_in_an_hour_a_few_wrong_probes_make_no_language_known() -> None:
    assert known_languages([SPANISH] * 300 + [ENGLISH] * 10) == {"es"}
    assert known_languages([SPANISH] * 300 + [ENGLISH] * 30) == {"es", "en"}
    assert known_languages([SPANISH, ENGLISH]) == UNKNOWN


def test_a_change_is_where_both_sides_fit_best() -> None:
    assert change_index([SPANISH, VAGUE, ENGLISH, ENGLISH], "es", "en") == 2
    assert change_index([ENGLISH, ENGLISH], "es", "en") == 0
    assert change_index([SPANISH, SPANISH], "es", "en") == 2
