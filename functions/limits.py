"""GET /limits: what a page has to know before it sends a recording."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from common.access.access import Access
from common.audio.extensions import EXTENSIONS
from common.groq.request import PROMPT_BYTES
from common.http.app import ServicesDep, json_response
from common.http.etag import is_known, tag_of
from common.lambda_entry.handlers import http_handler
from common.services import VERSION, Services
from common.settings import Settings
from common.text.languages import codes
from common.transcription.option_rules import can_distinguish_speakers

router = APIRouter(tags=["health"])

_CACHE = "public, max-age=60"
_EXAMPLE = {
    "version": VERSION,
    "engine": "groq",
    "keys": "none",
    "signIn": [],
    "maxUploadBytes": 26_214_400,
    "maxJobUploadBytes": 209_715_200,
    "maxAudioSeconds": 14_400,
    "maxPromptBytes": PROMPT_BYTES,
    "retentionSeconds": 259_200,
    "extensions": ["mp3", "m4a", "wav"],
    "languages": ["en", "es"],
    "speakers": True,
    "convexUrl": None,
}


@router.get(
    "/limits",
    summary="What may be sent, and whether that needs an access key",
    response_model=None,
    responses={
        200: {
            "description": "`keys` is `none`, `optional` or `required`; `signIn` names the ways in on "
            "the page, `key` and `password`; `maxUploadBytes` counts for "
            "/transcribe, `maxJobUploadBytes` for jobs and /v1; `convexUrl` is where the page lists the "
            "recordings of all of a person's devices, null where it does not",
            "content": {"application/json": {"example": _EXAMPLE}},
        },
        304: {"description": "the same as If-None-Match"},
    },
)
async def limits(services: ServicesDep, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The same for everybody, without a key. `extensions` are for a file dialog: the contents decide."""
    view = _view(services)
    headers = {"Cache-Control": _CACHE, "ETag": tag_of(view)}
    if is_known(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    return json_response(view, headers=headers)


def _view(services: Services) -> dict[str, Any]:
    settings = services.settings
    return {
        "version": VERSION,
        "engine": settings.engine,
        "keys": _keys(services.access),
        "signIn": _ways_in(settings),
        "maxUploadBytes": settings.max_upload_bytes,
        "maxJobUploadBytes": settings.max_job_upload_bytes,
        "maxAudioSeconds": settings.max_audio_minutes * 60,
        "maxPromptBytes": PROMPT_BYTES,
        "retentionSeconds": settings.retention_hours * 3600,
        "extensions": EXTENSIONS,
        "languages": sorted(codes()),
        "speakers": can_distinguish_speakers(services),
        "convexUrl": settings.convex_page_url,
    }


def _ways_in(settings: Settings) -> list[str]:
    """How a person signs in on the page."""
    has_keys = settings.admin_key or settings.api_keys
    return [*(["key"] if has_keys else []), *(["password"] if settings.page_password else [])]


def _keys(access: Access) -> str:
    if not access.is_on:
        return "none"
    return "optional" if access.allows_anonymous else "required"


handler = http_handler(router)
