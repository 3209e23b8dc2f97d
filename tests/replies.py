"""Replies for the stand-in upstream: transcripts in Groq's format, its errors, and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any] | str | None


@dataclass(frozen=True)
class Reply:
    """One reply. `body`: a dict is sent as JSON, a string as it is, None is the default transcript.

    `read`: bytes of the request body that are read before the reply (None: all). `delay`: seconds before the
    reply. `hang`: no reply at all, until the client closes. `send`: the share of the reply that goes out
    before the connection is cut (1: all, 0: none). `drip`: seconds between hundredths of the reply.
    """

    status: int = 200
    body: Body = None
    headers: dict[str, str] = field(default_factory=dict)
    read: int | None = None
    delay: float = 0.0
    hang: bool = False
    send: float = 1.0
    drip: float = 0.0


def transcription(
    text: str, *, headers: dict[str, str] | None = None, delay: float = 0.0, **more: Any
) -> Reply:
    """A transcript; `more` are further fields of verbose_json, such as `segments` and `words`.

    Without `segments` and `words`, each word takes half a second and all of them are one segment.
    """
    words = [
        {"word": word, "start": index / 2, "end": (index + 1) / 2} for index, word in enumerate(text.split())
    ]
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": len(words) / 2,
        "text": f" {text}",
        "tokens": [50364, 1, 2, 50414],
        "temperature": 0.0,
        "avg_logprob": -0.2,
        "compression_ratio": 1.2,
        "no_speech_prob": 0.01,
    }
    usual = {"language": "English", "duration": len(words) / 2, "segments": [segment], "words": words}
    return Reply(body={"text": f" {text}", **usual, **more}, headers=headers or {}, delay=delay)


def groq_error(status: int, message: str, *, headers: dict[str, str] | None = None, **error: str) -> Reply:
    """An error in Groq's shape; `error` adds `type`, `code` or `param`."""
    return Reply(status, {"error": {"message": message, **error}}, headers or {})


def rate_limited(*, retry_after: float | None = 100, headers: dict[str, str] | None = None) -> Reply:
    """429 for audio-seconds of the hour; it names an organisation, as Groq does."""
    return groq_error(
        429,
        "Rate limit reached for model `whisper-large-v3-turbo` in organization"
        " `org_01abcdefgh2345jkmnpqrstvwx` service tier `on_demand` on seconds of audio per hour (ASPH):"
        " Limit 7200, Used 7170, Requested 230. Please try again in 1m39.738s. Need more tokens?"
        " Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        type="seconds",
        code="rate_limit_exceeded",
        headers=({} if retry_after is None else {"retry-after": f"{retry_after:g}"}) | (headers or {}),
    )


def over_quota() -> Reply:
    """413 for audio, not bytes: one request has more seconds than the hour's bucket."""
    return groq_error(
        413,
        "Request too large for model `whisper-large-v3` in organization `org_01abcdefgh2345jkmnpqrstvwx`"
        " on seconds of audio per hour (ASPH): Limit 7200, Requested 9000.",
        type="seconds",
        code="rate_limit_exceeded",
    )


def too_large() -> Reply:
    """413 for bytes, as the API sends it."""
    return groq_error(413, "Request Entity Too Large", type="invalid_request_error", code="request_too_large")


def html(status: int, **how: Any) -> Reply:
    """An HTML page of the proxy in front of the API."""
    page = f"<html>\n<head><title>{status}</title></head>\n<body><center>cloudflare</center></body></html>\n"
    return Reply(status, page, {"content-type": "text/html"}, **how)


def bad_key() -> Reply:
    return groq_error(401, "Invalid API Key", type="invalid_request_error", code="invalid_api_key")


def broken(status: int = 500, *, headers: dict[str, str] | None = None) -> Reply:
    return groq_error(status, "Internal Server Error", type="internal_server_error", headers=headers)


def not_media() -> Reply:
    return groq_error(400, "could not process file - is it a valid media file?", type="invalid_request_error")


def too_short() -> Reply:
    message = "Audio file is too short. Minimum audio length is 0.01 seconds."
    return groq_error(400, message, type="invalid_request_error", code="audio_too_short")


def quota_headers(**amounts: str) -> dict[str, str]:
    """`quota_headers(remaining_requests="3")` → `{"x-ratelimit-remaining-requests": "3"}`."""
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in amounts.items()}
