"""The line that a person who starts the server sees."""

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
def test_the_banner_is_one_line_with_the_address_and_the_engine_and_no_key(
    settings: Settings, engine: str
) -> None:
    line = banner(settings, port=8001, problem=None, with_command=False)
    assert line == f"Escriba listens on http://127.0.0.1:8001, {engine}."


def test_on_a_terminal_a_command_to_paste_follows() -> None:
    lines = banner(Settings(), port=8001, problem=None, with_command=True)
    assert "\n  curl -F file=@tests/data/english.flac http://127.0.0.1:8001/transcribe\n" in lines


@pytest.mark.parametrize(
    ("settings", "warns"),
    [
        (Settings(), False),
        (Settings(host="0.0.0.0"), True),
        (Settings(host="192.0.2.7", admin_key="a" * 32), False),
        (Settings(host="::", api_keys=f"page {'0' * 64}"), False),
    ],
)
def test_a_server_that_others_can_reach_says_that_it_asks_for_no_key(settings: Settings, warns: bool) -> None:
    lines = banner(settings, port=8001, problem=None, with_command=False).splitlines()
    assert ["ADMIN_KEY" in line for line in lines[1:]] == [True] * warns


def test_a_missing_engine_is_named_with_its_remedy() -> None:
    line = banner(Settings(), port=8001, problem="no engine: set GROQ_API_KEY", with_command=False)
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
def test_the_address_can_be_connected_to(host: str, url: str) -> None:
    assert address(host, 80) == url
