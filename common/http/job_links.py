"""The addresses at which a job can be read and watched and its audio posted, as responses carry them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

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


async def upload_of(job: Job, request: Request, services: Services) -> dict[str, Any]:
    """`{url, fields, expiresAt}`: where to post the audio of a pending job, and with which fields."""
    settings = services.settings
    ticket = await services.audio.ticket(
        job.job_id,
        max_bytes=settings.max_job_upload_bytes,
        now=services.now(),
        until=job.expires_at,  # a second ticket must not be valid for longer than its job
    )
    view = ticket_view(ticket)
    return view if "://" in ticket.url else {**view, "url": root_url(request, settings) + ticket.url}


def root_url(request: Request, settings: Settings) -> str:
    """PUBLIC_URL, or the address that the client used; a proxy in front may have ended TLS."""
    if settings.public_url:
        return settings.public_url
    root = str(request.base_url).rstrip("/")
    # Each proxy adds its scheme at the end. Anybody may send it, since it changes only the sender's links.
    forwarded, _, _ = request.headers.get("x-forwarded-proto", "").partition(",")
    if forwarded.strip().lower() == "https":
        return root.replace("http://", "https://", 1)
    return root
