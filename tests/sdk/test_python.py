"""The official Python SDKs of OpenAI and Groq, unchanged, against the running server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import groq
import openai
import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from openai.types import Model
from openai.types.audio import (
    Transcription,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)

from tests.coded_speech import ToneRecogniser, speech_file, word_times, words_of
from tests.file_server import FileServer
from tests.media import Media
from tests.replies import Reply, bad_key, broken, groq_error, not_media, rate_limited, transcription
from tests.sdk.conftest import MB, snippet
from tests.server import Server
from tests.upstream import Upstream

# OpenAI's SDK calls translations deprecated; they are still what people use.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SDKS = (openai, groq)
_FIRST_PIECE_BYTES = 300_000  # two minutes at 16 kbit/s are 240,000, the pieces after it over 500,000


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0) as made:
        yield made


@pytest.fixture
def groq_client(server: Server) -> Iterator[groq.Groq]:
    with groq.Groq(base_url=server.url, api_key="any", max_retries=0) as made:
        yield made


def said(*lines: tuple[float, str]) -> Reply:
    """What an engine hears: lines from a second on, each word half a second long."""
    segments, words = [], []
    for number, (start, text) in enumerate(lines):
        spoken = text.split()
        for place, word in enumerate(spoken):
            words.append({"word": word, "start": start + place / 2, "end": start + (place + 1) / 2})
        segment = {"id": number, "start": start, "end": start + len(spoken) / 2, "text": f" {text}"}
        quality = {"avg_logprob": -0.2, "no_speech_prob": 0.01, "compression_ratio": 1.2, "temperature": 0.0}
        segments.append(segment | quality)
    whole = " ".join(text for _, text in lines)
    return transcription(whole, language="Spanish", segments=segments, words=words)


def strictly(kind: Any, raw: str, *, beyond: frozenset[str] = frozenset()) -> Any:
    """Read as the SDK's own type, every field of the right kind and none that the type does not know.

    `x_groq` is Groq's, `languages` ours: OpenAI's types pass over them.
    """
    value = kind.model_validate_json(raw, strict=True)
    assert set(value.model_extra) <= beyond | {"x_groq", "languages"}
    return value


# ── transcriptions ────────────────────────────────────────────────────────────────────────────────


def test_a_recording_becomes_text(client: openai.OpenAI, recording: Path, upstream: Upstream) -> None:
    upstream.script.append(transcription("hola qué tal"))
    with recording.open("rb") as file:
        answer = client.audio.transcriptions.create(
            file=file, model="whisper-1", language="es", prompt="Escriba", temperature=0.2
        )
    assert answer.text == "hola qué tal"
    assert answer.usage is not None
    assert answer.usage.type == "duration"
    assert answer.usage.seconds == 4
    sent = dict(upstream.requests[0].form.fields)
    assert (sent["language"], sent["prompt"], sent["temperature"]) == ("es", "Escriba", "0.2")
    assert sent["model"] == "whisper-large-v3-turbo"


def test_every_format_is_what_the_sdks_own_types_and_other_peoples_readers_take(
    client: openai.OpenAI, recording: Path, upstream: Upstream
) -> None:
    def asked(**how: Any) -> str:
        upstream.script.append(said((0.0, "hola qué tal"), (1.6, "muy bien")))
        raw = client.audio.transcriptions.with_raw_response
        return raw.create(file=recording, model="whisper-1", **how).http_response.text

    assert strictly(Transcription, asked()).text == "hola qué tal muy bien"
    assert asked(response_format="text") == "hola qué tal muy bien\n"
    verbose = strictly(
        TranscriptionVerbose, asked(response_format="verbose_json"), beyond=frozenset({"task", "model"})
    )
    assert verbose.language == "spanish"
    assert verbose.duration == pytest.approx(3.29, abs=0.01)
    assert [segment.text for segment in verbose.segments] == [" hola qué tal", " muy bien"]
    assert verbose.segments[0].avg_logprob == -0.2
    assert verbose.words is None
    cues = list(srt.parse(asked(response_format="srt")))
    assert " ".join(cue.content for cue in cues).split() == ["hola", "qué", "tal", "muy", "bien"]
    captions = webvtt.from_string(asked(response_format="vtt")).captions
    assert " ".join(caption.text for caption in captions).split() == ["hola", "qué", "tal", "muy", "bien"]


@pytest.mark.parametrize("fmt", ["text", "srt", "vtt"])
def test_what_is_no_json_comes_as_a_string(
    fmt: Any, client: openai.OpenAI, recording: Path, upstream: Upstream
) -> None:
    upstream.script.append(transcription("hola qué tal"))
    answer = client.audio.transcriptions.create(file=recording, model="whisper-1", response_format=fmt)
    assert isinstance(answer, str)
    assert "hola qué tal" in answer


def test_words_and_segments_come_as_asked(client: openai.OpenAI, recording: Path, upstream: Upstream) -> None:
    def verbose(*granularities: Any) -> TranscriptionVerbose:
        upstream.script.append(said((0.0, "hola qué tal")))
        raw = client.audio.transcriptions.with_raw_response.create(
            file=recording,
            model="whisper-1",
            response_format="verbose_json",
            timestamp_granularities=list(granularities),
        )
        text = raw.http_response.text
        return strictly(TranscriptionVerbose, text, beyond=frozenset({"task", "model"}))  # type: ignore[no-any-return]

    words = verbose("word").words
    assert words is not None
    assert [(word.word, word.start, word.end) for word in words] == [
        ("hola", 0.0, 0.5),
        ("qué", 0.5, 1.0),
        ("tal", 1.0, 1.5),
    ]
    assert verbose("word").segments is None
    both = verbose("word", "segment")
    assert both.words
    assert both.segments
    assert verbose("segment").words is None


def test_a_recording_past_25_mb_works(client: openai.OpenAI, heavy: Path, upstream: Upstream) -> None:
    upstream.script.append(transcription("un tono"))
    assert client.audio.transcriptions.create(file=heavy, model="whisper-1").text == "un tono"
    assert upstream.requests[0].form.size_bytes < 25 * MB


async def test_the_asynchronous_client_works_too(server: Server, recording: Path, upstream: Upstream) -> None:
    upstream.script.extend([transcription("hola"), said((0.0, "hola"), (1.0, "tú"))])
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any") as client:
        answer = await client.audio.transcriptions.create(file=recording, model="whisper-1")
        assert answer.text == "hola"
        stream = await client.audio.transcriptions.create(file=recording, model="whisper-1", stream=True)
        assert [event.type async for event in stream] == [
            "transcript.text.delta",
            "transcript.text.delta",
            "transcript.text.done",
        ]


def test_what_openai_ignores_for_whisper_is_ignored(
    client: openai.OpenAI, recording: Path, upstream: Upstream
) -> None:
    upstream.script.append(transcription("hola"))
    strategy: Any = {"type": "server_vad", "threshold": 0.5}
    answer = client.audio.transcriptions.create(
        file=recording, model="whisper-1", chunking_strategy=strategy, extra_headers={"OpenAI-Beta": "x"}
    )
    assert answer.text == "hola"


def test_the_readme_s_snippet_does_what_it_says(
    server: Server, recording: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.script.append(transcription("hola qué tal"))
    exec(snippet("python", server, recording), {})
    assert capsys.readouterr().out == "hola qué tal\n"


# ── streaming ─────────────────────────────────────────────────────────────────────────────────────


def test_streamed_deltas_joined_are_the_text(
    client: openai.OpenAI, recording: Path, upstream: Upstream
) -> None:
    upstream.script.append(said((0.0, "hola qué tal"), (1.6, "muy bien"), (2.6, "adiós")))
    raw = client.audio.transcriptions.with_raw_response
    body = raw.create(file=recording, model="whisper-1", stream=True).http_response
    assert body.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = [line.removeprefix("data: ") for line in body.read().decode().split("\n\n") if line]
    *deltas, done = events
    answer = [strictly(TranscriptionTextDeltaEvent, delta).delta for delta in deltas]
    assert answer == ["hola qué tal", " muy bien", " adiós"]
    assert strictly(TranscriptionTextDoneEvent, done).text == "hola qué tal muy bien adiós"


def test_text_is_told_while_the_rest_is_still_being_heard(
    client: openai.OpenAI, media: Media, upstream: Upstream
) -> None:
    """A stream is transcribed in pieces, the first of them short; a whole recording in one."""
    seconds = 700.0
    path = speech_file(media, "stream.mp3", "-b:a 16k", seconds)
    hear, text_came = ToneRecogniser(), threading.Event()

    def hear_all_but_the_first_once_text_came(file: bytes) -> Reply:
        if len(file) > _FIRST_PIECE_BYTES and not text_came.wait(60):
            return groq_error(500, "no text came before the rest was heard")
        return hear(file)

    upstream.recognise = hear
    whole = client.audio.transcriptions.create(file=path, model="whisper-1")
    assert len(upstream.requests) == 1
    assert whole.text == " ".join(words_of(len(word_times(seconds))))
    upstream.recognise = hear_all_but_the_first_once_text_came
    *deltas, last = _texts(
        client.audio.transcriptions.create(file=path, model="whisper-1", stream=True), text_came
    )
    assert last == "".join(deltas) == whole.text
    assert len(upstream.requests) > 2


def _texts(stream: Iterable[Any], text_came: threading.Event) -> Iterator[str]:
    """The text of each event of the stream; `text_came` is set at the first."""
    for event in stream:
        text_came.set()
        yield event.text if event.type == "transcript.text.done" else event.delta


def test_silence_is_a_stream_without_deltas(
    client: openai.OpenAI, recording: Path, upstream: Upstream
) -> None:
    upstream.script.append(transcription("", segments=[], words=[]))
    stream = client.audio.transcriptions.create(file=recording, model="whisper-1", stream=True)
    assert [event.type for event in stream] == ["transcript.text.done"]


def test_a_failure_before_the_first_text_is_raised_as_its_own_class(
    client: openai.OpenAI, recording: Path, upstream: Upstream
) -> None:
    upstream.script.append(rate_limited(retry_after=100))
    with pytest.raises(openai.RateLimitError):
        client.audio.transcriptions.create(file=recording, model="whisper-1", stream=True)


def test_a_failure_after_it_is_raised_while_reading(
    client: openai.OpenAI, long: Path, upstream: Upstream
) -> None:
    text_came = threading.Event()

    def hear_the_first(file: bytes) -> Reply:
        if len(file) < _FIRST_PIECE_BYTES:
            return said((1.0, "uno"))
        text_came.wait(60)
        return rate_limited(retry_after=100)

    upstream.recognise = hear_the_first
    stream = client.audio.transcriptions.create(file=long, model="whisper-1", stream=True)
    with pytest.raises(openai.APIError, match="quota") as caught:
        list(_texts(stream, text_came))
    assert caught.value.code == "rate_limit_exceeded"


# ── translations and models ───────────────────────────────────────────────────────────────────────


def test_a_recording_becomes_english(client: openai.OpenAI, recording: Path, upstream: Upstream) -> None:
    def asked(**how: Any) -> str:
        upstream.script.append(said((0.0, "how are you")))
        raw = client.audio.translations.with_raw_response
        return raw.create(file=recording, model="whisper-1", **how).http_response.text

    assert strictly(Translation, asked()).text == "how are you"
    extra = frozenset({"task", "model", "warnings"})  # another model translates, and a warning says so
    verbose = strictly(TranslationVerbose, asked(response_format="verbose_json"), beyond=extra)
    assert (verbose.language, verbose.task) == ("english", "translate")
    assert next(srt.parse(asked(response_format="srt"))).content == "how are you"
    assert asked(response_format="text") == "how are you\n"
    assert {seen.path for seen in upstream.requests} == {"/openai/v1/audio/translations"}
    assert {seen.form.value("model") for seen in upstream.requests} == {"whisper-large-v3"}


def test_the_models_are_listed(client: openai.OpenAI, groq_client: groq.Groq) -> None:
    page = client.models.list()
    assert [model.id for model in page] == ["whisper-1", "whisper-large-v3-turbo", "whisper-large-v3"]
    for listed in page:
        assert strictly(Model, json.dumps(listed.model_dump(exclude_unset=True))) == listed
    assert client.models.retrieve("whisper-1").owned_by == "openai"
    assert [model.id for model in groq_client.models.list().data] == [model.id for model in page]
    assert groq_client.models.retrieve("whisper-large-v3").id == "whisper-large-v3"


def test_groqs_own_sdk_works(groq_client: groq.Groq, recording: Path, upstream: Upstream) -> None:
    upstream.script.extend([transcription("hola qué tal")] * 4)
    ask: dict[str, Any] = {"file": recording, "model": "whisper-large-v3"}
    answer = groq_client.audio.transcriptions.create(**ask)
    assert answer.text == "hola qué tal"
    assert answer.model_extra is not None
    assert answer.model_extra["x_groq"]["id"]
    assert upstream.requests[0].form.value("model") == "whisper-large-v3"
    verbose = groq_client.audio.transcriptions.create(
        file=recording,
        model="whisper-large-v3-turbo",
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert verbose.model_extra is not None
    assert [word["word"] for word in verbose.model_extra["words"]] == ["hola", "qué", "tal"]
    assert groq_client.audio.translations.create(**ask).text == "hola qué tal"


def test_groqs_own_sdk_names_the_address_of_a_recording(
    groq_client: groq.Groq, recording: Path, upstream: Upstream
) -> None:
    upstream.script.extend([transcription("hola qué tal")] * 2)
    with FileServer({"/a.wav": recording.read_bytes()}) as files:
        ask: dict[str, Any] = {"url": f"{files.url}/a.wav", "model": "whisper-large-v3"}
        assert groq_client.audio.transcriptions.create(**ask).text == "hola qué tal"
        assert groq_client.audio.translations.create(**ask).text == "hola qué tal"
        with pytest.raises(groq.BadRequestError, match="answered 404"):
            groq_client.audio.transcriptions.create(url=f"{files.url}/b.wav", model="whisper-large-v3")


def test_azures_client_works(server: Server, recording: Path, upstream: Upstream) -> None:
    upstream.script.append(transcription("hola"))
    with openai.AzureOpenAI(
        azure_endpoint=server.url, api_key="any", api_version="2024-06-01", max_retries=0
    ) as client:
        assert client.audio.transcriptions.create(file=recording, model="whisper").text == "hola"


@pytest.mark.parametrize("base", ["", "/v1/v1"])
def test_a_wrong_base_url_is_answered_with_the_right_one(base: str, server: Server, recording: Path) -> None:
    with (
        openai.OpenAI(base_url=server.url + base, api_key="any", max_retries=0) as client,
        pytest.raises(openai.NotFoundError, match=f"base URL to {server.url}/v1,"),
    ):
        client.audio.transcriptions.create(file=recording, model="whisper-1")


# ── errors ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=SDKS, ids=lambda sdk: sdk.__name__)
def sdk(request: pytest.FixtureRequest) -> ModuleType:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def transcribe(sdk: ModuleType, server: Server, recording: Path) -> Iterator[Any]:
    """Transcribe with either SDK; what it was asked for may be changed."""
    makers = {openai: lambda: openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0)}
    makers[groq] = lambda: groq.Groq(base_url=server.url, api_key="any", max_retries=0)  # type: ignore[assignment,return-value]
    with makers[sdk]() as client:

        def call(**how: Any) -> Any:
            return client.audio.transcriptions.create(**{"file": recording, "model": "whisper-1", **how})

        yield call


WRONG: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "a temperature out of range": ({"temperature": 3}, "option_invalid", "temperature"),
    "a language that is none": ({"language": "klingon"}, "language_unknown", "language"),
    "a format that is none": ({"response_format": "docx"}, "option_invalid", "response_format"),
    "an empty file": ({"file": ("a.mp3", b"")}, "file_empty", "file"),
    "what is no recording": ({"file": ("a.mp3", b"no audio" * 99)}, "audio_unreadable", "file"),
    "words without verbose_json": (
        {"timestamp_granularities": ["word"]},
        "option_invalid",
        "timestamp_granularities",
    ),
    "speakers": (
        {"extra_body": {"known_speaker_names[]": "Ana"}},
        "option_unsupported",
        "known_speaker_names",
    ),
}


@pytest.mark.parametrize("what", sorted(WRONG))
def test_what_is_wrong_with_a_request_is_a_bad_request(what: str, sdk: ModuleType, transcribe: Any) -> None:
    how, code, param = WRONG[what]
    with pytest.raises(sdk.BadRequestError) as caught:
        transcribe(**how)
    error = caught.value.body if sdk is openai else caught.value.body["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert caught.value.response.headers["x-request-id"]


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "distil-whisper-large-v3-en", ""])
def test_a_fixed_model_name_and_fields_of_other_servers_work(
    model: str, transcribe: Any, upstream: Upstream
) -> None:
    upstream.script.append(transcription("hola"))
    fields = {"vad_filter": True, "user": "ana", "hotwords": None}
    assert transcribe(model=model, temperature=0, language="ger", extra_body=fields).text == "hola"
    form = upstream.requests[0].form
    assert (form.value("model"), form.value("language")) == ("whisper-large-v3-turbo", "de")


def test_a_spent_quota_is_a_rate_limit(sdk: ModuleType, transcribe: Any, upstream: Upstream) -> None:
    upstream.script.append(rate_limited(retry_after=100))
    with pytest.raises(sdk.RateLimitError) as caught:
        transcribe()
    assert caught.value.response.headers["retry-after"] == "100"
    assert "org_" not in str(caught.value.body)


def test_a_key_that_the_engine_refuses_is_an_authentication_error(
    sdk: ModuleType, transcribe: Any, upstream: Upstream
) -> None:
    upstream.script.append(bad_key())
    with pytest.raises(sdk.AuthenticationError, match="GROQ_API_KEY"):
        transcribe()


def test_a_recording_that_is_too_large_is_told_so(sdk: ModuleType, transcribe: Any) -> None:
    with pytest.raises(sdk.APIStatusError, match="larger than 40 MB") as caught:
        transcribe(file=("a.mp3", b"\0" * (41 * MB)))
    assert caught.value.status_code == 413


def test_an_engine_that_is_broken_is_a_server_error(
    sdk: ModuleType, transcribe: Any, upstream: Upstream
) -> None:
    upstream.script.extend([broken()] * 3)
    with pytest.raises(sdk.InternalServerError) as caught:
        transcribe()
    assert caught.value.status_code == 502


def test_what_the_engine_cannot_read_is_a_bad_request(
    sdk: ModuleType, transcribe: Any, upstream: Upstream
) -> None:
    upstream.script.append(not_media())
    with pytest.raises(sdk.BadRequestError):
        transcribe()


def test_a_recording_is_not_sent_again_for_a_quota_that_stays_spent(
    server: Server, recording: Path, upstream: Upstream
) -> None:
    upstream.script.append(rate_limited(retry_after=100))
    with (
        groq.Groq(base_url=server.url, api_key="any", max_retries=2) as client,
        pytest.raises(groq.RateLimitError),
    ):
        client.audio.transcriptions.create(file=recording, model="whisper-large-v3")
    assert len(upstream.requests) == 1


def test_a_recording_is_sent_again_when_waiting_is_short(
    client: openai.OpenAI, recording: Path, upstream: Upstream
) -> None:
    upstream.script.extend([rate_limited(retry_after=1), transcription("hola")])
    patient = client.with_options(max_retries=1)
    assert patient.audio.transcriptions.create(file=recording, model="whisper-1").text == "hola"
