"""GET /health: whether this process can work, what it is doing, and its limits."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from common.errors import EscribaError
from common.http.app import ServicesDep, json_response
from common.jobs.estimates import start_of_new
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.services import VERSION, Services

router = APIRouter(tags=["health"])

# Of a recording, where nobody says how long it is.
_USUAL_SECONDS = 300.0

_EXAMPLE = {
    "status": "ok",
    "version": VERSION,
    "engine": "groq",
    "uptimeSeconds": 86.4,
    "problems": [],
    "limits": {
        "maxUploadMb": 25,
        "maxJobUploadMb": 200,
        "maxAudioMinutes": 240,
        "maxQueue": 200,
        "uploadSlots": 5,
        "transcriptionsAtOnce": 5,
        "lineLength": 64,
        "ffmpegAtOnce": 1,
    },
    "inHand": {"transcriptions": 0, "waiting": 0, "jobs": 1, "watchers": 4, "backlog": 7},
    "startsAt": "2026-01-01T12:00:42.000Z",
}


@router.head("/health", include_in_schema=False)  # what many monitors send
@router.get(
    "/health",
    summary="Whether the server is well",
    response_model=None,
    responses={
        200: {
            "description": "ok, or degraded with the reasons in `problems`",
            "content": {"application/json": {"example": _EXAMPLE}},
        }
    },
)
async def health(services: ServicesDep) -> Response:
    """200 as long as the process can answer; `degraded` when something cannot work, and `problems` says why.

    `startsAt` is when a job that is submitted now is expected to start, where there is a backlog.
    `waiting` counts the transcriptions in the line; `backlog` the jobs that wait or run, null when the store
    did not answer at once, or when nothing was asked of a database for some minutes: it may be asleep.
    """
    backlog, store_problem = await _backlog(services)
    ffmpeg_problem = None if services.ffmpeg.is_available() else "ffmpeg is missing: reinstall imageio-ffmpeg"
    sender_problems = [sender.problem for sender in services.senders.values()]
    causes = [
        ffmpeg_problem,
        services.engine_problem,
        store_problem,
        services.audio.problem,
        *sender_problems,
    ]
    problems = [problem for problem in causes if problem]
    report = _report(services, problems, backlog)
    if backlog and (starts_at := await start_of_new(services, _USUAL_SECONDS)) is not None:
        report["startsAt"] = iso_time(starts_at)
    return json_response(report, headers={"Cache-Control": "no-store"})


async def _backlog(services: Services) -> tuple[int | None, str | None]:
    """How many jobs run or wait, and what is wrong with the store; an idle one is not asked."""
    status = services.store_status()
    if status.problem:
        return None, _describe(status.problem)
    if status.is_idle:
        return None, None
    try:
        async with asyncio.timeout(services.store_timeout):
            return await services.queue.backlog(), None
    except TimeoutError:
        return None, None  # another process holds its lock, or it is slow: it still works
    except EscribaError as exc:
        return None, _describe(exc)


def _describe(problem: EscribaError) -> str:
    return f"jobs cannot be kept: {problem.message('en')}"


def _report(services: Services, problems: list[str], backlog: int | None) -> dict[str, Any]:
    settings, active = services.settings, services.active
    return {
        "status": "degraded" if problems else "ok",
        "version": VERSION,
        "engine": settings.engine,
        "uptimeSeconds": round(services.now() - services.started_at, 1),
        "problems": problems,
        "limits": {
            "maxUploadMb": settings.max_upload_mb,
            "maxJobUploadMb": settings.max_job_upload_mb,
            "maxAudioMinutes": settings.max_audio_minutes,
            "maxQueue": settings.max_queue,
            "uploadSlots": settings.upload_slots,
            "transcriptionsAtOnce": settings.transcriptions_at_once,
            "lineLength": settings.line_length,
            "ffmpegAtOnce": settings.ffmpeg_at_once,
        },
        "inHand": {
            "transcriptions": active.transcriptions,
            "waiting": services.transcribing.waiting,
            "jobs": active.jobs,
            "watchers": active.watchers,
            "backlog": backlog,
        },
    }


# On AWS it also answers requests that no route of API Gateway matches.
handler = http_handler(
    router,
    fallback_for=(
        "limits",
        "transcribe",
        "transcribe_job",
        "job",
        "job_transcript",
        "openai_audio",
        "quota",
        "tokens",
        "sign_in",
        "admin",
        "page",
        "admin_deliveries",
        "admin_jobs",
        "admin_server",
    ),
)
