"""From a request to a job that will end: the row first, then the audio, then the queue.

The request that creates the row owns the id, so two submits at once cannot mix their recordings; a repeat of
the same request finds the same job and finishes what a crash left undone. Where the job's audio and text are
gone, a repeat starts its next run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.errors import AudioGone, FileMissing, JobConflict, UploadExpired
from common.jobs import download_state, state
from common.jobs.commit import commit_job
from common.jobs.events import make_event
from common.models import Audio, Job, Options
from common.ports import AlreadyExists, StaleJob, Target
from common.services import Services

# What earlier versions hashed, at its default too. Jobs that they stored must still know their request.
_OPTIONS_ONCE_HASHED = {
    "language", "prompt", "temperature", "timestamps", "task", "model",
    "track", "tracks", "input_format", "guard",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a client asked for, checked."""

    job_id: str
    options: Options
    user_id: str | None = None
    owner: str | None = None
    client: str | None = None
    callback_url: str | None = None
    locale: Literal["en", "es"] = "en"
    filename: str | None = None
    url: str | None = None

    def fingerprint(self, audio: Audio | None) -> str:
        """The same for the same request, whatever its language or the name of the file.

        Options at their default count for nothing, so that a new option leaves the fingerprints of stored
        jobs valid.
        """
        return self._hash(self.options.model_dump_json(exclude_defaults=True), audio)

    def has_made(self, job: Job, audio: Audio | None) -> bool:
        """Whether `job` was made by this request."""
        if job.owner != self.owner:
            return False
        if job.fingerprint == self.fingerprint(audio):
            return True
        uses_new_options = self.options.model_dump(exclude_defaults=True).keys() - _OPTIONS_ONCE_HASHED
        earlier = self.options.model_dump_json(include=_OPTIONS_ONCE_HASHED)
        return not uses_new_options and job.fingerprint == self._hash(earlier, audio)

    def _hash(self, options: str, audio: Audio | None) -> str:
        identity = [options, self.user_id, self.callback_url, audio.sha256 if audio else None]
        identity += [self.url] if self.url else []
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


async def create_pending(services: Services, request: JobRequest) -> Job:
    """A job whose audio will be posted later. Raises JobConflict when its id belongs to another request."""
    return await _create_or_get(services, request, audio=None)


async def submit_url(services: Services, request: JobRequest) -> Job:
    """A job that fetches its recording from `request.url`; on return it is durable. Raises JobConflict."""
    job = await _create_or_get(services, request, audio=None)
    if job.status == "queued":  # also one whose first submit was cut off before it came to this
        await services.queue.put(job.job_id, client=job.client)
    return job


async def submit(services: Services, request: JobRequest, file: Path, audio: Audio) -> Job:
    """A job with its audio; on return both are durable. Raises JobConflict, StorageFull."""
    job = await _create_or_get(services, request, audio=audio)
    return await attach_audio(services, job, file, audio) if job.status == "pending" else job


async def attach_audio(services: Services, job: Job, file: Path, audio: Audio) -> Job:
    """Keep the audio of a pending job and queue it; the same audio once more is harmless.

    Raises JobConflict for other audio than the job has, UploadExpired when it ended without any.
    """
    job = await _bind_audio(services, job, audio)
    if job.audio is None:
        raise UploadExpired
    if job.audio.sha256 != audio.sha256:
        raise JobConflict
    return await _keep_and_queue(services, job, file, job.audio) if job.status == "pending" else job


async def attach_put_audio(services: Services, job: Job) -> Job:
    """Queue a pending job whose recording its client has put into the store; once more is harmless.

    Raises FileMissing where there is none, JobConflict where the job has other audio, UploadExpired.
    """
    if job.status != "pending":
        if job.audio is None:
            raise UploadExpired
        return job
    if job.audio is not None and not job.audio.sha256.startswith(f"put:{job.job_id}:"):
        raise JobConflict
    audio = await services.audio.adopt(job.job_id, max_bytes=services.settings.max_job_upload_bytes)
    if audio is None:
        raise FileMissing
    job = await _bind_audio(services, job, audio)
    return await _queue(services, job, job.audio or audio) if job.status == "pending" else job


