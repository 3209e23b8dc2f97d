"""GET /quota on both deployment targets; tests/acceptance/test_shares.py looks at what it says."""

from __future__ import annotations

from tests.endpoints.targets import Targets


def test_it_answers_what_it_knows_and_is_not_cached(targets: Targets) -> None:
    answer = targets("GET", "/quota?minutes=3", compare=False)
    assert answer.status == 200
    assert set(answer.json()) <= {"engine", "client", "forecast"}
    assert answer.headers["cache-control"] == "no-store"


def test_minutes_are_a_number(targets: Targets) -> None:
    answer = targets("GET", "/quota?minutes=nan", compare=False)
    assert (answer.status, answer.json()["error"]["code"]) == (422, "option_invalid")
