"""What Groq's refusals mean in our own errors, and what its headers tell of the quota.

Nothing that Groq says is passed on before organisation ids, keys and long opaque tokens are taken out.
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

# A bucket's reset tells when it is whole again, which can be most of a day; sooner there is room for some.
_LONGEST_GUESS = 600.0
_UNTOLD = 60.0
_LONGEST = 86400.0

# Request timeout, Groq's own "capacity exceeded" and "client closed request": the same may work at once.
_PASSING = frozenset({408, 498, 499})

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|d|h|m|s))+")
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TRY_AGAIN = re.compile(r"try again in ([0-9.a-zµ]+)", re.IGNORECASE)

_SECRETS = re.compile(
    r"""\b(?:(?:org|proj|project|user|key|gsk|req)_|sk[_-])[A-Za-z0-9_-]+  # says what it is
      | \bBearer\s+\S+
      | \b[\w.+-]+@[\w-]+\.[\w.-]+                                      # whose account it is
      | \b(?=[A-Za-z0-9_]*\d)[A-Za-z0-9_]{20,}                         # a long token, wherever it comes from
      | \b(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{32,}""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of the engine, read whole; header names are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def failure_of(answer: Answer) -> EscribaError | RetryLater:
    """What an answer other than 200 means. The status alone does not tell: 413 has two meanings."""
    error = _error(answer.body)
    message = error.get("message", "")
    match answer.status:
        case 429:
            return RetryLater(_wait(answer), redacted(message))
        case 413:
            return _too_much(error)
        case 401 | 403 if error or answer.status == 401:  # a 403 in HTML is the edge's, not about the key
            return EngineKeyInvalid()
        case status if status in _PASSING or status >= 500:
            return _broken(answer, message)
    return _refusal(error, answer.status)


def news_of(answer: Answer, model: str) -> QuotaNews:
    """What an answer tells of the quota; anything unreadable in its headers counts as not said.

    Only a 429 has a `retry_after` here: that of a 5xx is about the server's health, not about our account.
    """
    told = partial(_told, answer.headers)
    return QuotaNews(
        model=model,
        requests_limit=told("limit-requests"),
        requests_remaining=told("remaining-requests"),
        audio_limit=told("limit-audio-seconds"),
        audio_remaining=told("remaining-audio-seconds"),
        retry_after=_wait(answer) if answer.status == 429 else None,
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


def redacted(message: str) -> str:
    """One short line that may be shown and kept."""
    line = " ".join(_SECRETS.sub("[…]", message[:2000]).split())
    return "".join(character for character in line if character.isprintable())[:300]


def _error(body: bytes) -> dict[str, str]:
    """The fields of `{"error": {…}}` that are text; empty for HTML and other strangers."""
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


def _too_much(error: dict[str, str]) -> EscribaError:
    """Of audio, for the whole bucket: or of bytes, said in HTML at times."""
    if error.get("code") == "rate_limit_exceeded" or "seconds of audio" in error.get("message", ""):
        return AudioOverQuota()
    return EngineRefused(reason="it weighs more than the engine takes in one request (HTTP 413).")


def _refusal(error: dict[str, str], status: int) -> EscribaError:
    message = error.get("message", "").lower()
    if "too short" in message or error.get("code") == "audio_too_short":
        return AudioTooShort(minimum=SHORTEST_AUDIO)
    if "process file" in message or error.get("code") == "unsupported_audio_format":
        return AudioUnreadable()
    return EngineRefused(reason=redacted(error.get("message", "")) or f"HTTP {status}")


def _broken(answer: Answer, message: str) -> EngineBroken:
    told = parse_amount(answer.headers.get("retry-after"))
    reason = redacted(message) or "no reason given"
    told = None if told is None else min(told, _LONGEST)
    return EngineBroken(retry_after=told, reason=f"HTTP {answer.status}: {reason}")


def _wait(answer: Answer) -> float:
    """Seconds to wait after a 429: what it says, else when the spent bucket is whole, else a minute."""
    said = parse_amount(answer.headers.get("retry-after"))
    if said is None and (found := _TRY_AGAIN.search(_error(answer.body).get("message", ""))):
        said = parse_amount(found.group(1).rstrip("."))
    if said is None:
        said = _reset_of_what_is_spent(answer.headers)
    return min(max(said, 1.0), _LONGEST)


def _reset_of_what_is_spent(headers: Mapping[str, str]) -> float:
    resets = [
        _told(headers, f"reset-{bucket}") or _UNTOLD
        for bucket in ("requests", "audio-seconds")
        if _told(headers, f"remaining-{bucket}") == 0
    ]
    return min(max(resets, default=_UNTOLD), _LONGEST_GUESS)


def _told(headers: Mapping[str, str], name: str) -> float | None:
    return parse_amount(headers.get(f"x-ratelimit-{name}"))
