"""Where a request may carry its key or token."""

from __future__ import annotations

import pytest

from common.access.credentials import find_credential

KEY = "esc_1a2b3c4d_secret"
TICKET = "est_body.signature"


@pytest.mark.parametrize(
    ("headers", "query", "found"),
    [
        ({"authorization": f"Bearer {KEY}"}, "", KEY),
        ({"authorization": f"bearer   {KEY} "}, "", KEY),
        ({"x-api-key": KEY}, "", KEY),
        ({"api-key": KEY}, "api-version=1", KEY),
        ({"authorization": f"Bearer {KEY}", "x-api-key": "other"}, "", KEY),
        ({"authorization": "Basic dXNlcjpwYXNz"}, "", None),
        ({"authorization": "Bearer"}, "", None),
        ({"sec-websocket-protocol": f"escriba, {TICKET}"}, "", TICKET),
        ({"sec-websocket-protocol": TICKET}, "", None),
        ({"sec-websocket-protocol": "escriba"}, "", None),
        ({}, f"after=3&ticket={TICKET}", TICKET),
        ({}, f"ticket={KEY}", None),
        ({"x-api-key": KEY}, f"ticket={TICKET}", KEY),
        ({}, "", None),
    ],
)
def test_headers_come_first_and_an_address_carries_tokens_only(
    headers: dict[str, str], query: str, found: str | None
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert find_credential(raw, query.encode()) == found


def test_a_text_without_end_is_cut() -> None:
    found = find_credential([(b"x-api-key", b"x" * 100_000)], b"")
    assert found is not None
    assert len(found) == 2048
