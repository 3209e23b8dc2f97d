"""The routes of jobs on a real socket over the real store. There is no worker: tests change the jobs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

from fastapi import FastAPI

from common.audio.ffmpeg import Ffmpeg
from common.groq.client import Groq
from common.http.app import build_app
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.events import make_event
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.server.connections import ConnectionLimits
from common.local.server.serve import build_server
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.models import Audio, Job, Options, Piece, Transcript
from common.services import Services
from common.settings import Settings
from common.upload.ticket import UploadTickets
from functions import job, job_transcript, transcription_ws
from tests.new_jobs import queued_job
from tests.serving import wait_until

T = TypeVar("T")

AUDIO = Audio(size_bytes=5, sha256="0" * 64, filename="voz.mp3")


class JobService:
    """A server in a thread of its own; `call` runs a coroutine in that thread's event loop."""

    def __init__(self, root: Path, *, limits: ConnectionLimits | None = None, **settings: Any) -> None:
        self._root = root
        self._settings = Settings(data_dir=root, **settings)
        self._limits = limits or ConnectionLimits(shutdown=2)
        self.hub = Hub(max_listeners=self._settings.max_watchers)
        self.cancelled_runs: list[str] = []
        self.clock = 0.0  # seconds by which this server's clock is ahead
        self.services: Services

    def __enter__(self) -> Self:
        app = build_app(
            job.router,
            job_transcript.router,
            transcription_ws.router,
            cors_origins=self._settings.cors_origins,
        )
        self.server = build_server(app, host="127.0.0.1", port=0, limits=self._limits)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(app)))
        self._thread.start()
        wait_until(lambda: self.server.started or not self._thread.is_alive())
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url, self.ws_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        self.port = port
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """As SIGTERM does."""
        self._loop.call_soon_threadsafe(self.hub.close)
        self.server.should_exit = True

    async def _serve(self, app: FastAPI) -> None:
        async with self._lifespan(app):
            await self.server.serve()

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        database = Database(self._root / "jobs.sqlite3")
        audio = AudioFolder(
            self._root / "audio", budget_bytes=10_000_000, tickets=UploadTickets(b"s" * 32, seconds=900)
        )
        await audio.open()
        self.services = app.state.services = Services(
            settings=self._settings,
            ffmpeg=Ffmpeg(at_once=1),
            engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
            engine_problem=None,
            scratch=self._root,
            now=self.now,
            started_at=self.now(),
            jobs=SqliteJobs(database),
            audio=audio,
            queue=SqliteQueue(database, now=self.now),
            subscribers=self.hub,
            quota=None,
            cancel_run=self.cancelled_runs.append,
        )
        yield
        database.close()

    def now(self) -> float:
        return time.time() + self.clock

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def call_async(self, work: Coroutine[Any, Any, T]) -> T:
        """`call`, for tests that run in an event loop of their own."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    # ── jobs, step by step ────────────────────────────────────────────────────────────────────────

    async def create_queued(self, **fields: Any) -> Job:
        """A queued job with its audio."""
        job_id = str(uuid4())
        now = self.now()
        received = self._root / f"{job_id}.received"
        received.write_bytes(b"sound")
        await self.services.audio.keep(job_id, received)
        new = queued_job(job_id, now=now, expires_at=now + 3600, audio=AUDIO, **fields)
        await self.services.jobs.create(new, make_event(new))
        return new

    async def create_pending(self) -> Job:
        now = self.now()
        new = state.accept(str(uuid4()), options=Options(), now=now, expires_at=now + 900)
        await self.services.jobs.create(new, make_event(new))
        return new

    async def create_running(self, pieces: int = 3) -> Job:
        job = await commit_job(self.services, state.start(await self.create_queued(), now=self.now()))
        return await commit_job(self.services, state.plan(job, pieces=pieces, done=0, now=self.now()))

    async def add_piece(self, running: Job, text: str) -> Job:
        """Transcribe one more piece of a job."""
        index = running.pieces_done
        transcript = Transcript(text=text, duration=2.5, language="es")
        piece = Piece(index=index, start=index * 2.5, transcript=transcript)
        await self.services.jobs.lease(running.job_id, "test", now=self.now(), seconds=30)
        await self.services.jobs.keep_piece(running.job_id, piece, holder="test")
        after = state.add_piece(running, done=index + 1, language="es", now=self.now())
        return await commit_job(self.services, after, "text", piece=piece)

    async def report_progress(self, running: Job, share: float) -> Job:
        """Commit mere progress."""
        after = state.prepare(running, share=share, now=self.now())
        return await commit_job(self.services, after, "progress")

    async def complete(self, running: Job | None = None, text: str = "Hola mundo") -> Job:
        running = running or await self.add_piece(await self.create_running(1), text)
        merging = await commit_job(self.services, state.merge(running, now=self.now()), "progress")
        now = self.now()
        completed = state.complete(merging, language="es", now=now, expires_at=now + 3600)
        result = Transcript(text=text, duration=2.5, language="es")
        return await commit_job(self.services, completed, result=result)

    async def create_failed(self, error: Any) -> Job:
        now = self.now()
        after = state.fail(await self.create_running(), error, now=now, expires_at=now + 3600)
        return await commit_job(self.services, after)
