"""GET /health: is this process well, what is it doing, what are its limits."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from common.errors import EscribaError
from common.http.app import Served, json_answer
from common.lambda_entry.handlers import http_handler
from common.services import VERSION, Services

router = APIRouter(tags=["health"])

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
        "maxQueue": 100,
        "uploadSlots": 5,
        "ffmpegAtOnce": 1,
    },
    "inHand": {"transcriptions": 0, "jobs": 1, "watchers": 4, "backlog": 7},
}


@router.head("/health", include_in_schema=False)  # what many who watch over servers ask
@router.get(
    "/health",
    summary="Is it well?",
    response_model=None,
    responses={
        200: {
            "description": "ok, or degraded with the reasons",
            "content": {"application/json": {"example": _EXAMPLE}},
        }
    },
)
async def health(services: Served) -> Response:
    """Answers 200 as long as the process can answer at all; `degraded` names what cannot work and why.

    `backlog` counts the jobs that wait or run; null when the store did not say so at once.
    """
    backlog, store_problem = await _backlog(services)
    ffmpeg_problem = None if services.ffmpeg.available() else "ffmpeg is missing: reinstall imageio-ffmpeg"
    unreached = [sender.problem for sender in services.senders.values()]
    found = [ffmpeg_problem, services.engine_problem, store_problem, *unreached]
    problems = [problem for problem in found if problem]
    report = _report(services, problems, backlog)
    return json_answer(report, headers={"Cache-Control": "no-store"})


async def _backlog(services: Services) -> tuple[int | None, str | None]:
    """How many jobs are in hand or wait, and what is wrong with the store."""
    try:
        async with asyncio.timeout(services.store_timeout):
            return await services.queue.backlog(), None
    except TimeoutError:
        return None, None  # somebody holds its lock, or it is slow: that is no illness
    except EscribaError as exc:
        return None, f"jobs cannot be kept: {exc.message('en')}"


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
            "ffmpegAtOnce": settings.ffmpeg_at_once,
        },
        "inHand": {
            "transcriptions": active.transcriptions,
            "jobs": active.jobs,
            "watchers": active.watchers,
            "backlog": backlog,
        },
    }


# On AWS it is also asked for what is routed nowhere.
handler = http_handler(router, nowhere_but=("transcribe", "transcribe_job", "job", "openai_audio"))
