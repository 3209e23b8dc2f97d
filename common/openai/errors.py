"""Our errors in OpenAI's shape, with the statuses by which its SDKs raise their own classes.

https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import json
import math

from common.errors import (
    AudioRefused,
    DownloadFailed,
    EngineKeyInvalid,
    EngineQuotaSpent,
    EscribaError,
    FileEmpty,
    FileMissing,
    FileRepeated,
    KeyExpired,
    KeyInvalid,
    KeyMissing,
    RetryLater,
    UploadNeedsTicket,
    UploadTooLarge,
    UrlIsPage,
)
from common.http.error_response import Headers, spoken_language

# Where Retry-After is longer, the SDKs ignore it and send the whole recording again at once.
_MAX_PAUSE = 60.0  # seconds

_FILE_ERRORS = (AudioRefused, FileEmpty, FileMissing, FileRepeated, UploadNeedsTicket, UploadTooLarge)


def refusal(
    failure: EscribaError | RetryLater, *, accept_language: str, request_id: str
) -> tuple[int, Headers, bytes]:
    """Status, headers and body."""
    error = _error_of(failure)
    language = spoken_language(accept_language)
    body = json.dumps(error_body(error, accept_language=accept_language), ensure_ascii=False).encode()
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"content-language", language.encode()),
        (b"vary", b"Accept-Language"),
        (b"x-request-id", request_id.encode("latin-1", "replace")),
        (b"x-should-retry", b"true" if _is_worth_retrying(error) else b"false"),
    ]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(error.retry_after)).encode()))
    return status_of(error), headers, body


def code_of(failure: EscribaError | RetryLater) -> str:
    """Our own code of it, as metrics count it."""
    return EngineQuotaSpent.code if isinstance(failure, RetryLater) else failure.code


def error_body(failure: EscribaError | RetryLater, *, accept_language: str) -> dict[str, object]:
    """`{"error": {message, type, param, code}}`; the hint is part of the message."""
    error = _error_of(failure)
    language = spoken_language(accept_language)
    message = " ".join(filter(None, (error.message(language), error.advice(language))))
    return {"error": {"message": message, "type": _type(error), "param": _param(error), "code": _code(error)}}


def _error_of(failure: EscribaError | RetryLater) -> EscribaError:
    if isinstance(failure, RetryLater):
        return failure.error or EngineQuotaSpent(retry_after=failure.delay)
    return failure


def status_of(error: EscribaError) -> int:
    """As OpenAI's API: 400 for a wrong parameter or recording, 429 for every spent quota."""
    if isinstance(error, EngineQuotaSpent):
        return 429
    if isinstance(error, EngineKeyInvalid):
        return 401
    return 400 if error.status == 422 or isinstance(error, AudioRefused | UrlIsPage) else error.status


def _type(error: EscribaError) -> str:
    status = status_of(error)
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def _code(error: EscribaError) -> str:
    """Our own codes, except where programs look for OpenAI's."""
    if isinstance(error, EngineQuotaSpent):
        return "rate_limit_exceeded"
    is_key_wrong = isinstance(error, EngineKeyInvalid | KeyExpired | KeyInvalid | KeyMissing)
    return "invalid_api_key" if is_key_wrong else error.code


def _param(error: EscribaError) -> str | None:
    if "option" in error.details:
        return str(error.details["option"])
    if isinstance(error, _FILE_ERRORS):
        return "file"
    if isinstance(error, DownloadFailed):
        return "url"
    return next((name for name in ("language", "model") if name in error.details), None)


def _is_worth_retrying(error: EscribaError) -> bool:
    return error.retryable and (error.retry_after or 0.0) <= _MAX_PAUSE
