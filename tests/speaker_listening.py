"""A job that awaits its speakers, over a real store, and what stands in for the child that listens."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.groq.client import Groq
from common.jobs import state, text_state
from common.jobs.commit import commit_job
from common.jobs.correct import correct
from common.jobs.events import make_event
from common.jobs.later_speakers import run_speaker_task
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.cache import SqliteCache
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.local.sqlite.speaker_tasks import SqliteSpeakerTasks
from common.local.sqlite.voices import SqliteVoices
from common.models import Audio, Job, Options, Segment, Transcript, Word
from common.services import Services
from common.settings import Settings
from common.speaker_tasks_port import SpeakerTask
from common.speakers.stretch import Stretch
from common.transcription.cache import recall
from common.upload.ticket import UploadTickets
from tests.acceptance.client import tone
from tests.contract.sample_jobs import NOW, WEEK
from tests.new_jobs import queued_job

AUDIO = tone(random.Random(7))
SHA256 = "cd" * 32
OPTIONS = Options(speakers="2", timestamps=("segment", "word"))
ANSWER = 4.0  # seconds: from then on another voice speaks


def text_of(*words: str) -> Transcript:
    """A word every two seconds, in one segment."""
    spoken = "".join(f" {word}" for word in words)
    timed = tuple(Word(word=word, start=2.0 * i, end=2.0 * i + 1) for i, word in enumerate(words))
    segment = Segment(id=0, start=0.0, end=2.0 * len(words), text=spoken)
    return Transcript(text=spoken.strip(), duration=segment.end, segments=(segment,), words=timed)


TEXT = text_of("Hola", "Ana.", "Buenas", "tardes.")
LABELLED = [("A", "Hola Ana."), ("B", "Buenas tardes.")]


async def nothing() -> None:
    """What happens while a stretch is listened to."""


@dataclass
class Listening:
    """In place of the child process: `at_embed` and `at_assign` happen meanwhile, and may raise."""

    at_embed: Callable[[], Awaitable[object]] = nothing
    at_assign: Callable[[], Awaitable[object]] = nothing
    after_window: Callable[[], Awaitable[object]] = nothing
    embedded: int = 0
    assigned: list[bytes] = field(default_factory=list)

    async def embed(
        self, pcm: Path, stretch: Stretch, *, on_share: Callable[[float], None], **_: Any
    ) -> bytes:
        assert pcm.stat().st_size > 0
        self.embedded += 1
        await self.at_embed()
        windows = stretch.windows([])
        for number in range(len(windows)):
            on_share((number + 1) / len(windows))
            await self.after_window()
        return b"voices"

    async def assign(self, request: Path, *, least: int, most: int, **_: Any) -> list[Any]:
        assert (least, most) == (2, 2)
        first, _newline, packed = request.read_bytes().partition(b"\n")
        self.assigned.append(packed)
        await self.at_assign()
        speakers = [int(start >= ANSWER) for start, _ in json.loads(first)]
        return [
            *([speakers.index(speaker), speaker] for speaker in sorted(set(speakers))),
            {"doubt": False, "unwritten": 0.0},
        ]


@dataclass
class Server:
    """The services over a real store, and a clock that stands still."""

    folder: Path
    services: Services
    tasks: SqliteSpeakerTasks
    now: float = NOW
    job_id: str = ""

    def use(self, jobs: SqliteJobs) -> None:
        self.services = replace(self.services, jobs=jobs)

    async def lose_lease(self) -> None:
        """As after a long standstill: another process has the task."""
        await self.tasks.release_all(["me"])
        assert await self.claim("you")

    async def claim(self, holder: str = "me") -> SpeakerTask | None:
        seconds = self.services.settings.lease_seconds
        return await self.tasks.claim(holder, now=self.now, seconds=seconds)

    async def run(self) -> None:
        task = await self.claim()
        assert task
        await run_speaker_task(self.services, self.tasks, task, "me")

    async def job(self) -> Job:
        return await self.services.jobs.get(self.job_id)

    async def correct(self, text: Transcript) -> None:
        await correct(self.services, self.job_id, lambda _: text, seqs=None)

    async def text(self) -> Transcript:
        text = await self.services.jobs.result(self.job_id)
        assert text
        return text

    async def kept_for_equal_recordings(self) -> Transcript | None:
        return await recall(self.services, SHA256, OPTIONS, owner=None)

    async def assert_nothing_is_left(self) -> None:
        with closing(sqlite3.connect(self.folder / "jobs.sqlite3")) as database:
            for table in ("speaker_tasks", "later_voices", "voices"):
                assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert not await self.services.audio.has(self.job_id)
        assert not list(self.folder.glob("speakers-*"))


class ServerJobs(SqliteJobs):
    """The real store of a server; a test changes what some of its calls do."""

    def __init__(self, server: Server) -> None:
        assert isinstance(server.services.jobs, SqliteJobs)
        super().__init__(server.services.jobs._database)


@asynccontextmanager
async def serve(folder: Path, text: Transcript = TEXT, **settings: Any) -> AsyncIterator[Server]:
    """With a completed job that awaits its speakers."""
    database = Database(folder / "jobs.sqlite3")
    audio = AudioFolder(folder / "audio", budget_bytes=10**7, tickets=UploadTickets(b"s" * 32))
    await audio.open()
    services = Services(
        settings=Settings(data_dir=folder, **{"max_attempts": 2, **settings}),
        ffmpeg=Ffmpeg(at_once=1),
        engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
        engine_problem=None,
        scratch=folder,
        now=lambda: server.now,
        started_at=0,
        jobs=SqliteJobs(database),
        audio=audio,
        queue=SqliteQueue(database, now=lambda: server.now),
        subscribers=Hub(max_listeners=9),
        quota=None,
        cache=SqliteCache(database, budget_bytes=10**6),
        voices=SqliteVoices(database),
    )
    server = Server(folder, services, SqliteSpeakerTasks(database))
    try:
        server.job_id = await complete(services, text)
        yield server
    finally:
        await services.engine.aclose()
        database.close()


async def complete(services: Services, text: Transcript) -> str:
    audio = Audio(size_bytes=len(AUDIO), sha256=SHA256)
    job = queued_job(str(uuid4()), options=OPTIONS, audio=audio, now=NOW, expires_at=NOW + WEEK)
    await services.jobs.create(job, make_event(job))
    file = services.scratch / "received"
    file.write_bytes(AUDIO)
    await services.audio.keep(job.job_id, file)
    job = await commit_job(services, state.start(job, now=NOW))
    done = state.complete(job, language="es", now=NOW, expires_at=NOW + WEEK)
    await commit_job(services, text_state.expect_speakers(done), result=text)
    return job.job_id


def said(transcript: Transcript) -> list[tuple[str | None, str]]:
    return [(segment.speaker, segment.text.strip()) for segment in transcript.segments]


def codes(transcript: Transcript) -> list[str]:
    return [warning.code for warning in transcript.warnings]


def once(step: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    steps = [step]

    async def run() -> None:
        if steps:
            await steps.pop()()

    return run


def raising(error: Exception) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        raise error

    return run


async def hang() -> None:
    await asyncio.Event().wait()


def stand_in_for_the_child(patch: pytest.MonkeyPatch) -> Listening:
    listening = Listening()
    patch.setattr("common.transcription.speakers.embed", listening.embed)
    patch.setattr("common.transcription.speakers.assign", listening.assign)
    patch.setattr("common.transcription.option_rules.is_installed", lambda: True)
    return listening
