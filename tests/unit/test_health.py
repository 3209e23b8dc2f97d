"""/health does not wait for a slow store, and reports a broken one."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from common.audio.ffmpeg import Ffmpeg
from common.errors import StorageBroken
from common.groq.client import Groq
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.services import Services
from common.settings import Settings
from common.upload.ticket import UploadTickets
from functions.health import health


def services(root: Path, queue: SqliteQueue, database: Database) -> Services:
    return Services(
        settings=Settings(data_dir=root),
        ffmpeg=Ffmpeg(at_once=1),
        engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
        engine_problem="no engine",
        scratch=root,
        now=time.time,
        started_at=time.time(),
        jobs=SqliteJobs(database),
        audio=AudioFolder(root, budget_bytes=1, tickets=UploadTickets(b"s" * 32)),
        queue=queue,
        subscribers=Hub(max_listeners=1),
        quota=None,
    )


async def report(root: Path, queue: type[SqliteQueue]) -> dict[str, Any]:
    database = Database(root / "jobs.sqlite3")
    await database.open()
    try:
        answer = await health(services(root, queue(database, now=time.time), database))
    finally:
        database.close()
    assert answer.status_code == 200
    body: dict[str, Any] = json.loads(bytes(answer.body))
    return body


class Locked(SqliteQueue):
    async def backlog(self) -> int:
        await asyncio.sleep(60)
        raise AssertionError("/health waited for it")


class Broken(SqliteQueue):
    async def backlog(self) -> int:
        raise StorageBroken


async def test_the_backlog_of_a_working_store_is_reported(tmp_path: Path) -> None:
    for _ in range(50):  # a busy machine may not manage it at once
        body = await report(tmp_path, SqliteQueue)
        if body["inHand"]["backlog"] is not None:
            break
    assert body["inHand"]["backlog"] == 0


async def test_the_backlog_of_a_slow_store_is_null(tmp_path: Path) -> None:
    body = await report(tmp_path, Locked)
    assert body["inHand"]["backlog"] is None
    assert body["problems"] == ["no engine"]


async def test_a_broken_store_is_named_beside_the_other_problems(tmp_path: Path) -> None:
    body = await report(tmp_path, Broken)
    assert body["status"] == "degraded"
    assert body["problems"] == [
        "no engine",
        "jobs cannot be kept: The server cannot read or write its own records.",
    ]
