"""Who used how much: counted in memory, stored by hour and by day, in one write for many requests."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from common.admin.store import AdminStore, UsageKey
from common.counters import BOUNDS
from common.errors import EscribaError
from common.log import log

_HOUR = 3600.0
# Periods for which rows are kept: hours of all clients together, days of each.
KEPT_HOURS, KEPT_DAYS = 14 * 24, 100
# Clients without an access key share one row.
ANONYMOUS = "anonymous"

_FAILURE = "failure:"
# How many requests fell into each bucket: counts of all processes, hours and clients add up to one histogram.
_LATENCY = "latency:"
_BEYOND = "more"

Amounts = dict[tuple[int, str, str], float]


def client_of(owner: str | None) -> str:
    """Whose usage it is: a key's, with that of all users for whom it issued tokens."""
    return owner.partition("/")[0] if owner else ANONYMOUS


def failure_name(code: str) -> str:
    return _FAILURE + code


def latency_name(seconds: float) -> str:
    """The bucket of `BOUNDS`, by its upper bound."""
    number = bisect_left(BOUNDS, seconds)
    return _LATENCY + (f"{BOUNDS[number]:g}" if number < len(BOUNDS) else _BEYOND)


class UsageBuffer:
    """What was used since the last `flush`, by hour, client and name."""

    def __init__(self) -> None:
        self._amounts: Amounts = defaultdict(float)
        self._expired_for = ""

    def add(self, now: float, client: str, name: str, amount: float = 1.0) -> None:
        self._amounts[int(now // _HOUR), client, name] += amount

    @property
    def is_empty(self) -> bool:
        return not self._amounts

    async def flush(self, store: AdminStore, *, now: float) -> None:
        """Store it. What could not be stored stays for the next time."""
        amounts, self._amounts = self._amounts, defaultdict(float)
        try:
            await store.add_usage(_rows(amounts))
        except Exception as exc:  # also a bug's: what was used is counted in any case
            for key, amount in amounts.items():
                self._amounts[key] += amount
            if not isinstance(exc, EscribaError):
                raise
            log("usage.unwritten", level="WARNING", code=exc.code)
            return
        try:
            await self._expire(store, now)
        except EscribaError as exc:
            log("usage.unexpired", level="WARNING", code=exc.code)

    async def _expire(self, store: AdminStore, now: float) -> None:
        """Once a day."""
        today = day_of(now)
        if today != self._expired_for:
            await store.remove_usage(kind="hour", before=hour_of(now - KEPT_HOURS * _HOUR))
            await store.remove_usage(kind="day", before=day_of(now - KEPT_DAYS * 24 * _HOUR))
            self._expired_for = today


def _rows(amounts: Mapping[tuple[int, str, str], float]) -> dict[UsageKey, float]:
    rows: dict[UsageKey, float] = defaultdict(float)
    for (hour, client, name), amount in amounts.items():
        rows[UsageKey(hour_of(hour * _HOUR), "", name)] += amount
        rows[UsageKey(day_of(hour * _HOUR), client, name)] += amount
    return rows


# ── periods ───────────────────────────────────────────────────────────────────────────────────────


def hour_of(seconds: float) -> str:
    return f"hour:{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H}"


def day_of(seconds: float) -> str:
    return f"day:{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def days_between(first: date, last: date) -> list[str]:
    """Every day from the first to the last."""
    return [f"day:{first + timedelta(days=number):%Y-%m-%d}" for number in range((last - first).days + 1)]


def hours_until(now: float, count: int) -> list[str]:
    """The last `count` hours, the present one among them."""
    return [hour_of(now - number * _HOUR) for number in reversed(range(count))]


# ── what readers get ──────────────────────────────────────────────────────────────────────────────


def usage_view(amounts: Mapping[UsageKey, float], periods: Iterable[str]) -> list[dict[str, object]]:
    """One entry for each period and client, in order: `{period, keyId?, requests, jobs, audioSeconds, …}`."""
    grouped: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for key, amount in amounts.items():
        grouped[key.period, key.client][key.name] = amount
    wanted = set(periods)
    return [_entry(*key, grouped[key]) for key in sorted(grouped) if key[0] in wanted]


def _entry(period: str, client: str, amounts: Mapping[str, float]) -> dict[str, object]:
    kind, _, name = period.partition(":")
    return {
        kind: name,
        **({"keyId": client} if client else {}),
        "requests": round(amounts.get("requests", 0)),
        "jobs": round(amounts.get("jobs", 0)),
        "audioSeconds": round(amounts.get("audioSeconds", 0.0), 1),
        "failures": _counts(amounts, _FAILURE),
        "latency": _counts(amounts, _LATENCY),
    }


def _counts(amounts: Mapping[str, float], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): round(amount)
        for name, amount in sorted(amounts.items())
        if name.startswith(prefix)
    }
