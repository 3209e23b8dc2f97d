"""GET /quota on both deployment targets."""

from __future__ import annotations

from tests.endpoints.targets import Targets


def test_a_client_learns_what_the_engine_still_allows(targets: Targets) -> None:
    answer = targets("GET", "/quota?minutes=3", compare=False)
    assert answer.status == 200
    view = answer.json()
    window = view["engine"]["audioPerHour"]
    assert window["limit"] >= window["remaining"] >= 0
    assert window["fullAt"].endswith("Z")
    assert answer.headers["cache-control"] == "no-store"


def test_minutes_are_a_number(targets: Targets) -> None:
    answer = targets("GET", "/quota?minutes=nan", compare=False)
    assert (answer.status, answer.json()["error"]["code"]) == (422, "option_invalid")
