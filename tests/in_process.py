"""The whole app in a test's own process: every endpoint over SQLite, with a clock that the test moves."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from common.access.access import Access
from common.access.keys import digest_of
from common.access.page_password import PagePassword
from common.audio.ffmpeg import Ffmpeg
from common.groq.client import Groq
from common.http.edge import Edge
from common.jobs.submit import JobRequest, submit
from common.latest import Latest
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.stores import SqliteStores, open_stores
from common.models import Audio, Options
from common.quota import Quota
from common.services import Services
from common.settings import Settings
from common.upload.ticket import UploadTickets
from common.wiring import admin_services
from local_server import build

START = 1_800_000_000.0  # 2027-01-15T08:00:00Z
ADMIN_KEY = "the-admin-key-of-a-test-of-the-app"
PASSWORD = "the page's password"
THIS_MACHINE, ELSEWHERE = "127.0.0.1", "192.0.2.7"
_SECRET = b"s" * 32


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class InProcess:
    services: Services
    http: httpx.AsyncClient
    clock: Clock

    async def ask(
        self, method: str, path: str, *, key: str | None = ADMIN_KEY, status: int = 200, **more: Any
    ) -> Any:
        """The JSON of an answer that has this status; of a refusal its `error`."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = await self.http.request(method, path, headers=headers, **more)
        assert answer.status_code == status, answer.text
        view = answer.json()
        return view if answer.is_success else view["error"]

    async def refusal(self, method: str, path: str, *, status: int, **more: Any) -> str:
        """The code of the error that is the answer."""
        code: str = (await self.ask(method, path, status=status, **more))["code"]
        return code

    async def submit(self, size_bytes: int = 1000, **fields: Any) -> str:
        """A queued job with a recording of so many bytes; returns its id."""
        file = self.services.scratch / "received"
        content = b"x" * size_bytes
        file.write_bytes(content)
        audio = Audio(size_bytes=size_bytes, sha256=hashlib.sha256(content).hexdigest())
        request = JobRequest(str(uuid4()), Options(), **fields)
        return (await submit(self.services, request, file, audio)).job_id


@asynccontextmanager
async def app_in_process(
    folder: Path, *, has_keys: bool = True, password: str | None = PASSWORD, peer: str = ELSEWHERE
) -> AsyncIterator[InProcess]:
    """The app as clients at the address `peer` reach it; without `has_keys` everybody may use it."""
    clock = Clock()
    settings = Settings(data_dir=folder)
    async with open_stores(folder / "escriba.sqlite3", now=clock) as stores:
        audio = AudioFolder(folder / "audio", budget_bytes=10**7, tickets=UploadTickets(_SECRET))
        await audio.open()
        services = _services(settings, stores, clock, audio, _access(stores, clock, has_keys, password))
        app = _app()
        app.state.services = services
        transport = httpx.ASGITransport(Edge(app, proxies=(), hops=1), client=(peer, 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield InProcess(services, client, clock)
        await services.engine.aclose()


@cache
def _app() -> FastAPI:
    """One for all tests, one after the other: it holds nothing but the services that it is given."""
    return build(Settings())


def _services(
    settings: Settings, stores: SqliteStores, clock: Clock, audio: AudioFolder, access: Access
) -> Services:
    return Services(
        settings=settings,
        ffmpeg=Ffmpeg(at_once=1),
        engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
        engine_problem=None,
        scratch=settings.data_dir,
        now=clock,
        started_at=START - 90,
        jobs=stores.jobs,
        audio=audio,
        queue=stores.queue(),
        subscribers=Hub(max_listeners=9),
        quota=stores.account("engine", Quota()),
        client_account=stores.account,
        access=access,
        key_secret=_SECRET,
        admin=admin_services(stores.admin, stores.directory, now=clock),
        readings=Latest(clock=clock),
        backlog=Latest(clock=clock),
    )


def _access(stores: SqliteStores, clock: Clock, has_keys: bool, password: str | None) -> Access:
    return Access(
        is_on=has_keys,
        store=stores.access_keys,
        now=clock,
        secret=_SECRET,
        admin_digest=digest_of(ADMIN_KEY),
        page=PagePassword(password, _SECRET) if password else None,
    )
