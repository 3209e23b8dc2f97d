"""What an open dashboard costs the store: the queries of one reading, seen by SQLite itself."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from common.admin.pause import PauseSwitch
from common.admin.services import AdminServices
from common.audio.ffmpeg import Ffmpeg
from common.groq.client import Groq
from common.latest import Latest
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.database import Database
from common.local.sqlite.stores import SqliteStores
from common.monitoring import events
from common.monitoring.now import read_now
from common.quota import Quota
from common.services import Services
from common.settings import Settings
from common.upload.ticket import UploadTickets


def services_over(stores: SqliteStores, folder: Path) -> Services:
    return Services(
        settings=Settings(data_dir=folder),
        ffmpeg=Ffmpeg(at_once=1),
        engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
        engine_problem=None,
        scratch=folder,
        now=time.time,
        started_at=0,
        jobs=stores.jobs,
        audio=AudioFolder(folder / "audio", budget_bytes=1_000_000, tickets=UploadTickets(b"secret")),
        queue=stores.queue(),
        subscribers=Hub(max_listeners=1),
        quota=stores.account("engine", Quota.with_limits(requests_per_minute=10)),
        admin=AdminServices(stores.admin, stores.directory, pause=PauseSwitch(stores.admin, now=time.time)),
    )


async def test_one_reading_costs_no_more_queries_than_seconds_pass_to_the_next(tmp_path: Path) -> None:
    database = Database(tmp_path / "escriba.sqlite3")
    try:
        stores = SqliteStores(database, time.time)
        services = services_over(stores, tmp_path)
        queries: list[str] = []
        await database.read(lambda db: db.set_trace_callback(queries.append))
        now = await read_now(services)
        await read_now(services)
    finally:
        database.close()
    assert None not in (now.activity, now.quota)
    assert now.store_answers
    assert 1 <= len(queries) <= 5, queries  # two of them every twelve seconds, one every five


async def test_dashboards_share_their_readings(tmp_path: Path) -> None:
    """Three streams that began at different times look less than once a second in all, of whatever length."""
    database = Database(tmp_path / "escriba.sqlite3")
    clock = 1000.0
    try:
        stores = SqliteStores(database, time.time)
        services = replace(services_over(stores, tmp_path), readings=Latest(clock=lambda: clock))
        services = replace(services, backlog=Latest(clock=lambda: clock))
        queries: list[str] = []
        await database.read(lambda db: db.set_trace_callback(queries.append))
        for look in range(120 * 10):
            clock = 1000 + look / 10
            if (look % 40) in {0, 7, 16}:  # tenths of a second: each looks every four seconds
                await read_now(services, max_age=events._SHARED_FOR)
    finally:
        database.close()
    assert 0.4 * 120 < len(queries) <= 0.8 * 120, len(queries)
