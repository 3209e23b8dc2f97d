"""Warnings have a stable code and a sentence in the client's language, in every kind of answer."""

from __future__ import annotations

import json
import re

import pytest

from common.groq.request import NO_WORD_TIMES, PROMPT_CUT, model_replaced
from common.jobs.view import transcript_view
from common.models import Options, Transcript, TranscriptWarning
from common.openai.request import OpenAIRequest
from common.openai.response import write_response
from common.warnings import SENTENCES, warning_view

WARNED = Transcript(text="hola", duration=1.0, warnings=(PROMPT_CUT,))
SPANISH = "El prompt ocupa más de 896 bytes; solo se usó el final."


def test_a_warning_has_a_code_and_a_sentence_in_the_clients_language() -> None:
    assert warning_view(PROMPT_CUT, "es") == {"code": "prompt_cut", "message": SPANISH}
    assert warning_view(NO_WORD_TIMES, "en")["message"].startswith("Word times are not available")
    replaced = warning_view(model_replaced("turbo", "large"), "es")
    assert replaced == {"code": "model_replaced", "message": "turbo no puede traducir; se usó large."}


def test_answers_and_results_of_jobs_have_warnings_only_where_there_are_any() -> None:
    view = transcript_view(WARNED, Options(), language="es")
    assert view["warnings"] == [{"code": "prompt_cut", "message": SPANISH}]
    assert "warnings" not in transcript_view(Transcript(text="", duration=1.0), Options(), language="es")


def test_verbose_answers_of_openais_api_have_them_too() -> None:
    body, _ = write_response(
        WARNED, OpenAIRequest(Options(), "verbose_json"), request_id="r-1", language="es"
    )
    assert json.loads(body)["warnings"] == [{"code": "prompt_cut", "message": SPANISH}]
    body, _ = write_response(WARNED, OpenAIRequest(Options(), "json"), request_id="r-1", language="es")
    assert "warnings" not in json.loads(body)


def test_a_transcript_that_was_stored_with_a_sentence_can_still_be_read() -> None:
    stored = '{"text":"hola","duration":1,"warnings":["Word times are not available."]}'
    [warning] = Transcript.model_validate_json(stored).warnings
    assert warning_view(warning, "es") == {"code": "note", "message": "Word times are not available."}


def test_a_stored_warning_stays_the_same() -> None:
    assert Transcript.model_validate_json(WARNED.model_dump_json(by_alias=True)) == WARNED


@pytest.mark.parametrize("code", SENTENCES)
def test_both_sentences_name_the_same_details(code: str) -> None:
    english, spanish = (set(re.findall(r"{(\w+)}", text)) for text in SENTENCES[code])
    assert english == spanish


def test_a_code_of_a_newer_version_still_has_a_view() -> None:
    unknown = TranscriptWarning(code="from_the_future", details={"text": "?"})
    assert warning_view(unknown, "en") == {"code": "from_the_future", "message": "?"}
