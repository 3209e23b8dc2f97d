"""How much the engine's provider still allows: requests and audio-seconds, pure arithmetic, no I/O, no clock.

Groq counts in buckets that refill steadily, not in windows that start over. Its messages show it: "Limit
7200, Used 5956, Requested 2336. Please try again in 9m6s" is 1092 s too many at 2 s per second; 2 requests
used of 2000 a day reset in 1m26.4s, twice 43.2 s. So the same buckets are counted here.
https://console.groq.com/docs/rate-limits
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import Field

from common.errors import AudioOverQuota
from common.token_bucket import DAY, HOUR, MINUTE, Account, Bucket
from common.value import Value

# At least 10 s are billed for any audio. Whether the buckets count it too is not documented: assume so.
BILLED_AT_LEAST = 10.0

# The part of each bucket that a client with more than its share leaves to others.
LEFT_TO_OTHERS = 0.1

# A smaller limit, if believed, would shut the account for good: no further request would correct it.
_BELIEVABLE = BILLED_AT_LEAST


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: try again after `delay` seconds; `bucket` names what is spent.

    `is_share`: what is left of it is for clients that have not had their share.
    """

    delay: float
    bucket: str
    is_share: bool = False


class QuotaNews(Value):
    """What one answer of the engine says about one model's buckets; None where it says nothing.

    Requests are those of the day, audio-seconds those of the hour; `retry_after` comes with refusals only.
    """

    model: str
    requests_limit: float | None = None
    requests_remaining: float | None = None
    audio_limit: float | None = None
    audio_remaining: float | None = None
    retry_after: float | None = None

    @property
    def is_empty(self) -> bool:
        return not self.model_dump(exclude={"model"}, exclude_none=True)


class Quota(Account):
    """The account of one model: four buckets, closed until `shut_until`.

    It starts full, with Groq's free limits: https://console.groq.com/docs/rate-limits
    """

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
        """The free limits, except those that are set here, which no header changes."""
        limits = {
            "requests_per_minute": (requests_per_minute, MINUTE),
            "requests_per_day": (requests_per_day, DAY),
            "audio_per_hour": (audio_per_hour, HOUR),
            "audio_per_day": (audio_per_day, DAY),
        }
        return cls.model_validate(
            {
                name: Bucket(limit=limit, period=period, pinned=True)
                for name, (limit, period) in limits.items()
                if limit is not None
            }
        )

    def reserve(
        self, now: float, seconds: float, *, used: Mapping[str, float] = {}, share: float = 1.0
    ) -> Quota | Wait:
        """Take one request with `seconds` of audio, or say how long to wait.

        A client that has `used` its `share` of a bucket leaves the last part of it to others. Raises
        AudioOverQuota where no wait would ever help: it needs more than a whole bucket.
        """
        current = self.advance(now)
        amounts = amounts_of(seconds)
        waits = {"refused": current.shut_until - current.at}
        for_anybody = waits["refused"]
        for name, bucket in current.buckets.items():
            if amounts[name] > bucket.limit:
                raise AudioOverQuota
            has_share = share < 1 and used.get(name, 0.0) >= share * bucket.limit
            left = LEFT_TO_OTHERS * bucket.limit if has_share else 0.0
            waits[name] = bucket.wait(min(amounts[name] + left, bucket.limit))
            for_anybody = max(for_anybody, bucket.wait(amounts[name]))
        name, longest = max(waits.items(), key=lambda named: named[1])
        if longest > 0:
            return Wait(current.wait(now, longest), name, is_share=for_anybody <= 0)
        return current.each(lambda name, bucket: bucket.take(amounts[name]))

    def take(
        self, now: float, seconds: float, *, used: Mapping[str, float] = {}, share: float = 1.0
    ) -> tuple[Quota, Wait | None]:
        """`reserve` in the form that a store's `change` needs: the account after it, and the wait, if any."""
        reserved = self.reserve(now, seconds, used=used, share=share)
        return (self, reserved) if isinstance(reserved, Wait) else (reserved, None)

    def refund(self, now: float, seconds: float, *, reserved_at: float) -> Self:
        """Undo a reservation that was not charged: never sent, or answered by a server's own error.

        Only what has not drained since comes back, so that it never gives more than had it not been taken.
        """
        current = self.advance(now)
        since = max(0.0, current.at - reserved_at)
        amounts = amounts_of(seconds)
        return current.each(lambda name, bucket: bucket.give_back(amounts[name], since))

    def learn(self, news: QuotaNews, now: float) -> Quota:
        """Believe an answer, whether it is a transcript or a refusal."""
        current = self._believe(news, now)
        return current if news.retry_after is None else current.shut(now, news.retry_after)

    def shut(self, now: float, retry_after: float) -> Quota:
        """The engine refused: nothing more until `retry_after` seconds from now."""
        current = self.advance(now)
        return current.model_copy(update={"shut_until": max(current.shut_until, current.at + retry_after)})

    def advance(self, now: float) -> Self:
        current = super().advance(now)
        if current.at >= self.at:
            return current
        shut_for = max(0.0, self.shut_until - self.at)  # the clock was corrected
        return current.model_copy(update={"shut_until": now + shut_for})

    def _believe(self, news: QuotaNews, now: float) -> Quota:
        """Believe the engine where it knows of less than we do, or of other limits.

        It names two of the four. The other bucket of a kind follows in proportion when its sibling's limit
        proves larger (another tier); should that be too much, refusals correct it.
        """
        current = self.advance(now)
        hour = _correct(current.audio_per_hour, news.audio_limit, news.audio_remaining)
        day = _correct(current.requests_per_day, news.requests_limit, news.requests_remaining)
        more_audio = max(1.0, hour.limit / current.audio_per_hour.limit)
        more_requests = max(1.0, day.limit / current.requests_per_day.limit)
        return current.model_copy(
            update={
                "audio_per_hour": hour,
                "requests_per_day": day,
                "audio_per_day": _scale(current.audio_per_day, more_audio),
                "requests_per_minute": _scale(current.requests_per_minute, more_requests),
            }
        )


def _correct(bucket: Bucket, limit: float | None, remaining: float | None) -> Bucket:
    """With the engine's limit unless ours is pinned, and its `remaining` where that is less than ours."""
    theirs = limit if limit is not None and limit >= _BELIEVABLE else bucket.limit
    ours = bucket.limit if bucket.pinned else theirs
    used = bucket.used if remaining is None else max(bucket.used, ours - remaining)
    return bucket.replace(limit=ours, used=min(used, ours))


def _scale(bucket: Bucket, factor: float) -> Bucket:
    return bucket if bucket.pinned else bucket.replace(limit=bucket.limit * factor)


def amounts_of(seconds: float) -> dict[str, float]:
    """What one request with `seconds` of audio takes from each bucket."""
    billed = max(seconds, BILLED_AT_LEAST)
    return {
        "requests_per_minute": 1.0,
        "requests_per_day": 1.0,
        "audio_per_hour": billed,
        "audio_per_day": billed,
    }
