"""Transcribes the recordings of one command, a few at a time, by a given server or by one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from escriba.api import Api, Refused, Unreachable
from escriba.arguments import STANDARD, Arguments
from escriba.files import user_secret
from escriba.local import LocalServer, ServerEnded, local_server
from escriba.plan import Recording
from escriba.progress import Progress
from escriba.results import Results, write_line
from escriba.transcribe import JobFailed, OutputUnwritable, Report, transcribe, write_texts


class NoServer(Exception):
    """Nothing can be transcribed; the sentence says what to do."""


async def run(arguments: Arguments, recordings: Sequence[Recording], results: Results) -> None:
    """Raises NoServer."""
    if arguments.url:
        async with _api(arguments, arguments.url) as api:
            await Batch(arguments, api, results).run(recordings)
        return
    if not arguments.quiet:
        write_line(arguments.say("starts_server"))
    try:
        async with local_server(arguments.state) as server, _api(arguments, server.url) as api:
            await _run_beside(server, Batch(arguments, api, results), recordings)
    except ServerEnded as exc:
        raise NoServer(arguments.say("server_ended", reason=exc)) from exc


@asynccontextmanager
async def _api(arguments: Arguments, url: str) -> AsyncIterator[Api]:
    """Raises NoServer when no Escriba answers there, or when ours has no engine."""
    say = arguments.say
    async with Api(url, arguments.key, say.language) as api:
        try:
            problems = (await api.health()).get("problems", [])
        except Unreachable as exc:
            raise NoServer(say("no_answer", url=url, reason=exc)) from exc
        except Refused as exc:
            raise NoServer(exc.message or say("no_escriba", url=url)) from exc
        if not arguments.url and any("no engine" in problem for problem in problems):
            raise NoServer(say("no_engine"))
        yield api


async def _run_beside(server: LocalServer, batch: Batch, recordings: Sequence[Recording]) -> None:
    """Raises ServerEnded when the server does, instead of asking it in vain."""
    work = asyncio.create_task(batch.run(recordings))
    end = asyncio.create_task(server.ended())
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise end.result()
        await work
        await batch.forget()
    finally:
        for task in (work, end):
            task.cancel()
        await asyncio.gather(work, end, return_exceptions=True)


class Batch:
    """The recordings of one command on their way through one server."""

    def __init__(self, arguments: Arguments, api: Api, results: Results) -> None:
        self._arguments, self._api, self._results = arguments, api, results
        self._secret = user_secret(arguments.state)
        self._job_ids: set[str] = set()

    async def run(self, recordings: Sequence[Recording]) -> None:
        at_once = min(self._arguments.at_once, len(recordings))
        silent = self._arguments.quiet or self._arguments.as_json
        progress = Progress(self._arguments.say, total=len(recordings), at_once=at_once, silent=silent)
        self._results.write = progress.write
        waiting = iter(recordings)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(self._work_off(waiting, progress))
        finally:
            progress.close()
            self._results.write = write_line

    async def forget(self) -> None:
        """Delete what the server keeps of the jobs whose files are written."""
        for job_id in self._job_ids:
            await self._api.delete(job_id)

    async def _work_off(self, waiting: Iterator[Recording], progress: Progress) -> None:
        for recording in waiting:
            with progress.of(recording.path.name) as report:
                await self._transcribe(recording, report)

    async def _transcribe(self, recording: Recording, report: Report) -> None:
        name, say = str(recording.path), self._arguments.say
        try:
            await self._write(recording, report)
        except Refused as exc:
            message = exc.message or say("no_escriba", url=self._api.url)
            self._results.failed(name, exc.code, message, exc.hint)
        except JobFailed as exc:
            self._results.failed(name, exc.code, exc.message or say("cancelled"), exc.hint)
        except Unreachable as exc:
            self._results.failed(name, "no_answer", say("no_answer", url=self._api.url, reason=exc))
        except OutputUnwritable as exc:
            reason = say("cannot_write", path=exc.path, reason=exc.reason)
            self._results.failed(name, "cannot_write", reason)
        except OSError as exc:
            self._results.failed(name, "cannot_read", say("cannot_read", reason=exc.strerror or exc))

    async def _write(self, recording: Recording, report: Report) -> None:
        to_standard = self._arguments.output == STANDARD
        outputs = recording.outputs if self._arguments.force or to_standard else recording.missing()
        text = await transcribe(
            self._api, recording.path, tuple(outputs), self._arguments, secret=self._secret, report=report
        )
        if to_standard:
            self._results.standard_output(text)
        else:
            write_texts(text, outputs)
            self._results.done(recording, text)
        self._job_ids.add(text.job_id)