async def _bind_audio(services: Services, job: Job, audio: Audio) -> Job:
    """The job once it names its audio: of two recordings that come at once, the first one.

    Again where the job has changed and still waits for audio: the sweep may have prolonged it.
    """
    while job.status == "pending" and job.audio is None:
        try:
            return await commit_job(services, state.bind_audio(job, audio, now=services.now()), "progress")
        except StaleJob:
            job = await services.jobs.get(job.job_id)
    return job


async def _keep_and_queue(services: Services, job: Job, file: Path, audio: Audio) -> Job:
    await services.audio.keep(job.job_id, file)
    return await _queue(services, job, audio)


async def _queue(services: Services, job: Job, audio: Audio) -> Job:
    while job.status == "pending":
        now = services.now()
        queued = state.queue(job, audio, now=now, expires_at=services.retention_end(now))
        try:
            job = await commit_job(services, queued)
        except StaleJob:  # the sweep prolonged it, the same audio came twice, or the job was cancelled
            job = await services.jobs.get(job.job_id)
        else:
            await services.queue.put(job.job_id, client=job.client)
            return job
    # Only we can remove what was kept here.
    if job.status in {"completed", "cancelled"} or job.erased_at is not None:
        await services.audio.remove(job.job_id)
    return job


async def _create_or_get(services: Services, request: JobRequest, *, audio: Audio | None) -> Job:
    """A new job, or the one of this id if the same request made it."""
    now = services.now()
    job = state.accept(
        request.job_id,
        options=request.options,
        now=now,
        expires_at=services.upload_end(now),
        user_id=request.user_id,
        owner=request.owner,
        client=request.client,
        callback_url=request.callback_url,
        locale=request.locale,
        fingerprint=request.fingerprint(audio),
        filename=request.filename,
    )
    job = state.expect_audio(job, audio) if audio else job
    if request.url is not None:
        job = download_state.expect(job, request.url, expires_at=services.retention_end(now))
    try:
        await services.jobs.create(job, make_event(job), targets=_targets(job, services))
    except AlreadyExists as exists:
        if not request.has_made(exists.job, audio):
            raise JobConflict from exists
        return await _submit_again(services, exists.job, audio, request.url)
    services.serving(request.owner).count_usage("jobs")
    return job


async def _submit_again(services: Services, job: Job, audio: Audio | None, url: str | None) -> Job:
    """The job as it is; in its next run where nothing of it can be read or run any more."""
    now = services.now()
    if not _is_gone(job, now=now):
        return job
    # No piece or text of an earlier run may mix with this one's.
    await services.audio.remove(job.job_id)
    await services.jobs.erase_text(job.job_id)
    expires_at = services.retention_end(now) if url else services.upload_end(now)
    again = state.submit_again(job, audio=audio, now=now, expires_at=expires_at)
    again = download_state.expect(again, url, expires_at=expires_at) if url else again
    try:
        return await commit_job(services, again)
    except StaleJob:  # the same request came at the same time, and was first
        return await services.jobs.get(job.job_id)


def _is_gone(job: Job, *, now: float) -> bool:
    """Whether a job was deleted, has expired, or failed since its audio never came or is lost."""
    if not job.has_ended:
        return False
    lost_audio = job.error is not None and (
        job.error.code in {AudioGone.code, UploadExpired.code} or job.error.stage == "upload"
    )
    return lost_audio or job.erased_at is not None or job.expires_at <= now


def _targets(job: Job, services: Services) -> tuple[Target, ...]:
    enabled: dict[Target, bool] = {"convex": "convex" in services.senders, "callback": bool(job.callback_url)}
    return tuple(target for target, is_enabled in enabled.items() if is_enabled)
