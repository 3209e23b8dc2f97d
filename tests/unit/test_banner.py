"""The line that greets whoever starts the server."""

from __future__ import annotations

import pytest

from common.local.server.banner import address, banner
from common.settings import Settings


@pytest.mark.parametrize(
    ("settings", "engine"),
    [
        (Settings(groq_api_key="gsk_secret"), "with Groq"),
        (Settings(groq_base_url="http://127.0.0.1:9999/v1"), "with http://127.0.0.1:9999/v1"),
        (Settings(), "with the embedded engine (set GROQ_API_KEY to use Groq, faster and far more accurate)"),
    ],
)
def test_it_is_one_line_with_the_address_and_the_engine_and_no_key(settings: Settings, engine: str) -> None:
    line = banner(settings, port=8001, problem=None, to_person=False)
    assert line == f"Escriba listens on http://127.0.0.1:8001, {engine}."


def test_a_person_gets_a_command_to_paste() -> None:
    told = banner(Settings(), port=8001, problem=None, to_person=True)
    assert "\n  curl -F file=@tests/data/english.flac http://127.0.0.1:8001/transcribe\n" in told


def test_a_missing_engine_is_told_instead_of_one() -> None:
    line = banner(Settings(), port=8001, problem="no engine: set GROQ_API_KEY", to_person=False)
    assert line == "Escriba listens on http://127.0.0.1:8001, no engine: set GROQ_API_KEY."


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("192.168.1.2", "http://192.168.1.2:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_address_is_one_to_connect_to(host: str, url: str) -> None:
    assert address(host, 80) == url
