"""POST /transcribe: a recording in, its text out, in one request."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.caller import Caller, client_id
from common.audio.ffmpeg_turns import run_for
from common.http.app import ServicesDep, error_examples, json_response, language_of
from common.http.cache_header import note_cache
from common.http.caller import Transcriber
from common.http.disconnect import respond_unless_left
from common.http.openapi import URL, json_object, recording_form, request_body
from common.http.options import FORM_FIELDS, JSON_FIELDS, OPTION_RULES, parse_options
from common.http.recording import URL_ERRORS, receive_recording
from common.http.running_piece import RUNNING_FIELDS, parse_running_piece
from common.http.transcript_example import json_examples
from common.http.transcript_file import (
    FILE_EXAMPLES,
    LAYOUT_FIELDS,
    file_response,
    parse_layout,
    require_speakers,
)
from common.jobs.view import transcript_view
from common.lambda_entry.handlers import http_handler
from common.services import Services
from common.transcription.cache import transcribe_unless_kept
from common.transcription.option_rules import check_speakers, with_word_times
from common.upload.receive import Upload

router = APIRouter(tags=["transcribe"])

_BODY = request_body(
    recording_form({**FORM_FIELDS, **LAYOUT_FIELDS, **RUNNING_FIELDS}, **OPTION_RULES),
    json_object(
        {"url": URL, **JSON_FIELDS, **LAYOUT_FIELDS, **RUNNING_FIELDS}, required=["url"], **OPTION_RULES
    ),
)

_EXAMPLE = {
    "text": "Hola, ¿qué tal?",
    "language": "es",
    "duration": 2.4,
    "segments": [
        {
            "id": 0,
            "start": 0.0,
            "end": 2.4,
            "text": "Hola, ¿qué tal?",
            "avgLogprob": -0.21,
            "language": "es",
        }
    ],
    "languages": ["es"],
    "model": "whisper-large-v3-turbo",
    "engine": "groq",
    "processing": {"receive": 0.4, "wait": 0.0, "prepare": 0.05, "recognise": 0.8, "total": 1.25},
}


@router.post(
    "/transcribe",
    summary="Transcribe a recording and wait for the text",
    response_model=None,
    openapi_extra=_BODY,
    responses={
        200: {
            "description": "the transcript, or the file of another `format`",
            "content": {**json_examples(_EXAMPLE), **FILE_EXAMPLES},
        },
        **error_examples(
            errors.BodyMalformed(problem="no boundary"),
            errors.UploadTooSlow(),
            errors.UploadTooLarge(limit_mb=25),
            errors.AudioOverQuota(),
            errors.EncodingUnsupported(),
            errors.MediaTypeUnsupported(),
            *URL_ERRORS,
            errors.AudioUnreadable(),
            errors.FileIsPlaylist(),
            errors.FileIsSubtitles(),
            errors.FileIsImage(),
            errors.FileIsArchive(),
            errors.FileIsDocument(),
            errors.FileMissing(),
            errors.FileRepeated(),
            errors.FileEmpty(),
            errors.OptionUnknown(
                option="lang",
                known="guard, inputFormat, language, model, prompt, task, temperature, timestamps, …",
            ),
            errors.OptionInvalid(option="temperature", expected="0 … 1"),
            errors.LanguageUnknown(language="klingon"),
            errors.SpeakersUnavailable(),
            errors.AudioProtected(),
            errors.AudioTrackMissing(),
            errors.AudioTrackUnknown(track=3, tracks=2),
            errors.AudioTruncated(),
            errors.AudioTooShort(minimum=0.01),
            errors.AudioTooLong(limit_minutes=240),
            errors.AudioTooCostly(),
            errors.EscribaError(),
            errors.EngineUnreachable(),
            errors.EngineBroken(),
            errors.EngineRefused(reason="…"),
            errors.EngineKeyInvalid(),
            errors.TooManyRequests(retry_after=2, whose=errors.YOUR_KEY, limit=600),
            errors.TooMuchAudio(
                retry_after=100,
                whose=errors.YOUR_KEY,
                limit=3600,
                window=errors.Sentence("an hour", "por hora"),
            ),
            errors.Busy(retry_after=5),
            errors.Paused(retry_after=60),
            errors.EngineMissing(),
            errors.EngineQuotaSpent(retry_after=100),
            errors.ToolMissing(),
            errors.EngineTimeout(),
            errors.StorageFull(),
        ),
    },
)
async def transcribe(request: Request, services: ServicesDep, caller: Transcriber) -> Response:
    """Fields may come in any order; the content of a file decides its format, never its name."""
    await services.admin.pause.check()
    services = services.serving(caller.owner)
    services.transcribing.check_room(caller.client)
    services.active.transcriptions += 1
    try:
        # The folder is deleted with the request in any case; after a kill, the next start deletes it.
        with tempfile.TemporaryDirectory(dir=services.scratch, prefix="transcribe-") as name:
            folder, stages, limit = Path(name), Stages(), services.settings.max_upload_bytes
            upload = await receive_recording(request, services, folder, max_bytes=limit)
            stages.end("receive")
            return await respond_unless_left(
                _respond(services, upload, stages, request, caller), request.receive
            )
    finally:
        services.active.transcriptions -= 1


async def _respond(
    services: Services, upload: Upload, stages: Stages, request: Request, caller: Caller
) -> Response:
    layout = parse_layout(upload.fields)
    options = parse_options(upload.fields, beside=(*LAYOUT_FIELDS, *RUNNING_FIELDS))
    running = parse_running_piece(upload.fields)
    require_speakers(layout, asked=bool(options.speakers))
    check_speakers(services, options)
    # Imported with the first recording: it is a tenth of the CPU of a start.
    from common.transcription.whole import transcribe_whole

    engine_options = with_word_times(options) if layout.wants_words or running else options
    run_for(caller.client)
    services = await services.for_client(client_id(caller.client, secret=services.key_secret))
    take = partial(services.transcribing.take, caller.client, upload.size_bytes)
    transcript, is_kept = await transcribe_unless_kept(
        services,
        upload.sha256,
        engine_options,
        lambda: transcribe_whole(services, upload.path, engine_options, take, on_stage=stages.end),
        owner=caller.owner,
    )
    headers = note_cache(request, is_hit=is_kept)
    if layout.format != "json":
        return await file_response(transcript, layout, name=upload.filename, headers=headers)
    view = transcript_view(transcript, options, language=language_of(request))
    if running:
        view["running"] = running.view(transcript)
    process = {"engine": services.settings.engine, "processing": stages.seconds()}
    return json_response({**view, **({"cached": True} if is_kept else {}), **process}, headers=headers)


class Stages:
    """How long each stage took, in seconds."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._seconds: dict[str, float] = {}

    def end(self, stage: str) -> None:
        now = time.perf_counter()
        self._seconds[stage] = round(now - self._last, 3)
        self._last = now

    def seconds(self) -> dict[str, float]:
        return {**self._seconds, "total": round(time.perf_counter() - self._start, 3)}


handler = http_handler(router, imports=("common.transcription.whole", "common.text.subtitles"))
