"""A transcription as OpenAI streams it: `transcript.text.delta` for each new text, then `.done`.

The response starts with the first text: what fails before it has a status of its own, for which the SDKs
raise their own classes. When the first text takes long, a comment starts the response.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from common.errors import EscribaError, RetryLater
from common.http.disconnect import run_until_left
from common.http.sse import COMMENT, EventWriter, encode_event
from common.models import Options, Transcript
from common.openai.errors import error_body
from common.places import Take
from common.services import Services

if TYPE_CHECKING:
    from common.transcription.progressive import OnText

Refuse = Callable[[EscribaError | RetryLater], Response]

_HEARTBEAT = 15.0  # seconds without a text, after which a comment is sent


def stream_text(
    services: Services, path: Path, options: Options, take: Take, *, kept: Transcript | None
) -> Callable[[OnText], Awaitable[str]]:
    """What transcribes a recording for a stream; `kept` is its text where that is known already."""
    # Imported with the first recording: it is a tenth of the CPU of a start.
    from common.transcription.progressive import repeat, transcribe_progressively

    async def transcribe(on_text: OnText) -> str:
        if kept is not None:
            return repeat(kept, on_text)
        return await transcribe_progressively(services, path, options, take, on_text)

    return transcribe


class TranscriptionStream(Response):
    """Runs `transcribe` until it ends or the client leaves; it passes on each new text and returns them all.

    `resources` are released at the end in any case. `refuse` makes the response to a failure before the
    first text; a later failure is an event of the stream, as in OpenAI's. `headers` are added.
    """

    def __init__(
        self,
        transcribe: Callable[[OnText], Awaitable[str]],
        *,
        resources: AbstractContextManager[Any],
        refuse: Refuse,
        headers: Mapping[str, str] | None = None,
        heartbeat: float = _HEARTBEAT,
    ) -> None:
        super().__init__()
        self._transcribe = transcribe
        self._resources = resources
        self._refuse = refuse
        self._extra = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        self._heartbeat = heartbeat

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with self._resources:
            await run_until_left(self._respond(scope, receive, send), receive)

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        writer = EventWriter(send, self._extra)
        try:
            async with aclosing(self._blocks()) as blocks:
                async for block in blocks:
                    await writer.write(block)
        except (EscribaError, RetryLater) as failure:
            if not writer.has_started:
                await self._refuse(failure)(scope, receive, send)
                return
            language = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            await writer.write(_encode(error_body(failure, accept_language=language)))
        await writer.end()

    async def _blocks(self) -> AsyncGenerator[bytes, None]:
        """An event for each new text, a comment where none comes for long, the whole text at the end."""
        texts: asyncio.Queue[str | None] = asyncio.Queue()
        transcribing = asyncio.ensure_future(self._transcribe(texts.put_nowait))
        transcribing.add_done_callback(lambda _: texts.put_nowait(None))
        try:
            while (text := await self._next(texts)) is not None:
                yield _encode({"type": "transcript.text.delta", "delta": text}) if text else COMMENT
            yield _encode({"type": "transcript.text.done", "text": transcribing.result()})
        finally:
            transcribing.cancel()
            await asyncio.gather(transcribing, return_exceptions=True)

    async def _next(self, texts: asyncio.Queue[str | None]) -> str | None:
        """The next text; "" when none came for a heartbeat's time, None after the last."""
        try:
            async with asyncio.timeout(self._heartbeat):
                return await texts.get()
        except TimeoutError:
            return ""


def _encode(value: dict[str, Any]) -> bytes:
    return encode_event(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
