"""What the server prints once it listens: its address, its engine and, on a terminal, a command to paste."""

from __future__ import annotations

from common.http.foreign_pages import is_loopback
from common.settings import GROQ_URL, Settings

# Addresses that stand for all of a machine's own; nobody can connect to them.
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound


def banner(settings: Settings, *, port: int, problem: str | None, with_command: bool) -> str:
    """One line; `problem` says why there is no engine. With `with_command` a command to try it follows.

    A second line warns of a server that others can reach and that asks for no key.
    """
    url = address(settings.host, port)
    line = f"Escriba listens on {url}, {problem or _engine(settings)}."
    if not (is_loopback(settings.host) or settings.has_access_keys):
        line += "\nEverybody who reaches it may use it: set ADMIN_KEY or PAGE_PASSWORD."
    return f"{line}\n\n  curl -F file=@tests/data/english.flac {url}/transcribe\n" if with_command else line


def address(host: str, port: int) -> str:
    """The URL by which a client on this machine reaches the server."""
    host = _WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _engine(settings: Settings) -> str:
    if settings.engine == "embedded":
        return "with the embedded engine (set GROQ_API_KEY to use Groq, faster and far more accurate)"
    return "with Groq" if settings.groq_base_url == GROQ_URL else f"with {settings.groq_base_url}"
