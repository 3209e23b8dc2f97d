"""Which text answers which request: a key differs wherever the text may."""

from __future__ import annotations

from typing import Any

import pytest

from common.models import Options
from common.settings import Settings
from common.transcription.cache import cache_key, recording_of

SHA = "a" * 64
SETTINGS = Settings(groq_api_key="gsk")

# Another value than the default for each option that changes the text.
OTHER: dict[str, Any] = {
    "language": "es",
    "prompt": "Escriba",
    "temperature": 0.5,
    "task": "translate",
    "model": "whisper-large-v3",
    "track": 2,
    "tracks": "mix",
    "input_format": "mulaw",
    "guard": False,
    "languages": ("es", "en"),
    "speakers": "2",
}
# What decides by itself whether and how a text is looked for.
ELSEWHERE = {"cache", "timestamps"}


def key(settings: Settings = SETTINGS, sha256: str = SHA, *, has_words: bool = False, **options: Any) -> str:
    return cache_key(settings, sha256, Options(**options), has_words=has_words).answer


def test_every_option_is_covered() -> None:
    assert set(Options.model_fields) - ELSEWHERE == OTHER.keys()


@pytest.mark.parametrize("option", OTHER)
def test_another_option_is_another_text(option: str) -> None:
    assert key(**{option: OTHER[option]}) != key()


def test_the_model_that_runs_counts_not_whether_it_is_named() -> None:
    assert key(model="whisper-large-v3-turbo") == key()
    assert key(SETTINGS.model_copy(update={"groq_model": "whisper-large-v3"})) != key()


@pytest.mark.parametrize(
    "update",
    [{"groq_api_key": None}, {"groq_base_url": "https://other.example/v1"}, {"engine_model": "small"}],
    ids=str,
)
def test_another_engine_is_another_text(update: dict[str, Any]) -> None:
    assert key(SETTINGS.model_copy(update=update)) != key()


def test_another_key_of_the_same_engine_is_not() -> None:
    assert key(SETTINGS.model_copy(update={"groq_api_key": "gsk_other"})) == key()


def test_another_recording_or_caller_is_another_text() -> None:
    assert key(sha256="b" * 64) != key()
    one, other = (cache_key(SETTINGS, SHA, Options(), has_words=False, owner=name) for name in ("ana", "ben"))
    assert one.answer != other.answer
    assert one.recording != other.recording
    assert recording_of(SHA, owner='a", "b') != recording_of(SHA, owner="a")


def test_a_recording_has_one_name_for_all_its_texts() -> None:
    names = {
        cache_key(SETTINGS, SHA, Options(guard=guard), has_words=guard).recording for guard in (True, False)
    }
    assert names == {recording_of(SHA, owner=None)}
