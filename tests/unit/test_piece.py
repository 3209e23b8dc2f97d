"""The language of a piece, with an engine that answers one language a request, on a real socket."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from common.audio.prepare import PreparedAudio
from common.audio.split import plan_cuts
from common.groq.client import Groq
from common.models import Options, Piece
from common.transcription.pipeline import PreparedRecording, transcribe_pieces
from tests.job_service import JobService
from tests.media import Media
from tests.recordings import ENGLISH
from tests.replies import Reply, rate_limited, transcription
from tests.upstream import KEY, Upstream

SECONDS = 24.73


def answer(language: str, text: str, logprob: float) -> Reply:
    segment = {"id": 0, "start": 0.0, "end": 9.0, "text": f" {text}", "avg_logprob": logprob}
    return transcription(text, duration=10.0, language=language, segments=[segment])


@pytest.fixture
def recording(media: Media) -> PreparedRecording:
    path = media.ffmpeg(f"-i {ENGLISH.path} -ac 1", media.folder / "pieces.ogg")
    audio = PreparedAudio(path, "ogg", SECONDS, path.stat().st_size, "as_is")
    return PreparedRecording(audio, plan_cuts(audio, piece_seconds=14.0, overlap=0.5))


def transcribe(
    tmp_path: Path, upstream: Upstream, recording: PreparedRecording, options: Options
) -> list[Piece]:
    async def keep(_: Piece) -> None: ...

    with JobService(tmp_path / "data") as service:
        engine = Groq(base_url=upstream.url, api_key=KEY, model="whisper-large-v3-turbo", max_attempts=1)
        services = replace(service.services, engine=engine)
        return service.call(transcribe_pieces(services, recording, options, tmp_path, kept={}, keep=keep))


def languages_sent(upstream: Upstream) -> list[str | None]:
    return [dict(request.form.fields).get("language") for request in upstream.requests]


def test_a_language_that_is_new_is_checked_against_the_one_before(
    tmp_path: Path, upstream: Upstream, recording: PreparedRecording
) -> None:
    upstream.script += [
        answer("es", "hola", -0.2),
        answer("en", "misheard", -0.9),
        answer("es", "oído", -0.3),
    ]
    pieces = transcribe(tmp_path, upstream, recording, Options())
    assert [piece.transcript.text for piece in pieces] == ["hola", "oído"]
    assert languages_sent(upstream) == [None, None, "es"]


def test_a_language_that_the_engine_is_certain_of_is_kept(
    tmp_path: Path, upstream: Upstream, recording: PreparedRecording
) -> None:
    upstream.script += [answer("es", "hola", -0.2), answer("en", "hello", -0.2), answer("es", "jelou", -0.7)]
    pieces = transcribe(tmp_path, upstream, recording, Options())
    assert [piece.transcript.text for piece in pieces] == ["hola", "hello"]
    assert [piece.transcript.language for piece in pieces] == ["es", "en"]


def test_a_check_for_which_there_is_no_quota_is_left_out(
    tmp_path: Path, upstream: Upstream, recording: PreparedRecording
) -> None:
    upstream.script += [answer("es", "hola", -0.2), answer("en", "hello", -0.9), rate_limited()]
    pieces = transcribe(tmp_path, upstream, recording, Options())
    assert [piece.transcript.text for piece in pieces] == ["hola", "hello"]


def test_the_same_language_again_is_not_checked(
    tmp_path: Path, upstream: Upstream, recording: PreparedRecording
) -> None:
    upstream.script += [answer("es", "hola", -0.2), answer("es", "adiós", -0.9)]
    transcribe(tmp_path, upstream, recording, Options())
    assert languages_sent(upstream) == [None, None]


def test_with_several_languages_each_piece_is_sent_in_each(
    tmp_path: Path, upstream: Upstream, recording: PreparedRecording
) -> None:
    upstream.script += [answer("es", "hola", -0.2), answer("en", "guessed", -0.9)]
    upstream.script += [answer("es", "adivinado", -0.9), answer("en", "hello", -0.2)]
    pieces = transcribe(tmp_path, upstream, recording, Options(languages=("es", "en")))
    assert languages_sent(upstream) == ["es", "en", "es", "en"]
    assert [piece.transcript.text for piece in pieces] == ["hola", "hello"]
    assert [piece.transcript.segments[0].language for piece in pieces] == ["es", "en"]
