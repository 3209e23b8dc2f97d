"""How many requests a client may send a minute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.access import rates as module
from common.access.caller import Caller, client_without_key
from common.access.rates import RequestRates
from common.http.rate_headers import rate_headers
from common.models import Limits
from common.token_bucket import CLOCK_JITTER

NOW = 1_800_000_000.0
STRANGER = client_without_key("address:203.0.113.7")


def caller(key_id: str, per_minute: int | None = None) -> Caller:
    limits = Limits(requests_per_minute=per_minute)
    return Caller("key", f"key:{key_id}", frozenset(), key_id, limits=limits)


def test_a_client_is_refused_beyond_its_rate_and_another_is_not() -> None:
    rates = RequestRates(3)
    seen = [rates.take(STRANGER, NOW) for _ in range(4)]
    assert [rate.remaining for rate in seen if rate] == [2, 1, 0, 0]
    assert [rate.retry_after > 0 for rate in seen if rate] == [False, False, False, True]
    assert seen[3]
    assert seen[3].retry_after == pytest.approx(20, abs=0.1)
    assert rates.take(client_without_key("address:203.0.113.8"), NOW)
    again = rates.take(STRANGER, NOW + 21)
    assert again
    assert again.retry_after == 0
    assert rates.refused == 1


def test_a_key_has_its_own_rate_with_all_its_tokens() -> None:
    rates = RequestRates(600)
    token = Caller("token", "key:a/ana", frozenset(), "a/ana", "ana", limits=Limits(requests_per_minute=2))
    seen = [rates.take(each, NOW) for each in (caller("a", 2), token, token)]
    assert [rate.remaining for rate in seen if rate] == [1, 0, 0]


@pytest.mark.parametrize("client", ["address:127.0.0.1", "address:::/64", "address:unknown"])
def test_programs_on_the_servers_own_machine_are_not_counted(client: str) -> None:
    assert RequestRates(1).take(client_without_key(client), NOW) is None


def test_the_client_that_was_silent_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    rates = RequestRates(2)
    for name in ("a", "b", "a", "c"):
        rates.take(caller(name), NOW)
    left = [rates.look(caller(name), NOW) for name in ("a", "b", "c")]
    assert [rate.remaining for rate in left if rate] == [0, 2, 1]


def test_headers_name_the_policy_and_what_is_left() -> None:
    rate = RequestRates(60).take(STRANGER, NOW)
    assert rate
    assert dict(rate_headers(rate, "/job/x")) == {
        b"ratelimit-policy": b'"requests";q=60;w=60',
        b"ratelimit": b'"requests";r=59;t=1',
    }
    assert dict(rate_headers(rate, "/v1/models"))[b"x-ratelimit-remaining-requests"] == b"59"


@given(st.lists(st.floats(-CLOCK_JITTER, 120), max_size=80), st.integers(1, 50))
def test_no_stretch_of_time_gets_more_requests_than_the_limit_and_its_refill(
    pauses: list[float], limit: int
) -> None:
    """Also while the clock is adjusted in small steps back."""
    rates, now, newest, granted = RequestRates(limit), NOW, NOW, 0
    for pause in pauses:
        now += pause
        newest = max(newest, now)
        rate = rates.take(STRANGER, now)
        assert rate
        granted += not rate.retry_after
        assert granted <= limit * (1 + (newest - NOW) / 60) + 1e-6
