"""GET /health: is this process well, what is it doing, what are its limits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from common.lambda_entry import http
from common.services import VERSION, Services
from common.web import Served, json_answer

router = APIRouter(tags=["health"])

_EXAMPLE = {
    "status": "ok",
    "version": VERSION,
    "engine": "groq",
    "uptimeSeconds": 86.4,
    "problems": [],
    "limits": {"maxUploadMb": 25, "maxAudioMinutes": 240, "uploadSlots": 5, "ffmpegAtOnce": 1},
    "inHand": {"transcriptions": 0},
}


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
    """Answers 200 as long as the process can answer at all; `degraded` names what cannot work and why."""
    return json_answer(_report(services), headers={"Cache-Control": "no-store"})


def _report(services: Services) -> dict[str, Any]:
    settings = services.settings
    ffmpeg_problem = None if services.ffmpeg.available() else "ffmpeg is missing: reinstall imageio-ffmpeg"
    problems = [problem for problem in (ffmpeg_problem, services.engine_problem) if problem]
    return {
        "status": "degraded" if problems else "ok",
        "version": VERSION,
        "engine": settings.engine,
        "uptimeSeconds": round(services.now() - services.started_at, 1),
        "problems": problems,
        "limits": {
            "maxUploadMb": settings.max_upload_mb,
            "maxAudioMinutes": settings.max_audio_minutes,
            "uploadSlots": settings.upload_slots,
            "ffmpegAtOnce": settings.ffmpeg_at_once,
        },
        "inHand": {"transcriptions": services.in_hand.transcriptions},
    }


handler = http(router)
