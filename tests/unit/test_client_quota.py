"""What a client may take of the engine's quota: its limits, and the part that it leaves to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.access.client_quota import ClientQuota, ClientUse, first_use
from common.errors import AudioOverQuota, RetryLater, TooMuchAudio
from common.models import NO_LIMITS, Limits
from common.quota import Quota
from common.token_bucket import CLOCK_JITTER, HOUR

T = TypeVar("T")
NOW = 1_800_000_000.0


@dataclass
class MemoryAccount:
    use: ClientUse

    async def change(self, decide: Callable[[ClientUse], tuple[ClientUse, T]]) -> T:
        self.use, answer = decide(self.use)
        return answer

    async def read(self) -> ClientUse:
        return self.use


def quota_of(limits: Limits, client: str = "key:1a2b3c4d") -> ClientQuota:
    use, limited = first_use(Quota(), limits, NO_LIMITS)
    return ClientQuota(client, MemoryAccount(use), limited)


async def test_a_client_with_a_limit_waits_once_it_is_used_and_its_error_says_whose_and_which() -> None:
    client = quota_of(Limits(audio_per_hour=600))
    for _ in range(2):
        await client.charge(NOW, 300)
    with pytest.raises(RetryLater) as caught:
        await client.charge(NOW, 60)
    assert caught.value.delay == pytest.approx(HOUR / 10, abs=0.1)
    error = caught.value.error
    assert isinstance(error, TooMuchAudio)
    assert error.message("en").startswith("Your access key may have 600 seconds of audio transcribed an hour")
    assert error.message("es").startswith(
        "Tu clave de acceso puede transcribir 600 segundos de audio por hora"
    )
    await client.charge(NOW + HOUR / 10 + 1, 60)


async def test_what_the_engine_did_not_charge_for_is_given_back() -> None:
    client = quota_of(Limits(audio_per_hour=600))
    await client.charge(NOW, 600)
    await client.refund(NOW, 600, reserved_at=NOW)
    await client.charge(NOW, 600)


async def test_a_recording_beyond_a_whole_limit_fails_instead_of_waiting_for_ever() -> None:
    with pytest.raises(AudioOverQuota):
        await quota_of(Limits(audio_per_hour=60)).charge(NOW, 61)


async def test_a_client_without_limits_of_its_own_is_counted_and_never_refused() -> None:
    client = quota_of(NO_LIMITS)
    for _ in range(10):
        used = await client.charge(NOW, 7_000)
    assert used["audio_per_hour"] == 7_200


@pytest.mark.parametrize(
    ("own", "defaults", "limit"),
    [(50, None, 50), (None, 70, 70), (50, 70, 50), (None, None, None)],
)
def test_the_limit_of_a_key_wins_over_the_settings(
    own: int | None, defaults: int | None, limit: int | None
) -> None:
    use, limited = first_use(Quota(), Limits(audio_per_day=own), Limits(audio_per_day=defaults))
    assert limited == (frozenset({"audio_per_day"}) if limit else frozenset())
    assert use.audio_per_day.limit == (limit or Quota().audio_per_day.limit)


async def test_a_greedy_client_leaves_a_tenth_of_the_engines_quota_to_another() -> None:
    engine, greedy = Quota(), quota_of(NO_LIMITS)
    taken = 0
    while True:
        used = await greedy.charge(NOW, 600)
        engine, wait = engine.take(NOW, 600, used=used, share=0.5)
        if wait:
            break
        taken += 1
    assert taken == 10  # 6000 s of 7200: another 600 would touch the last 720
    assert wait.is_share
    engine, wait = engine.take(NOW, 600, used=await quota_of(NO_LIMITS).charge(NOW, 600), share=0.5)
    assert wait is None


async def test_a_server_of_ones_own_uses_the_whole_quota() -> None:
    engine, client = Quota(), quota_of(NO_LIMITS)
    for _ in range(12):
        engine, wait = engine.take(NOW, 600, used=await client.charge(NOW, 600), share=1)
        assert wait is None
    _, wait = engine.take(NOW, 600, used=await client.charge(NOW, 0), share=0.5)
    assert wait
    assert not wait.is_share  # nothing is left for anybody


@given(
    st.lists(st.tuples(st.floats(-CLOCK_JITTER, HOUR), st.floats(0, 900)), max_size=60),
    st.integers(900, 5000),
)
def test_no_stretch_of_time_gets_more_audio_than_the_limit_and_its_refill(
    steps: list[tuple[float, float]], limit: int
) -> None:
    """Also while the clock is adjusted in small steps back."""
    use, limited = first_use(Quota(), Limits(audio_per_hour=limit), NO_LIMITS)
    now, newest, granted = NOW, NOW, 0.0
    for pause, seconds in steps:
        now += pause
        newest = max(newest, now)
        use, wait = use.charge(now, seconds, limited)
        granted += 0 if wait else max(seconds, 10.0)
        assert granted <= limit * (1 + (newest - NOW) / HOUR) + 1e-6
