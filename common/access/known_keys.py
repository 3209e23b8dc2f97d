"""Looks that find no key, bounded: a flood of made-up keys costs one look at all keys every other second.

Anybody can make a key up whose checksum is right. Nobody is locked out by it, not even who shares an address
with the one who does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from common.access.key_store import AccessKeyStore
from common.latest import Latest
from common.models import AccessKey

# Looks for a key that is not there, before all keys are read instead; for how long they count.
_TOLERATED = 20
_SECONDS = 10.0
# Seconds for which all keys are believed to be all: so long a new key of another process may be refused.
_READ_EVERY = 2.0


class KnownKeys:
    """An AccessKeyStore before another."""

    def __init__(self, store: AccessKeyStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._misses = 0
        self._since = clock()
        self._keys = self._unread()

    async def put(self, key: AccessKey) -> None:
        await self._store.put(key)
        self._keys = self._unread()

    async def get(self, key_id: str) -> AccessKey | None:
        if self._clock() - self._since >= _SECONDS:
            self._misses, self._since = 0, self._clock()
        if self._misses >= _TOLERATED:
            return (await self._keys.get(self._read)).get(key_id)
        key = await self._store.get(key_id)
        self._misses += key is None
        return key

    async def all(self) -> list[AccessKey]:
        return await self._store.all()

    async def _read(self) -> dict[str, AccessKey]:
        return {key.key_id: key for key in await self._store.all()}

    def _unread(self) -> Latest[dict[str, AccessKey]]:
        return Latest(seconds=_READ_EVERY, clock=self._clock)
