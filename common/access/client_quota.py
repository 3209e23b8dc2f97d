"""What one client uses of the engine's quota: within its own limits, and leaving the last part to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.access.caller import whose
from common.errors import A_DAY, AN_HOUR, AudioOverQuota, RetryLater, TooMuchAudio
from common.models import Limits
from common.ports import AccountStore
from common.quota import Quota, Wait, amounts_of
from common.token_bucket import Bucket

_WINDOWS = {"audio_per_hour": AN_HOUR, "audio_per_day": A_DAY}


class ClientUse(Quota):
    """The engine's buckets as one client has used them; those of `limits` in `charge` also refuse."""

    def charge(self, now: float, seconds: float, limits: frozenset[str]) -> tuple[ClientUse, Wait | None]:
        """The account after one request with `seconds` of audio; or as it was, and how long to wait.

        Raises AudioOverQuota where no wait would ever help.
        """
        current, amounts = self.advance(now), amounts_of(seconds)
        waits = {name: current.buckets[name].wait(amounts[name]) for name in limits}
        if any(amounts[name] > current.buckets[name].limit for name in limits):
            raise AudioOverQuota
        name, longest = max(waits.items(), key=lambda named: named[1], default=("", 0.0))
        if longest > 0:
            return self, Wait(current.wait(now, longest), name)
        # The engine may allow more than the limits that are known here: more than a bucket counts as one.
        used = {
            name: min(bucket.used + amounts[name], bucket.limit) for name, bucket in current.buckets.items()
        }
        return current.each(lambda name, bucket: bucket.replace(used=used[name])), None

    @property
    def used(self) -> dict[str, float]:
        return {name: bucket.used for name, bucket in self.buckets.items()}


@dataclass(frozen=True, slots=True)
class ClientQuota:
    """One client's account; the buckets of `limits` refuse."""

    client: str
    account: AccountStore[ClientUse]
    limits: frozenset[str]

    async def charge(self, now: float, seconds: float) -> Mapping[str, float]:
        """What the client had used before this request. Raises RetryLater, AudioOverQuota."""

        def decide(use: ClientUse) -> tuple[ClientUse, tuple[ClientUse, Wait | None]]:
            after, wait = use.charge(now, seconds, self.limits)
            return after, (use, wait)

        before, wait = await self.account.change(decide)
        if wait:
            raise RetryLater(wait.delay, f"client_{wait.bucket}", error=self._refusal(before, wait))
        return before.advance(now).used

    async def refund(self, now: float, seconds: float, *, reserved_at: float) -> None:
        await self.account.change(lambda use: (use.refund(now, seconds, reserved_at=reserved_at), None))

    def _refusal(self, use: ClientUse, wait: Wait) -> TooMuchAudio:
        return TooMuchAudio(
            retry_after=wait.delay,
            whose=whose(self.client),
            limit=use.buckets[wait.bucket].limit,
            window=_WINDOWS[wait.bucket],
        )


def first_use(engine: Quota, own: Limits, defaults: Limits) -> tuple[ClientUse, frozenset[str]]:
    """The account of a client that has used nothing, with the engine's limits or its own; and which refuse.

    `own` are the limits of its key, `defaults` those of the settings.
    """
    buckets, limits = dict(engine.buckets), set()
    for name in _WINDOWS:
        limit: int | None = getattr(own, name) or getattr(defaults, name)
        if limit is not None:
            limits.add(name)
            buckets[name] = Bucket(limit=limit, period=buckets[name].period, pinned=True)
    return ClientUse.model_validate(buckets), frozenset(limits)
