"""What the server says once it listens: where, with which engine and, on a terminal, a command to paste."""

from __future__ import annotations

from common.settings import GROQ_URL, Settings

# Addresses that mean "every one of mine": nobody can connect to them by that name.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound


def banner(settings: Settings, *, port: int, problem: str | None, to_person: bool) -> str:
    """One line; `problem` says why there is no engine. With `to_person` a command to try it follows."""
    url = address(settings.host, port)
    line = f"Escriba listens on {url}, {problem or _engine(settings)}."
    return f"{line}\n\n  curl -F file=@tests/data/english.flac {url}/transcribe\n" if to_person else line


def address(host: str, port: int) -> str:
    """Where somebody on this machine reaches it."""
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _engine(settings: Settings) -> str:
    if settings.engine == "embedded":
        return "with the embedded engine (set GROQ_API_KEY to use Groq, faster and far more accurate)"
    return "with Groq" if settings.groq_base_url == GROQ_URL else f"with {settings.groq_base_url}"
