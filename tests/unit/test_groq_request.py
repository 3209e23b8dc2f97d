"""The prompt that Groq takes: its end, whole words, whole characters, never a byte too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.groq.request import PROMPT_BYTES, PROMPT_CUT, fit_prompt, plan
from common.models import Options

words = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=30)


@given(st.lists(words, max_size=200))
def test_what_is_left_are_the_last_whole_words_and_as_many_as_fit(spoken: list[str]) -> None:
    kept = fit_prompt(" ".join(spoken)).split(" ")
    if spoken:
        assert kept == spoken[-len(kept) :]
        more = " ".join(spoken[-len(kept) - 1 :])
        assert len(kept) == len(spoken) or len(more.encode()) > PROMPT_BYTES
    assert len(" ".join(kept).encode()) <= PROMPT_BYTES


@given(st.text(max_size=3000))
def test_any_text_becomes_valid_utf8_that_fits(prompt: str) -> None:
    assert len(fit_prompt(prompt).encode()) <= PROMPT_BYTES


@given(st.text("語ñ", min_size=900, max_size=1200))
def test_a_text_without_spaces_is_cut_between_characters(prompt: str) -> None:
    kept = fit_prompt(prompt)
    assert prompt.endswith(kept)
    assert len(kept.encode()) > PROMPT_BYTES - 3


def test_words_that_just_fit_are_all_kept() -> None:
    fitting = "a" * 441 + " " + "ñ" * 227
    assert len(fitting.encode()) == PROMPT_BYTES
    assert fit_prompt(f"before {fitting}") == fitting


@pytest.mark.parametrize(("length", "warnings"), [(896, ()), (897, (PROMPT_CUT,))])
def test_only_a_prompt_that_was_cut_is_warned_of(length: int, warnings: tuple[str, ...]) -> None:
    assert plan(Options(prompt=f"  {'a' * length}\n"), "m").warnings == warnings


@pytest.mark.parametrize("prompt", [None, "", "  \n"])
def test_an_empty_prompt_is_not_sent(prompt: str | None) -> None:
    ask = plan(Options(prompt=prompt), "m")
    assert "prompt" not in dict(ask.fields)
    assert ask.warnings == ()


@pytest.mark.parametrize("model", ["whisper-large-v3-turbo", "distil-whisper-large-v3-en"])
def test_models_that_cannot_translate_are_replaced(model: str) -> None:
    ask = plan(Options(task="translate"), model)
    assert ask.model == dict(ask.fields)["model"] == "whisper-large-v3"
