"""The addresses at which a job can be read and watched and its audio posted, as responses carry them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from common.http.edge import prefix_of
from common.jobs.view import ticket_view
from common.models import Job
from common.services import Services
from common.settings import Settings


def links_of(job: Job, request: Request, settings: Settings) -> dict[str, Any]:
    """`{jobId, status, statusUrl, eventsUrl, websocketUrl}`, absolute."""
    root = root_url(request, settings)
    return {
        "jobId": job.job_id,
        "status": job.status,
        "statusUrl": f"{root}/job/{job.job_id}",
        "eventsUrl": f"{root}/job/{job.job_id}/events",
        "websocketUrl": settings.websocket_url
        or f"ws{root.removeprefix('http')}/ws/transcription/{job.job_id}",
    }


async def upload_of(job: Job, request: Request, services: Services, *, size_bytes: int = 0) -> dict[str, Any]:
    """`{url, fields, expiresAt}`: where to post the audio of a pending job, and with which fields."""
    settings = services.settings
    ticket = await services.audio.ticket(
        job.job_id,
        max_bytes=settings.max_job_upload_bytes,
        now=services.now(),
        size_bytes=size_bytes,
        until=job.expires_at,  # a second ticket must not be valid for longer than its job
    )
    view = ticket_view(ticket)
    return view if "://" in ticket.url else {**view, "url": root_url(request, settings) + ticket.url}


def root_url(request: Request, settings: Settings) -> str:
    """PUBLIC_URL, or the address that the client used, as the proxies in front say."""
    if settings.public_url:
        return settings.public_url
    return str(request.base_url).rstrip("/") + prefix_of(request)


def root_path(request: Request, settings: Settings) -> str:
    """The path of `root_url`; empty where nothing stands before our own paths."""
    return urlsplit(settings.public_url).path if settings.public_url else prefix_of(request)
