"""What every TranscriptCache promises: a text by its key, gone once it is forgotten or has expired."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from common.aws.clients import Clients
from common.aws.dynamo_cache import DynamoCache
from common.aws.table import Table
from common.cache_port import CacheKey, TranscriptCache
from common.local.sqlite.cache import SqliteCache
from common.local.sqlite.database import Database
from common.models import Segment, Transcript, TranscriptWarning, Word
from common.postgres.cache import PostgresCache
from common.postgres.database import Database as PostgresDatabase
from tests.emulator import emulator
from tests.postgres import postgres
from tests.stack import stack_of

NOW = 1_800_000_000.0
LATER = NOW + 3600

KEY = CacheKey(recording="a" * 64, answer="1" * 64)
OTHER_ANSWER = CacheKey(recording="a" * 64, answer="2" * 64)
OTHER_RECORDING = CacheKey(recording="b" * 64, answer="3" * 64)


Open = Callable[[], AbstractAsyncContextManager[TranscriptCache]]


def text(words: str) -> Transcript:
    return Transcript(
        text=words,
        language="es",
        duration=2.5,
        model="whisper-large-v3",
        segments=(Segment(id=0, start=0, end=2.5, text=words, avg_logprob=-0.25),),
        words=tuple(Word(word=word, start=0, end=1) for word in words.split()),
        warnings=(TranscriptWarning(code="note", details={"text": "ñ", "n": 1.5}),),
    )


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[TranscriptCache]:
    database = Database(folder / "escriba.sqlite3")
    yield SqliteCache(database, budget_bytes=1_000_000)
    database.close()


@asynccontextmanager
async def in_postgres(_: Path) -> AsyncIterator[TranscriptCache]:
    url = await asyncio.to_thread(lambda: postgres().database(template=postgres().migrated))
    database = PostgresDatabase(url)
    yield PostgresCache(database, budget_bytes=1_000_000)
    await database.close()


@asynccontextmanager
async def dynamo(_: Path) -> AsyncIterator[TranscriptCache]:
    with emulator().reached(), stack_of(emulator()) as names:
        yield DynamoCache(Table(Clients(), names.table))


@pytest.fixture(params=[sqlite, in_postgres, dynamo], ids=["sqlite", "postgres", "dynamo"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return lambda: request.param(tmp_path)


async def test_a_text_is_kept_until_it_expires(opened: Open) -> None:
    async with opened() as cache:
        assert await cache.get(KEY, now=NOW) is None
        await cache.put(KEY, text("hola ñandú"), expires_at=LATER)
        assert await cache.get(KEY, now=NOW) == text("hola ñandú")
        assert await cache.get(OTHER_ANSWER, now=NOW) is None
        assert await cache.get(KEY, now=LATER) is None


async def test_a_newer_text_replaces_the_older_one(opened: Open) -> None:
    async with opened() as cache:
        await cache.put(KEY, text("uno"), expires_at=NOW + 1)
        await cache.put(KEY, text("dos"), expires_at=LATER)
        assert await cache.get(KEY, now=NOW + 2) == text("dos")


async def test_all_texts_of_a_recording_are_forgotten_and_no_other(opened: Open) -> None:
    async with opened() as cache:
        for key in (KEY, OTHER_ANSWER, OTHER_RECORDING):
            await cache.put(key, text("hola"), expires_at=LATER)
        await cache.forget(KEY.recording)
        await cache.forget("c" * 64)
        assert [await cache.get(key, now=NOW) for key in (KEY, OTHER_ANSWER)] == [None, None]
        assert await cache.get(OTHER_RECORDING, now=NOW) == text("hola")


async def test_what_expired_can_be_removed(opened: Open) -> None:
    async with opened() as cache:
        await cache.put(KEY, text("hola"), expires_at=NOW)
        await cache.put(OTHER_RECORDING, text("hola"), expires_at=LATER)
        await cache.expire(now=NOW)
        assert await cache.get(OTHER_RECORDING, now=NOW) == text("hola")
        assert await cache.get(KEY, now=NOW) is None


async def test_a_text_that_is_too_long_is_not_kept(opened: Open) -> None:
    letters = random.Random(1)
    longest = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=2_000_000))
    async with opened() as cache:
        await cache.put(KEY, text(longest), expires_at=LATER)
        assert await cache.get(KEY, now=NOW) is None


async def test_sqlite_keeps_within_its_budget_what_expires_last(tmp_path: Path) -> None:
    database = Database(tmp_path / "escriba.sqlite3")
    one = len(zlib.compress(text("x" * 10).model_dump_json(by_alias=True, exclude_none=True).encode(), 1))
    cache = SqliteCache(database, budget_bytes=3 * one + 10)
    keys = [CacheKey(recording=str(n), answer=str(n)) for n in range(5)]
    for n, key in enumerate(keys):
        await cache.put(key, text("x" * 10), expires_at=LATER + (n * 7) % 5)
    kept = [n for n, key in enumerate(keys) if await cache.get(key, now=NOW)]
    assert kept == sorted(sorted(range(5), key=lambda n: (n * 7) % 5)[-3:])
    stored = await database.read(lambda db: db.execute("SELECT sum(bytes) FROM cache").fetchone()[0])
    assert stored <= 3 * one + 10
    database.close()
