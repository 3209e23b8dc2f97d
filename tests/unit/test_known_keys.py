"""A flood of made-up keys costs few looks into the store, and keys that exist are found all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.access.access import Access
from common.access.keys import make_key, new_access_key
from common.access.known_keys import KnownKeys
from common.errors import KeyInvalid
from common.local.sqlite.access_keys import SqliteAccessKeys
from common.local.sqlite.database import Database
from common.models import AccessKey, Scope

NOW = 1_800_000_000.0


class Counted(SqliteAccessKeys):
    """Counts what it is asked."""

    looks = reads = 0

    async def get(self, key_id: str) -> AccessKey | None:
        self.looks += 1
        return await super().get(key_id)

    async def all(self) -> list[AccessKey]:
        self.reads += 1
        return await super().all()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Counted]:
    database = Database(tmp_path / "escriba.sqlite")
    yield Counted(database)
    database.close()


def new_key() -> tuple[str, AccessKey]:
    scopes: tuple[Scope, ...] = ("transcribe", "read")
    return new_access_key("test", scopes=scopes, now=NOW, expires_at=None, random_bytes=os.urandom)


def door(store: Counted) -> tuple[Access, KnownKeys, list[float]]:
    clock = [0.0]
    known = KnownKeys(store, clock=lambda: clock[0])
    return Access(is_on=True, store=known, now=lambda: NOW + clock[0], secret=b"s" * 32), known, clock


async def flood(access: Access, count: int) -> None:
    for _ in range(count):
        with pytest.raises(KeyInvalid):
            await access.identify(make_key(os.urandom).text, client="address:192.0.2.7")


async def test_a_flood_of_made_up_keys_reads_all_keys_now_and_then(store: Counted) -> None:
    access, _, clock = door(store)
    for _ in range(8):
        await flood(access, 100)
        clock[0] += 1
    assert (store.looks, store.reads) == (20, 4)
    clock[0] += 10
    await flood(access, 1)
    assert store.looks == 21


async def test_amid_a_flood_old_and_new_keys_open(store: Counted) -> None:
    access, known, clock = door(store)
    old, stored = new_key()
    await store.put(stored)
    await flood(access, 3000)
    assert (await access.identify(old, client="address:192.0.2.7")).owner == stored.key_id
    new, stored = new_key()
    await known.put(stored)
    assert (await access.identify(new, client="address:192.0.2.7")).owner == stored.key_id
    elsewhere, stored = new_key()
    await store.put(stored)
    clock[0] += 2
    assert (await access.identify(elsewhere, client="address:192.0.2.7")).owner == stored.key_id


async def test_made_up_keys_do_not_make_the_ones_in_use_be_looked_up_again(store: Counted) -> None:
    access, _, _ = door(store)
    text, stored = new_key()
    await store.put(stored)
    for _ in range(5):
        await access.identify(text, client="address:192.0.2.7")
        await flood(access, 1000)
    assert store.looks == 21


async def test_a_key_that_was_refused_is_not_looked_up_again_at_once(store: Counted) -> None:
    access, _, clock = door(store)
    text, stored = new_key()
    for _ in range(5):
        with pytest.raises(KeyInvalid):
            await access.identify(text, client="address:192.0.2.7")
    assert store.looks == 1
    await store.put(stored)
    clock[0] += 8
    assert (await access.identify(text, client="address:192.0.2.7")).owner == stored.key_id
