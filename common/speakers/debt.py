"""Decides when the child that listens stands still for others, and when it runs although they wait."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

_MOST = 6.0  # seconds
_FALL = 3.0  # seconds of debt, for each that the child runs: so it has a quarter of the time or more
_DELAY = 0.25  # seconds after the end of urgent work: of short requests in a row, each finds it stopped


@dataclass(frozen=True, slots=True)
class Debt:
    """`seconds` is how long the child stood still, less what that fell while it ran, at the moment `at`.

    Nothing is decided between two calls of `advance`.
    """

    at: float
    seconds: float = 0.0
    is_still: bool = False
    is_due: bool = False  # it was full: the child runs until nothing is left of it, or nobody waits
    urgent_until: float = -inf

    def advance(self, now: float, *, is_urgent: bool) -> Debt:
        """The debt at `now`. Call it when urgent work begins or ends, and at `next_change`."""
        until = self._urgent_until(now, is_urgent=is_urgent)
        seconds = self._seconds(now)
        others_wait = now < until
        is_due = others_wait and (seconds >= _MOST or (self.is_due and seconds > 0))
        return Debt(now, seconds, is_still=others_wait and not is_due, is_due=is_due, urgent_until=until)

    @property
    def next_change(self) -> float:
        """When the child is to be stopped or to go on, unless urgent work begins or ends before."""
        if self.is_still:
            return min(self.at + _MOST - self.seconds, self.urgent_until)
        return min(self.at + self.seconds / _FALL, self.urgent_until) if self.is_due else inf

    def _urgent_until(self, now: float, *, is_urgent: bool) -> float:
        if is_urgent:
            return inf
        return now + _DELAY if self.urgent_until == inf else self.urgent_until

    def _seconds(self, now: float) -> float:
        passed = now - self.at
        if self.is_still:
            return min(_MOST, self.seconds + passed)
        return max(0.0, self.seconds - _FALL * passed)
