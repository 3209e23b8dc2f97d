"""How much the engine still lets us ask: pure arithmetic of requests and audio-seconds, no I/O, no clock.

Groq counts in buckets that refill steadily, not in windows that start over. Its own words show it: "Limit
7200, Used 5956, Requested 2336. Please try again in 9m6s" is 1092 s too many at 2 s per second; 2 requests
used of 2000 a day reset in 1m26.4s, twice 43.2 s. So the same is counted here: what was used drains at
`limit / period`, and over any time t at most `limit × (1 + t / period)` is let through.
https://console.groq.com/docs/rate-limits
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field, ValidationError

from common.errors import AudioOverQuota
from common.models import Value

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

# At least 10 s are billed for any audio. Whether the buckets count it too is not documented: assume so.
BILLED_AT_LEAST = 10.0

# Clocks of two machines, or one that is being steered, differ by less; a real step back is more.
CLOCK_JITTER = 60.0

# A limit said to be smaller would shut the account for good: nothing more would be asked, nor learnt.
_BELIEVABLE = BILLED_AT_LEAST

# A wait is rounded up to this, so that floating point cannot make it end a breath too early.
_GRAIN = 0.001


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: ask again after `delay` seconds; `bucket` names what is spent."""

    delay: float
    bucket: str


class QuotaNews(Value):
    """What one answer of the engine told about one model's buckets; None where it said nothing.

    Requests are those of the day, audio-seconds those of the hour. Resets are seconds until a bucket is
    whole again; `retry_after` comes with refusals only.
    """

    model: str
    requests_limit: float | None = None
    requests_remaining: float | None = None
    requests_reset: float | None = None
    audio_limit: float | None = None
    audio_remaining: float | None = None
    audio_reset: float | None = None
    retry_after: float | None = None

    @property
    def silent(self) -> bool:
        return not self.model_dump(exclude={"model"}, exclude_none=True)


class Bucket(Value):
    """`used` of `limit` was taken when last looked at; it drains wholly in `period` seconds.

    A pinned limit comes from the settings; what the engine says of its limit does not change it.
    """

    limit: float = Field(gt=0)
    period: float = Field(gt=0)
    used: float = Field(0.0, ge=0)
    pinned: bool = False

    def drain(self, seconds: float) -> Bucket:
        return self._with(used=max(0.0, self.used - seconds * self.limit / self.period))

    def take(self, amount: float) -> Bucket:
        return self._with(used=self.used + amount)

    def give_back(self, amount: float, after: float) -> Bucket:
        """Return what of `amount` has not drained in the `after` seconds since it was taken."""
        left = max(0.0, amount - after * self.limit / self.period)
        return self._with(used=max(0.0, self.used - left))

    def wait(self, amount: float) -> float:
        """Seconds until `amount` fits."""
        return max(0.0, (self.used + amount - self.limit) * self.period / self.limit)

    def learn(self, limit: float | None, remaining: float | None) -> Bucket:
        """Believe the engine's limit, and its `remaining` where that is less than ours."""
        theirs = limit if limit is not None and limit >= _BELIEVABLE else self.limit
        ours = self.limit if self.pinned else theirs
        used = self.used if remaining is None else max(self.used, ours - remaining)
        return self._with(limit=ours, used=min(used, ours))

    def scale(self, factor: float) -> Bucket:
        return self if self.pinned else self._with(limit=self.limit * factor)

    def _with(self, *, used: float | None = None, limit: float | None = None) -> Bucket:
        return self.model_copy(
            update={
                "used": self.used if used is None else used,
                "limit": self.limit if limit is None else limit,
            }
        )


