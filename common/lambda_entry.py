"""Routers → what AWS Lambda calls. The services are composed once per sandbox, on its first call."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from common.services import Services

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def http(*routers: APIRouter) -> LambdaHandler:
    """A handler for HTTP API (payload 2.0) events, through Mangum.

    Nothing is imported or composed until the first call: the container imports the same modules and
    pays for none of it.
    """
    adapter: LambdaHandler | None = None

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        nonlocal adapter
        adapter = adapter or _adapter(*routers)
        return adapter(event, context)

    return handler


def _adapter(*routers: APIRouter) -> LambdaHandler:
    from mangum import Mangum

    from common.web import build_app

    services = compose()
    app = build_app(*routers, cors_origins=services.settings.cors_origins)
    app.state.services = services
    # "auto" would run start-up and shut-down on every invocation.
    return Mangum(app, lifespan="off")  # type: ignore[return-value] # its own types say Dict and LambdaContext


def compose() -> Services:
    """The services of one sandbox, from its environment."""
    from common.audio.ffmpeg import Ffmpeg
    from common.groq import Groq
    from common.log import set_level
    from common.settings import read_settings

    settings = read_settings()
    set_level(settings.log_level)
    return Services(
        settings=settings,
        ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
        engine=Groq(
            base_url=settings.groq_base_url, api_key=settings.groq_api_key, model=settings.groq_model
        ),
        engine_problem=None if settings.engine == "groq" else "GROQ_API_KEY is not set",
        scratch=Path(tempfile.gettempdir()),
        now=time.time,
        started_at=time.time(),
    )
