"""Turns Groq's error responses into our own errors, and its headers into news of the quota.

Organisation ids, keys and long opaque tokens are removed from every message before it is passed on.
https://console.groq.com/docs/errors
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from common.errors import (
    AudioOverQuota,
    AudioTooShort,
    AudioUnreadable,
    EngineBroken,
    EngineKeyInvalid,
    EngineRefused,
    EscribaError,
    RetryLater,
)
from common.quota import QuotaNews

SHORTEST_AUDIO = 0.01

# Seconds to wait after a 429 that does not say how long. A bucket's reset says when it is full again, which
# can take most of a day; a part of it is free sooner.
_LONGEST_RESET = 600.0
_DEFAULT_WAIT = 60.0
_LONGEST_WAIT = 86400.0

# Request timeout, Groq's own "capacity exceeded" and "client closed request": a retry may succeed at once.
_TRANSIENT = frozenset({408, 498, 499})

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|d|h|m|s))+")
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TRY_AGAIN = re.compile(r"try again in ([0-9.a-zµ]+)", re.IGNORECASE)

_SECRETS = re.compile(
    r"""\b(?:(?:org|proj|project|user|key|gsk|req)_|sk[_-])[A-Za-z0-9_-]+  # its prefix says what it is
      | \bBearer\s+\S+
      | \b[\w.+-]+@[\w-]+\.[\w.-]+                                      # whose account it is
      | \b(?=[A-Za-z0-9_]*\d)[A-Za-z0-9_]{20,}                         # any other long token
      | \b(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{32,}""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class EngineResponse:
    """An HTTP response of the engine with its whole body; header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def error_from(response: EngineResponse) -> EscribaError | RetryLater:
    """The error of a response other than 200. The status alone is not enough: 413 has two meanings."""
    error = _parse_error(response.body)
    message = error.get("message", "")
    match response.status:
        case 429:
            return RetryLater(_retry_delay(response), redact(message))
        case 413:
            return _too_large(error)
        case 401 | 403 if error or response.status == 401:  # a 403 in HTML is from Groq's proxy: no bad key
            return EngineKeyInvalid()
        case status if status in _TRANSIENT or status >= 500:
            return _engine_broken(response, message)
    return _refusal(error, response.status)


def quota_news_from(response: EngineResponse, model: str) -> QuotaNews:
    """The quota that a response states; a header that cannot be parsed counts as missing.

    `retry_after` is set for a 429 only: that of a 5xx is about the server's health, not about our quota.
    """
    header = partial(_quota_header, response.headers)
    return QuotaNews(
        model=model,
        requests_limit=header("limit-requests"),
        requests_remaining=header("remaining-requests"),
        audio_limit=header("limit-audio-seconds"),
        audio_remaining=header("remaining-audio-seconds"),
        retry_after=_retry_delay(response) if response.status == 429 else None,
    )


def parse_amount(text: str | None) -> float | None:
    """A plain number, or seconds from `2m59.56s` or `500ms`; None for anything else."""
    text = (text or "").strip()
    try:
        if _DURATION.fullmatch(text):
            number = sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(text))
        else:
            number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def redact(message: str) -> str:
    """The message as one short line that may be shown and stored."""
    line = " ".join(_SECRETS.sub("[…]", message[:2000]).split())
    return "".join(character for character in line if character.isprintable())[:300]


def _parse_error(body: bytes) -> dict[str, str]:
    """The fields of `{"error": {…}}` that are text; empty for HTML or any other body."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(error, str):
        return {"message": error}
    if not isinstance(error, dict):
        return {}
    return {name: value for name, value in error.items() if isinstance(value, str)}


def _too_large(error: dict[str, str]) -> EscribaError:
    """A 413: either more audio than a whole bucket allows, or too many bytes (at times in HTML)."""
    if error.get("code") == "rate_limit_exceeded" or "seconds of audio" in error.get("message", ""):
        return AudioOverQuota()
    return EngineRefused(reason="it weighs more than the engine takes in one request (HTTP 413).")


def _refusal(error: dict[str, str], status: int) -> EscribaError:
    message = error.get("message", "").lower()
    if "too short" in message or error.get("code") == "audio_too_short":
        return AudioTooShort(minimum=SHORTEST_AUDIO)
    if "process file" in message or error.get("code") == "unsupported_audio_format":
        return AudioUnreadable()
    return EngineRefused(reason=redact(error.get("message", "")) or f"HTTP {status}")


def _engine_broken(response: EngineResponse, message: str) -> EngineBroken:
    delay = parse_amount(response.headers.get("retry-after"))
    reason = redact(message) or "no reason given"
    retry_after = None if delay is None else min(delay, _LONGEST_WAIT)
    return EngineBroken(retry_after=retry_after, reason=f"HTTP {response.status}: {reason}")


def _retry_delay(response: EngineResponse) -> float:
    """Seconds to wait after a 429: from Retry-After, else its message, else its quota headers."""
    delay = parse_amount(response.headers.get("retry-after"))
    if delay is None and (match := _TRY_AGAIN.search(_parse_error(response.body).get("message", ""))):
        delay = parse_amount(match.group(1).rstrip("."))
    if delay is None:
        delay = _reset_of_empty_buckets(response.headers)
    return min(max(delay, 1.0), _LONGEST_WAIT)


def _reset_of_empty_buckets(headers: Mapping[str, str]) -> float:
    resets = [
        _quota_header(headers, f"reset-{bucket}") or _DEFAULT_WAIT
        for bucket in ("requests", "audio-seconds")
        if _quota_header(headers, f"remaining-{bucket}") == 0
    ]
    return min(max(resets, default=_DEFAULT_WAIT), _LONGEST_RESET)


def _quota_header(headers: Mapping[str, str], name: str) -> float | None:
    return parse_amount(headers.get(f"x-ratelimit-{name}"))
