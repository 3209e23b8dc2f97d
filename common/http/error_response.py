"""The one shape of every failure: `{error: {code, message, hint?, requestId, retryAfter?}}`."""

from __future__ import annotations

import json
import math

from common.errors import EscribaError, Language

Headers = list[tuple[bytes, bytes]]

# A browser takes a transcript or an error for what it says it is, never for a page.
NO_SNIFFING = (b"x-content-type-options", b"nosniff")


def spoken_language(accept_language: str) -> Language:
    """Spanish when the client prefers it to English (RFC 9110, 12.5.4), English otherwise."""
    weights = {"en": 0.0, "es": 0.0}
    for position, part in enumerate(accept_language[:200].split(",")):
        tag, _, parameters = part.strip().lower().partition(";")
        language = tag.split("-")[0]
        if language in weights:
            # Of two languages with the same weight, the first counts.
            weights[language] = max(weights[language], _weight(parameters) - position / 1000)
    return "es" if weights["es"] > weights["en"] else "en"


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def failure_body(error: EscribaError, *, language: Language, request_id: str) -> dict[str, object]:
    """The JSON that says to a person what happened and what to do."""
    fields: dict[str, object] = {"code": error.code, "message": error.message(language)}
    if hint := error.advice(language):
        fields["hint"] = hint
    fields["requestId"] = request_id
    if error.retry_after is not None:
        fields["retryAfter"] = math.ceil(error.retry_after)
    return {"error": fields}


def failure(error: EscribaError, *, accept_language: str, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body, also for callers that respond without a framework."""
    language = spoken_language(accept_language)
    body = json.dumps(failure_body(error, language=language, request_id=request_id), ensure_ascii=False)
    encoded = body.encode()
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(encoded)).encode()),
        (b"content-language", language.encode()),
        (b"vary", b"Accept-Language"),
        NO_SNIFFING,
        (b"x-request-id", request_id.encode("latin-1", "replace")),
    ]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(error.retry_after)).encode()))
    return error.status, headers, encoded
