"""One recording's way: read, sent once, followed until it ends, its files written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from escriba.api import Api, Refused
from escriba.arguments import Arguments
from escriba.files import digest_of, write_whole
from escriba.plan import job_id_of


class Report(Protocol):
    """Shows how far one recording is: the name of the step, and the share of it that is done, 0 to 1."""

    def __call__(self, step: str, share: float) -> None: ...


class JobFailed(Exception):
    """The job ended without a text: the server's code, sentence and hint."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class OutputUnwritable(Exception):
    """A text is there, but its file cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class Text:
    """A job that completed, and its text by format."""

    job_id: str
    by_format: Mapping[str, bytes] = field(repr=False)


async def transcribe(
    api: Api, path: Path, formats: Sequence[str], arguments: Arguments, *, secret: bytes, report: Report
) -> Text:
    """Raises Refused, Unreachable, JobFailed, OSError."""
    report("reads", 0)
    digest = await asyncio.to_thread(digest_of, path)
    job_id = job_id_of(digest, arguments.options, secret)
    await _start(api, job_id, path, arguments.options, report)
    await _follow(api, job_id, report)
    query = {"wordTimes": "true"} if arguments.word_times else {}
    texts = {
        name: await api.transcript(job_id, {"format": name, **(query if name in {"vtt", "ass"} else {})})
        for name in formats
    }
    return Text(job_id, texts)


def write_texts(text: Text, outputs: Mapping[str, Path]) -> None:
    for name, path in outputs.items():
        try:
            write_whole(path, text.by_format[name])
        except OSError as exc:
            raise OutputUnwritable(path, exc.strerror or str(exc)) from exc


async def _start(api: Api, job_id: str, path: Path, options: Mapping[str, str], report: Report) -> None:
    """The job exists and has its recording. One that failed before this command is tried again."""
    job = await api.submit(job_id, options, path.name)
    if job["status"] in {"failed", "cancelled"}:
        job = await api.retry(job_id)
    size = max(1, await asyncio.to_thread(lambda: path.stat().st_size))
    while "upload" in job:
        try:
            await api.upload(job["upload"], path, lambda sent: report("sends", sent / size))
            return
        except Refused as exc:
            if exc.code != "upload_ticket_invalid":
                raise
            job = await api.submit(job_id, options, path.name)  # its ticket was too old


async def _follow(api: Api, job_id: str, report: Report) -> None:
    """Return once the job is completed and has its speakers. Raises JobFailed when it ends in another way."""
    job: dict[str, Any] = await api.job(job_id, None)
    while (speakers := job.get("speakers")) or job["status"] not in {"completed", "failed", "cancelled"}:
        step = "queued" if job["status"] == "pending" else job["status"]
        report("speakers" if speakers else step, (speakers or job).get("progress", 0) / 100)
        job = await api.job(job_id, job["seq"])
    if job["status"] == "completed":
        report("completed", 1)
        return
    error = job.get("error") or {"code": "cancelled", "message": ""}
    raise JobFailed(error["code"], error["message"], error.get("hint", ""))
