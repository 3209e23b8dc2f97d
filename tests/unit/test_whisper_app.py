"""The embedded engine answers as Groq does: responses, errors, as an ASGI app and as a process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import psutil
import pytest

from common.local.whisper import app, weights
from common.local.whisper.app import build_engine
from common.local.whisper.recogniser import Recogniser
from common.local.whisper.recognition import DecodingOptions, RecognisedSegment, RecognitionResult
from tests.media import Media
from tests.recordings import (
    ENGLISH,
    ENGLISH_SHORT,
    SPANISH,
    Recording,
    normalise,
    spanish_short,
    word_error_rate,
)

ROOT = Path(__file__).parents[2]
TRANSCRIPTIONS = "/openai/v1/audio/transcriptions"
TRANSLATIONS = "/openai/v1/audio/translations"
TURBO = {"model": "whisper-large-v3-turbo"}
V3 = {"model": "whisper-large-v3"}
VERBOSE = {**TURBO, "response_format": "verbose_json"}
MB = 1024 * 1024

Form = Mapping[str, str | Sequence[str]]


@pytest.fixture(scope="module")
def models(pytestconfig: pytest.Config) -> Path:
    """The folder of the joined weights, kept for the next test run."""
    assert pytestconfig.cache is not None
    return pytestconfig.cache.mkdir("models")


class KeptRecognitions(Recogniser):
    """Transcribes each recording once for the same options: most tests look at the answer around the text."""

    def __init__(self, models: Path) -> None:
        super().__init__(models, threads=1)  # two take a third more CPU for the same text
        self._kept: dict[tuple[bytes, DecodingOptions], RecognitionResult] = {}

    async def recognise(
        self,
        recording: BinaryIO,
        options: DecodingOptions,
        on_segment: Callable[[RecognisedSegment], None] | None = None,
    ) -> RecognitionResult:
        key = (sha256(recording.read()).digest(), options)
        recording.seek(0)
        if key not in self._kept:
            self._kept[key] = await super().recognise(recording, options, on_segment)
        recording.close()
        return self._kept[key]


@pytest.fixture(scope="module")
def recogniser(models: Path) -> Iterator[Recogniser]:
    recogniser = KeptRecognitions(models)
    yield recogniser
    recogniser.close()


@asynccontextmanager
async def _client(recogniser: Recogniser, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_engine(recogniser, **options))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=120) as client:
        yield client


async def _transcribe(
    recogniser: Recogniser, recording: Recording, form: Form, path: str = TRANSCRIPTIONS, **options: Any
) -> httpx.Response:
    async with _client(recogniser, **options) as client:
        with recording.path.open("rb") as file:
            return await client.post(path, data=form, files={"file": (recording.path.name, file)})


# ── responses ─────────────────────────────────────────────────────────────────────────────────────


async def test_json_has_only_the_text_and_an_id(recogniser: Recogniser) -> None:
    answer = await _transcribe(recogniser, ENGLISH_SHORT, TURBO, new_id=lambda: "req_1")
    assert answer.status_code == 200
    assert answer.json().keys() == {"text", "x_groq"}
    assert answer.json()["x_groq"] == {"id": "req_1"}
    assert word_error_rate([ENGLISH_SHORT], [answer.json()["text"]]) <= 0.15


async def test_the_text_format_is_plain_text(recogniser: Recogniser) -> None:
    answer = await _transcribe(recogniser, ENGLISH_SHORT, {**V3, "response_format": "text"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert word_error_rate([ENGLISH_SHORT], [answer.text]) <= 0.15


async def test_verbose_json_has_the_fields_of_groq(recogniser: Recogniser) -> None:
    body = (await _transcribe(recogniser, ENGLISH_SHORT, VERBOSE)).json()
    ours = {"language_probability"}  # Groq does not send it
    assert body.keys() == {"task", "language", "duration", "text", "segments", "x_groq"} | ours
    assert 0.5 < body["language_probability"] <= 1
    assert (body["task"], body["language"]) == ("transcribe", "English")
    assert word_error_rate([ENGLISH_SHORT], [body["text"]]) <= 0.15
    assert body["duration"] == pytest.approx(ENGLISH_SHORT.seconds, abs=0.01)
    assert body["x_groq"]["id"].startswith("req_")
    assert body["segments"][0].keys() == {
        *("id", "seek", "start", "end", "text", "tokens"),
        *("temperature", "avg_logprob", "compression_ratio", "no_speech_prob"),
        "language",  # Groq does not send it
    }
    assert "".join(segment["text"] for segment in body["segments"]) == body["text"]


async def test_word_times_alone_come_without_segments(recogniser: Recogniser) -> None:
    form = {**VERBOSE, "timestamp_granularities[]": ["word"], "language": "en"}
    body = (await _transcribe(recogniser, ENGLISH_SHORT, form)).json()
    assert "segments" not in body
    assert body["words"][0].keys() == {"word", "start", "end"}
    assert [word["word"] for word in body["words"]] == body["text"].split()


async def test_words_and_segments_come_together_when_both_are_requested(recogniser: Recogniser) -> None:
    form = {**VERBOSE, "timestamp_granularities[]": ["word", "segment"], "language": "en"}
    body = (await _transcribe(recogniser, ENGLISH_SHORT, form)).json()
    assert body["words"]
    assert body["segments"]
    assert "words" not in body["segments"][0]
    assert "language_probability" not in body  # it was not detected, but named


async def test_a_translation_is_english(recogniser: Recogniser, media: Media) -> None:
    form = {**V3, "response_format": "verbose_json"}
    body = (await _transcribe(recogniser, spanish_short(media), form, TRANSLATIONS)).json()
    assert body["task"] == "translate"
    assert "representatives" in normalise(body["text"]).split()


async def test_silence_is_an_empty_text(recogniser: Recogniser, media: Media, tmp_path: Path) -> None:
    path = media.ffmpeg("-f lavfi -i anullsrc=r=16000:d=3", tmp_path / "silence.mp3")
    body = (await _transcribe(recogniser, Recording(path, "", 3.0, ""), VERBOSE)).json()
    assert (body["text"], body["segments"]) == ("", [])
    assert body["duration"] == pytest.approx(3.0, abs=0.1)


async def test_the_models_are_those_of_groq(recogniser: Recogniser) -> None:
    async with _client(recogniser) as client:
        body = (await client.get("/openai/v1/models")).json()
    assert body["object"] == "list"
    assert {model["id"] for model in body["data"]} == {"whisper-large-v3", "whisper-large-v3-turbo"}


async def test_two_requests_at_once_get_their_own_answers(recogniser: Recogniser, media: Media) -> None:
    recording = spanish_short(media)
    prompted = {**VERBOSE, "prompt": "Elinor"}  # so that neither is kept from another test
    english, spanish = await asyncio.gather(
        _transcribe(recogniser, ENGLISH_SHORT, prompted), _transcribe(recogniser, recording, VERBOSE)
    )
    assert (english.json()["language"], spanish.json()["language"]) == ("English", "Spanish")
    assert word_error_rate([ENGLISH_SHORT], [english.json()["text"]]) <= 0.15
    assert word_error_rate([recording], [spanish.json()["text"]]) <= 0.30


# ── errors ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "path", "status", "code", "words"),
    [
        ({}, TRANSCRIPTIONS, 400, None, "`model` is a required property"),
        ({"model": "whisper-1"}, TRANSCRIPTIONS, 404, "model_not_found", "The model `whisper-1` does not"),
        ({"model": "x" * 500}, TRANSCRIPTIONS, 404, "model_not_found", f"`{'x' * 64}…`"),
        (TURBO, TRANSLATIONS, 400, None, "does not support translation"),
        ({**VERBOSE, "timestamp_granularities": "word"}, TRANSCRIPTIONS, 400, None, "unknown param"),
        ({**TURBO, "stream": "true"}, TRANSCRIPTIONS, 400, None, "unknown param `stream`"),
        ({**TURBO, "timestamp_granularities[]": "word"}, TRANSCRIPTIONS, 400, None, "verbose_json"),
        ({**VERBOSE, "timestamp_granularities[]": "line"}, TRANSCRIPTIONS, 400, None, "must be one of"),
        ({**TURBO, "response_format": "srt"}, TRANSCRIPTIONS, 400, None, "response_format must be one of"),
        ({**TURBO, "temperature": "1.1"}, TRANSCRIPTIONS, 400, None, "temperature"),
        ({**TURBO, "temperature": "nan"}, TRANSCRIPTIONS, 400, None, "temperature"),
        ({**TURBO, "temperature": "warm"}, TRANSCRIPTIONS, 400, None, "temperature"),
        ({**TURBO, "language": "xx"}, TRANSCRIPTIONS, 400, None, "language must be one of"),
        ({**TURBO, "language": "Spanish"}, TRANSCRIPTIONS, 400, None, "language must be one of"),
        ({**TURBO, "language": "es-MX"}, TRANSCRIPTIONS, 400, None, "language must be one of"),
        ({**TURBO, "prompt": "ñ" * 449}, TRANSCRIPTIONS, 400, None, "prompt"),
        ({**TURBO, "url": "http://127.0.0.1/a.mp3"}, TRANSCRIPTIONS, 400, None, "url"),
    ],
)
async def test_a_wrong_form_gets_the_error_of_groq(
    recogniser: Recogniser, form: Form, path: str, status: int, code: str | None, words: str
) -> None:
    answer = await _transcribe(recogniser, ENGLISH_SHORT, form, path)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error.get("code")) == (status, "invalid_request_error", code)
    assert words in error["message"]


@pytest.mark.parametrize(
    "form",
    [
        {**TURBO, "prompt": ("Comienza la lección. " * 22)[:448], "language": "en"},
        {**TURBO, "temperature": "1", "language": "EN"},
        {**TURBO, "language": "", "prompt": "", "temperature": "", "response_format": ""},
    ],
)
async def test_values_at_the_limits_are_accepted(recogniser: Recogniser, form: Form) -> None:
    assert (await _transcribe(recogniser, ENGLISH_SHORT, form)).status_code == 200


@pytest.mark.parametrize("name", ["a.oga", "a.weba", "a.aac", "a", "mp3", "a.mp3.exe"])
async def test_a_name_with_another_extension_is_refused_whatever_the_content(
    recogniser: Recogniser, name: str
) -> None:
    async with _client(recogniser) as client:
        file = ENGLISH_SHORT.path.read_bytes()
        answer = await client.post(TRANSCRIPTIONS, data=TURBO, files={"file": (name, file)})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_audio_format"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text.mp3", "could not process file - is it a valid media file?"),
        ("silent-film.mp4", "could not process file - is it a valid media file?"),
        ("five-milliseconds.wav", "Audio file is too short. Minimum audio length is 0.01 seconds."),
        ("silence-bomb.flac", "Audio file is too long. Maximum audio length is 240 minutes."),
        ("empty.mp3", "file is empty"),
    ],
)
async def test_a_file_that_is_no_recording_is_refused(
    recogniser: Recogniser, media: Media, name: str, words: str
) -> None:
    answer = await _transcribe(recogniser, Recording(media(name), "", 0.0, ""), TURBO)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == words


async def test_a_form_without_a_file_is_refused(recogniser: Recogniser) -> None:
    async with _client(recogniser) as client:
        answers = [
            await client.post(TRANSCRIPTIONS, files={"model": (None, TURBO["model"])}),
            await client.post(TRANSCRIPTIONS, files={"model": (None, TURBO["model"]), "file": (None, "x")}),
        ]
    assert [answer.json()["error"]["param"] for answer in answers] == ["file", "file"]


async def test_a_body_that_is_no_form_is_refused(recogniser: Recogniser) -> None:
    broken = {"content-type": "multipart/form-data"}
    cut = {"content-type": "multipart/form-data; boundary=x"}
    async with _client(recogniser) as client:
        answers = [
            await client.post(TRANSCRIPTIONS, json=TURBO),
            await client.post(TRANSCRIPTIONS, content=b"x", headers=broken),
            await client.post(TRANSCRIPTIONS, content=b"--y\r\n", headers=cut),
            await client.post(TRANSCRIPTIONS, data=TURBO, files=[("file", ("a.mp3", b"x"))] * 2),
        ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert {answer.json()["error"]["type"] for answer in answers} == {"invalid_request_error"}


async def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(
    recogniser: Recogniser,
) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield head
        while True:
            sent += 65_536
            yield b"\0" * 65_536

    async with _client(recogniser, max_bytes=MB) as client:
        announced = await client.post(TRANSCRIPTIONS, data=TURBO, files={"file": ("a.wav", bytes(2 * MB))})
        just_over = await client.post(TRANSCRIPTIONS, data=TURBO, files={"file": ("a.wav", bytes(MB + 1))})
        form = {"content-type": "multipart/form-data; boundary=x"}
        unannounced = await client.post(TRANSCRIPTIONS, content=endless(), headers=form)
    for answer in (announced, just_over, unannounced):
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "request_too_large"
    assert sent <= 2 * MB


async def test_requests_need_the_key_when_there_is_one(recogniser: Recogniser) -> None:
    async with _client(recogniser, api_key="secret") as client:
        without = await client.get("/openai/v1/models")
        wrong = await client.get("/openai/v1/models", headers={b"authorization": b"Bearer s\xe9cret"})
        right = await client.get("/openai/v1/models", headers={"authorization": "Bearer secret"})
    assert (without.status_code, wrong.status_code, right.status_code) == (401, 401, 200)
    assert without.json()["error"]["code"] == "invalid_api_key"


async def test_unknown_paths_and_methods_get_errors_of_the_same_form(recogniser: Recogniser) -> None:
    async with _client(recogniser) as client:
        unknown = await client.get("/openai/v1/nothing")
        wrong = await client.get(TRANSCRIPTIONS)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_url")
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (405, "invalid_request_error")


async def test_a_closed_engine_answers_499(tmp_path: Path) -> None:
    recogniser = Recogniser(tmp_path)
    recogniser.close()
    assert (await _transcribe(recogniser, ENGLISH_SHORT, TURBO)).status_code == 499


async def test_a_missing_extra_and_a_broken_model_are_server_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = Recogniser(tmp_path, model=str(tmp_path))  # a folder without a model
    answer = await _transcribe(broken, ENGLISH_SHORT, TURBO)
    assert answer.status_code == 500
    assert answer.json() == {"error": {"message": "Internal Server Error", "type": "internal_server_error"}}
    broken.close()
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    missing = Recogniser(tmp_path)
    answer = await _transcribe(missing, ENGLISH_SHORT, TURBO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_missing")
    missing.close()


async def test_a_cancelled_call_ends_at_once_and_frees_the_engine(
    recogniser: Recogniser, media: Media
) -> None:
    not_kept_either = {**VERBOSE, "prompt": "Todos"}
    call = asyncio.create_task(_transcribe(recogniser, spanish_short(media), not_kept_either))
    await asyncio.sleep(0.3)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    not_kept = {**TURBO, "language": "en", "prompt": "Marianne"}
    assert (await _transcribe(recogniser, ENGLISH_SHORT, not_kept)).status_code == 200


# ── as a process ──────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _process(models: Path, *arguments: str) -> Iterator[tuple[str, psutil.Popen]]:
    """The engine as a process on a free port: its base URL and the process."""
    command = [sys.executable, "-W", "error", "-m", "common.local.whisper.app", "--port", "0"]
    with psutil.Popen(
        [*command, "--models", str(models), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            ready = process.stdout.readline()
            assert ready.startswith("engine ready: http://127.0.0.1:"), ready
            yield ready.split()[-1], process
        finally:
            with suppress(psutil.NoSuchProcess):  # a test may have ended it
                process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _post(url: str, path: Path, form: Form) -> dict[str, Any]:
    with path.open("rb") as file:
        answer = httpx.post(
            f"{url}/audio/transcriptions", data=form, files={"file": (path.name, file)}, timeout=600
        )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.alone
def test_as_a_process_it_stops_work_when_the_client_disconnects(
    models: Path, media: Media, tmp_path: Path
) -> None:
    long = media.ffmpeg(f"-stream_loop 23 -i {ENGLISH.path} -c:a libmp3lame -b:a 32k", tmp_path / "long.mp3")
    with _process(models) as (url, process):
        _post(url, ENGLISH_SHORT.path, TURBO)
        _disconnect_after_sending(url, long)
        before = sum(process.cpu_times()[:2])
        body = _post(url, ENGLISH_SHORT.path, VERBOSE)
        spent = sum(process.cpu_times()[:2]) - before
    assert body["language"] == "English"
    assert spent < 25, "transcribing all ten minutes takes twice that"


def _disconnect_after_sending(url: str, path: Path, terminate: psutil.Popen | None = None) -> None:
    """Send a recording, then disconnect; with `terminate`, first end that process and wait for it."""
    request = httpx.Request(
        "POST",
        f"{url}/audio/transcriptions",
        data=VERBOSE,
        files={"file": (path.name, path.read_bytes())},
    )
    request.read()
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((request.url.host, request.url.port or 80)) as connection:
        connection.sendall(f"POST {request.url.path} HTTP/1.1\r\n{headers}\r\n".encode() + request.content)
        time.sleep(1)  # so that the work can start; the assertions hold in either case
        if terminate is not None:
            terminate.send_signal(signal.SIGTERM)
            terminate.wait(timeout=60)


@pytest.mark.alone
def test_half_an_hour_takes_no_more_memory_than_a_few_minutes(
    models: Path, media: Media, tmp_path: Path
) -> None:
    inputs = f"-i {ENGLISH.path} -filter_complex [0]asplit=3[a][b][c];"
    inputs += "[a]apad=whole_dur=900[x];[b]apad=whole_dur=900[y];[c]apad=whole_dur=60[z];"
    long = media.ffmpeg(
        f"{inputs}[x][y][z]concat=n=3:v=0:a=1 -c:a libmp3lame -b:a 32k", tmp_path / "half.mp3"
    )
    with _process(models, "--threads", "2") as (url, process), _peak_memory(process) as peak:
        body = _post(url, long, VERBOSE)
    assert peak[0] < 900 * MB
    assert body["duration"] == pytest.approx(1860, abs=0.5)
    assert word_error_rate([ENGLISH], [body["text"][: len(body["text"]) // 3]]) <= 0.10
    last = [segment for segment in body["segments"] if segment["start"] > 1790]
    assert last[0]["start"] == pytest.approx(1800, abs=1.5)
    assert word_error_rate([ENGLISH], ["".join(segment["text"] for segment in last)]) <= 0.10


@contextmanager
def _peak_memory(process: psutil.Popen) -> Iterator[list[int]]:
    """The most resident memory of the process during the block, in bytes, as the only item."""
    peak, done = [0], threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], process.memory_info().rss)

    sampling = threading.Thread(target=sample)
    sampling.start()
    try:
        yield peak
    finally:
        done.set()
        sampling.join()


def test_the_arguments_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(app, "_serve", lambda app, host, port: served.update(host=host, port=port))
    app.main(["--host", "0.0.0.0", "--port", "9", "--models", "m", "--model", "small", "--threads", "1"])
    assert served == {"host": "0.0.0.0", "port": 9}


def test_without_the_extra_the_process_ends_and_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weights, "_PARTS", ("no-such-weights-part1", "no-such-weights-part2"))
    with pytest.raises(SystemExit, match="install the 'local' extra"):
        app.main([])


def test_a_signal_ends_the_process_while_it_works(models: Path) -> None:
    with _process(models, "--threads", "1") as (url, process):
        _disconnect_after_sending(url, SPANISH[3].path, terminate=process)
    assert process.returncode in {0, -signal.SIGTERM}


def test_importing_the_app_imports_no_heavy_library() -> None:
    code = "import sys, json; import common.local.whisper.app; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)
    heavy = {"numpy", "av", "faster_whisper", "ctranslate2", "onnxruntime", "uvicorn", "httpx"}
    assert not heavy & set(json.loads(result.stdout))