class Quota(Value):
    """The account of one model: four buckets, looked at `at` (epoch seconds), shut until `shut_until`.

    Every method takes `now` and answers a new Quota; a `now` before `at` never gives anything back.
    Starts full, with Groq's free table: https://console.groq.com/docs/rate-limits
    """

    at: float = 0.0
    shut_until: float = 0.0
    requests_per_minute: Bucket = Field(default_factory=lambda: Bucket(limit=20, period=MINUTE))
    requests_per_day: Bucket = Field(default_factory=lambda: Bucket(limit=2_000, period=DAY))
    audio_per_hour: Bucket = Field(default_factory=lambda: Bucket(limit=7_200, period=HOUR))
    audio_per_day: Bucket = Field(default_factory=lambda: Bucket(limit=28_800, period=DAY))

    @classmethod
    def with_limits(
        cls,
        *,
        requests_per_minute: float | None = None,
        requests_per_day: float | None = None,
        audio_per_hour: float | None = None,
        audio_per_day: float | None = None,
    ) -> Quota:
        """The free table, save for the limits given, which no header changes."""
        given = {
            "requests_per_minute": (requests_per_minute, MINUTE),
            "requests_per_day": (requests_per_day, DAY),
            "audio_per_hour": (audio_per_hour, HOUR),
            "audio_per_day": (audio_per_day, DAY),
        }
        return cls.model_validate(
            {
                name: Bucket(limit=limit, period=period, pinned=True)
                for name, (limit, period) in given.items()
                if limit is not None
            }
        )

    def reserve(self, now: float, seconds: float) -> Quota | Wait:
        """Take one request with `seconds` of audio, or learn how long to wait.

        Raises AudioOverQuota where no wait would ever help: it asks for more than a whole bucket.
        """
        state = self._seen(now)
        amounts = _amounts(seconds)
        waits = {"refused": state.shut_until - state.at}
        for name, amount in amounts.items():
            bucket = _bucket(state, name)
            if amount > bucket.limit:
                raise AudioOverQuota
            waits[name] = bucket.wait(amount)
        name, longest = max(waits.items(), key=lambda named: named[1])
        if longest > 0:
            lag = max(0.0, state.at - now)  # our clock lags behind another's: wait that much more
            return Wait(_rounded_up(longest + lag), name)
        return _each(state, lambda name, bucket: bucket.take(amounts[name]))

    def take(self, now: float, seconds: float) -> tuple[Quota, Wait | None]:
        """`reserve` as a store's `change` wants it: the account after it, and the wait, if there is one."""
        taken = self.reserve(now, seconds)
        return (self, taken) if isinstance(taken, Wait) else (taken, None)

    def refund(self, now: float, seconds: float, *, reserved_at: float) -> Quota:
        """Undo a reservation that was not charged: never sent, or answered by a server's own error.

        Only what has not drained since comes back; so it never gives more than had it not been taken.
        """
        state = self._seen(now)
        since = max(0.0, state.at - reserved_at)
        amounts = _amounts(seconds)
        return _each(state, lambda name, bucket: bucket.give_back(amounts[name], since))

    def learn(self, news: QuotaNews, now: float) -> Quota:
        """Believe the engine where it knows of less than we do, or of other limits.

        It names two of the four. The other bucket of a kind follows in proportion when its sibling's limit
        proves larger (another tier); should that be too much, refusals correct it.
        """
        state = self._seen(now)
        hour = state.audio_per_hour.learn(news.audio_limit, news.audio_remaining)
        day = state.requests_per_day.learn(news.requests_limit, news.requests_remaining)
        more_audio = max(1.0, hour.limit / state.audio_per_hour.limit)
        more_requests = max(1.0, day.limit / state.requests_per_day.limit)
        return state.model_copy(
            update={
                "audio_per_hour": hour,
                "requests_per_day": day,
                "audio_per_day": state.audio_per_day.scale(more_audio),
                "requests_per_minute": state.requests_per_minute.scale(more_requests),
            }
        )

    def heard(self, news: QuotaNews, now: float) -> Quota:
        """Believe an answer, whether it let us through or refused."""
        state = self.learn(news, now)
        return state if news.retry_after is None else state.punish(now, news.retry_after)

    def punish(self, now: float, retry_after: float) -> Quota:
        """The engine refused: nothing more until `retry_after` seconds from now."""
        state = self._seen(now)
        return state.model_copy(update={"shut_until": max(state.shut_until, state.at + retry_after)})

    def _seen(self, now: float) -> Quota:
        """This account at `now`. A small step back in time stands still; a large one is a corrected clock."""
        if now < self.at - CLOCK_JITTER:
            shut_for = max(0.0, self.shut_until - self.at)
            return self.model_copy(update={"at": now, "shut_until": now + shut_for})
        passed = max(0.0, now - self.at)
        drained = _each(self, lambda _, bucket: bucket.drain(passed))
        return drained.model_copy(update={"at": max(self.at, now)})


def resumed(kept: str | bytes, start: Quota) -> Quota:
    """The account whose JSON was kept, with the limits that `start` pins now and without those pinned before.

    Another version's account is as good as none: the engine's next answer tells more than it could.
    """
    try:
        account = Quota.model_validate_json(kept)
    except ValidationError:
        return start
    fresh = {}
    for name in _BUCKETS:
        old, new = _bucket(account, name), _bucket(start, name)
        if new.pinned or old.pinned:
            fresh[name] = new.model_copy(update={"used": old.used})
    return account.model_copy(update=fresh)


_BUCKETS = ("requests_per_minute", "requests_per_day", "audio_per_hour", "audio_per_day")


def _bucket(quota: Quota, name: str) -> Bucket:
    bucket: Bucket = getattr(quota, name)
    return bucket


def _each(quota: Quota, change: Callable[[str, Bucket], Bucket]) -> Quota:
    return quota.model_copy(update={name: change(name, _bucket(quota, name)) for name in _BUCKETS})


def _amounts(seconds: float) -> dict[str, float]:
    """What one request with `seconds` of audio takes from each bucket."""
    billed = max(seconds, BILLED_AT_LEAST)
    return dict(zip(_BUCKETS, (1.0, 1.0, billed, billed), strict=True))


def _rounded_up(seconds: float) -> float:
    return (math.floor(seconds / _GRAIN) + 2) * _GRAIN
