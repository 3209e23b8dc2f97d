"""Addresses of OpenAI's API: those that are served, and for the others the base URL that a client needs."""

from __future__ import annotations

# Of OpenAI's SDKs, whose base URL ends in /v1, and of Groq's.
PREFIXES = ("/v1", "/openai/v1")
AZURE = "/openai/deployments/{deployment}"

AUDIO = ("/audio/transcriptions", "/audio/translations")

# With `*` for any one segment.
UPLOADS = tuple(prefix + path for prefix in (*PREFIXES, AZURE.replace("{deployment}", "*")) for path in AUDIO)

# Below these, an address that is not served is a mistake in a base URL.
REFUSED = ("/v1", "/openai", "/audio", "/models")

_CALLS = (*AUDIO, "/models")


def right_address(path: str) -> tuple[str, str]:
    """The path of the base URL for the SDK that called `path`, and of the call itself.

    Groq's SDKs add `/openai/v1` to their base URL, all others only the call.
    """
    call = next((call for call in _CALLS if f"{call}/" in f"{path}/"), AUDIO[0])
    before = path.partition(call)[0]
    # Groq's base URL has no path, so whatever stands before its own is the mistake.
    if before.endswith("/openai/v1") and before != "/openai/v1":
        return "", f"/openai/v1{call}"
    return "/v1", f"/v1{call}"
