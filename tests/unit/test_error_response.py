"""Every failure has one shape, in the client's language."""

from __future__ import annotations

import json
import re

import pytest

from common.errors import Busy, EscribaError, Sentence, UploadTooLarge
from common.http.error_response import failure, spoken_language


def every_error(root: type[EscribaError] = EscribaError) -> list[type[EscribaError]]:
    return [root, *(error for child in root.__subclasses__() for error in every_error(child))]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("en-US,en;q=0.9,es;q=0.8", "en"),
        ("en;q=0.2, es;q=0.7", "es"),
        ("fr, es;q=0.1", "es"),
        ("fr", "en"),
        ("es;q=0", "en"),
        ("es;q=nonsense", "en"),
        ("es;level=1", "es"),
    ],
)
def test_the_language_is_the_one_that_the_client_prefers(header: str, language: str) -> None:
    assert spoken_language(header) == language


def test_a_failure_has_code_message_hint_and_request_id() -> None:
    status, headers, body = failure(UploadTooLarge(limit_mb=25), accept_language="es", request_id="r-1")
    error = json.loads(body)["error"]
    assert status == 413
    assert error["code"] == "upload_too_large"
    assert error["message"] == "El archivo pesa más de 25 MB."
    assert error["hint"]
    assert error["requestId"] == "r-1"
    assert dict(headers)[b"content-language"] == b"es"


def test_retry_after_is_in_header_and_body_rounded_up() -> None:
    _, headers, body = failure(Busy(retry_after=1.2), accept_language="", request_id="r")
    assert dict(headers)[b"retry-after"] == b"2"
    assert json.loads(body)["error"]["retryAfter"] == 2


def test_codes_are_unique_and_listed_in_the_tree() -> None:
    from common.errors import escriba_error as module

    codes = [error.code for error in every_error() if "code" in vars(error)]
    assert len(codes) == len(set(codes))
    listed = set(re.findall(r"(\d{3}) (\w+)$", module.__doc__ or "", re.MULTILINE))
    real = {(str(error.status), error.code) for error in every_error() if "code" in vars(error)}
    assert listed == real


def test_both_languages_name_the_same_details() -> None:
    def names(sentence: str) -> set[str]:
        return set(re.findall(r"{(\w+)}", sentence))

    for error in every_error():
        for sentence in (error.sentence, error.hint):
            if isinstance(sentence, Sentence):
                assert names(sentence.en) == names(sentence.es), error
                assert sentence.en != sentence.es, error


def test_a_missing_detail_does_not_hide_the_failure() -> None:
    assert UploadTooLarge().message("en") == "The file is larger than ? MB."
