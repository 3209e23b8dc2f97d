"""What each client holds of this process's pools of places, and how much of each it may hold.

One client, an access key or an address, must not take all places of a pool. What a client holds in the store
(jobs, recordings) is counted there: `common.jobs.limits`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from common.access.caller import is_limited
from common.errors import EscribaError

Pool = Literal["uploads", "transcriptions", "downloads", "watchers", "webhooks", "ffmpeg"]


class PoolShares:
    """The places of one pool that each client holds; it may hold `most`.

    A client without limits of its own is bounded by the pool alone. `refused` counts the refusals.
    """

    def __init__(self, most: float = math.inf) -> None:
        self.most = most
        self.refused = 0
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> Mapping[str, int]:
        """By client, who holds any."""
        return self._held

    def has_room(self, client: str) -> bool:
        """Whether the client may take one more."""
        return self._held[client] < self.most or not is_limited(client)

    def add(self, client: str) -> None:
        self._held[client] += 1

    def remove(self, client: str) -> None:
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]

    @contextmanager
    def take(self, client: str, refuse: Callable[[], EscribaError]) -> Iterator[None]:
        """One place for the client while the block runs. Raises what `refuse` makes."""
        if not self.has_room(client):
            self.refused += 1
            raise refuse()
        self.add(client)
        try:
            yield
        finally:
            self.remove(client)


class Ledger:
    """All pools of one process; `most` says how much one client may hold of each, without end otherwise."""

    def __init__(self, most: Mapping[Pool, float] | None = None) -> None:
        self._most = dict(most or {})
        self._pools: dict[Pool, PoolShares] = {}

    def pool(self, name: Pool) -> PoolShares:
        if name not in self._pools:
            self._pools[name] = PoolShares(self._most.get(name, math.inf))
        return self._pools[name]


def share_of(places: float, share: float) -> int:
    """How many of `places` one client may hold where they stay taken for long: at least one."""
    return max(1, int(places * share))


def all_but_one(places: int, share: float) -> int:
    """… where places become free again soon: a client alone uses all but the one that a newcomer finds."""
    return places if share == 1 else max(1, places - 1)
