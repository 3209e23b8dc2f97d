"""Accounts and secrets in the database's `meta` table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.local.sqlite.account import SqliteAccount
from common.local.sqlite.database import Database
from common.local.sqlite.secret import read_secret
from common.quota import Quota
from tests.contract.sample_jobs import NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "escriba.sqlite")
    yield opened
    opened.close()


def account(database: Database, start: Quota | None = None, *, name: str = "turbo") -> SqliteAccount[Quota]:
    return SqliteAccount(database, name=name, start=start or Quota())


def take(quota: Quota) -> tuple[Quota, Quota]:
    taken = quota.reserve(NOW, 100)
    assert isinstance(taken, Quota)
    return taken, taken


def look(quota: Quota) -> tuple[Quota, Quota]:
    return quota, quota


async def test_each_model_has_an_account_of_its_own(database: Database) -> None:
    await account(database).change(take)
    assert await account(database, name="large").change(look) == Quota()


async def test_reading_the_account_writes_nothing(database: Database) -> None:
    await account(database).change(look)
    assert await database.read(lambda db: db.execute("SELECT * FROM meta").fetchall()) == []


async def test_a_new_limit_holds_at_once_and_what_was_used_stays_used(database: Database) -> None:
    await account(database).change(take)
    pinned = await account(database, Quota.with_limits(audio_per_hour=500)).change(look)
    assert (pinned.audio_per_hour.limit, pinned.audio_per_hour.pinned) == (500, True)
    assert pinned.audio_per_hour.used == 100
    assert pinned.requests_per_day.used == 1


async def test_a_limit_that_is_set_no_more_is_the_engine_s_again(database: Database) -> None:
    await account(database, Quota.with_limits(audio_per_hour=500)).change(take)
    free = await account(database).change(look)
    assert free.audio_per_hour == Quota().audio_per_hour.take(100)


async def test_an_account_that_cannot_be_read_begins_anew(database: Database) -> None:
    await account(database).change(take)
    await database.write(lambda db: db.execute("""UPDATE meta SET value = '{"colour": "blue"}'"""))
    assert await account(database).change(look) == Quota()
    taken = await account(database).change(take)
    assert await account(database).change(look) == taken


async def test_a_secret_is_made_once_and_each_name_has_its_own(database: Database, tmp_path: Path) -> None:
    secret = await read_secret(database, "upload")
    assert len(secret) == 32
    assert await read_secret(database, "callback") != secret
    same_file = Database(tmp_path / "escriba.sqlite")
    assert await read_secret(same_file, "upload") == secret
    same_file.close()
