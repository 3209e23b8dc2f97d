"""The prompt is cut to the bytes that Groq takes; models that cannot translate are replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.groq.request import PROMPT_BYTES, PROMPT_CUT, build_request, fit_prompt
from common.models import Options, TranscriptWarning

words = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=30)


@given(st.lists(words, max_size=200))
def test_a_long_prompt_keeps_as_many_of_its_last_words_as_fit(spoken: list[str]) -> None:
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


def test_words_of_exactly_the_limit_are_all_kept() -> None:
    fitting = "a" * 441 + " " + "ñ" * 227
    assert len(fitting.encode()) == PROMPT_BYTES
    assert fit_prompt(f"before {fitting}") == fitting


@pytest.mark.parametrize(("length", "warnings"), [(896, ()), (897, (PROMPT_CUT,))])
def test_only_a_prompt_that_was_cut_gets_a_warning(
    length: int, warnings: tuple[TranscriptWarning, ...]
) -> None:
    assert build_request(Options(prompt=f"  {'a' * length}\n"), "m").warnings == warnings


@pytest.mark.parametrize("prompt", [None, "", "  \n"])
def test_an_empty_prompt_is_not_sent(prompt: str | None) -> None:
    request = build_request(Options(prompt=prompt), "m")
    assert "prompt" not in dict(request.fields)
    assert request.warnings == ()


@pytest.mark.parametrize("model", ["whisper-large-v3-turbo", "distil-whisper-large-v3-en"])
def test_models_that_cannot_translate_are_replaced(model: str) -> None:
    request = build_request(Options(task="translate"), model)
    assert request.model == dict(request.fields)["model"] == "whisper-large-v3"
