"""The real client against a real server: what it sends, and what each response becomes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.errors import (
    AudioOverQuota,
    AudioTooShort,
    AudioUnreadable,
    EngineBroken,
    EngineKeyInvalid,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
    EscribaError,
    RetryLater,
)
from common.groq.client import Groq
from common.groq.request import NO_WORD_TIMES, PROMPT_CUT, model_replaced
from common.models import Options, Transcript
from common.quota import QuotaNews
from tests.replies import (
    Reply,
    bad_key,
    broken,
    groq_error,
    html,
    not_media,
    over_quota,
    quota_headers,
    rate_limited,
    too_large,
    too_short,
    transcription,
)
from tests.upstream import Upstream

TURBO, V3 = "whisper-large-v3-turbo", "whisper-large-v3"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(key="gsk_right") as running:
        yield running


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / 'Grabación "de" mamá.aac'
    path.write_bytes(os.urandom(1_300_000))
    return path


class RecordedSleep:
    """In place of asyncio.sleep: records the pauses and does not wait."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


def client(upstream: Upstream, **more: Any) -> Groq:
    settings: dict[str, Any] = {
        "api_key": "gsk_right",
        "model": TURBO,
        "sleep": RecordedSleep(),
        "jitter": lambda: 0.5,
    }
    return Groq(base_url=upstream.url, **(settings | more))


def transcribe(groq: Groq, audio: Path, *, extension: str = "mp3", **options: Any) -> Transcript:
    async def run() -> Transcript:
        try:
            return await groq.transcribe(audio, format=extension, duration=2.5, options=Options(**options))
        finally:
            await groq.aclose()

    return asyncio.run(run())


# ── the request ───────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_sent_whole_under_our_own_name_and_with_its_length(
    upstream: Upstream, audio: Path
) -> None:
    transcribe(client(upstream), audio)
    [request] = upstream.requests
    assert request.form.complete
    assert request.form.sha256 == hashlib.sha256(audio.read_bytes()).hexdigest()
    assert (request.form.filename, request.form.content_type) == ("audio.mp3", "audio/mpeg")
    assert int(request.headers["content-length"]) == request.form.received_bytes
    assert "transfer-encoding" not in request.headers


@pytest.mark.parametrize("size", [0, 1, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1])
def test_a_file_of_any_size_is_sent_whole(upstream: Upstream, tmp_path: Path, size: int) -> None:
    audio = tmp_path / "audio"
    audio.write_bytes(os.urandom(size))
    transcribe(client(upstream), audio, extension="flac")
    assert upstream.requests[0].form.size_bytes == size
    assert upstream.requests[0].form.sha256 == hashlib.sha256(audio.read_bytes()).hexdigest()


def test_segments_are_requested_even_where_the_options_name_only_words(
    upstream: Upstream, audio: Path
) -> None:
    transcript = transcribe(client(upstream), audio, timestamps=("word",))
    assert upstream.requests[0].form.values("timestamp_granularities[]") == ["segment", "word"]
    assert transcript.segments
    assert transcript.words


def test_every_option_is_sent_and_nothing_else(upstream: Upstream, audio: Path) -> None:
    transcribe(client(upstream), audio)
    transcribe(client(upstream), audio, language="es", prompt="¿Señor Núñez?", temperature=0.2, model=V3)
    plain, full = (dict(request.form.fields) for request in upstream.requests)
    common = {"response_format": "verbose_json", "timestamp_granularities[]": "segment"}
    assert plain == {"model": TURBO, **common}
    assert full == {"model": V3, "prompt": "¿Señor Núñez?", "temperature": "0.2", "language": "es", **common}


def test_a_prompt_cannot_add_a_field(upstream: Upstream, audio: Path) -> None:
    prompt = '\r\n--x\r\nContent-Disposition: form-data; name="url"\r\n\r\nhttp://evil/\r\n--x--'
    transcribe(client(upstream), audio, prompt=f"a{prompt}b")
    assert [name for name, _ in upstream.requests[0].form.fields].count("url") == 0
    assert upstream.requests[0].form.value("prompt") == f"a{prompt}b"


def test_a_prompt_with_half_a_surrogate_is_still_sent(upstream: Upstream, audio: Path) -> None:
    transcribe(client(upstream), audio, prompt="hola \ud800")
    assert upstream.requests[0].form.value("prompt") == "hola ?"


def test_a_long_prompt_is_cut_at_a_word_with_a_warning(upstream: Upstream, audio: Path) -> None:
    transcript = transcribe(client(upstream), audio, prompt="mañana " * 200)
    sent = upstream.requests[0].form.value("prompt") or ""
    assert 880 < len(sent.encode()) <= 896
    assert set(sent.split(" ")) == {"mañana"}
    assert transcript.warnings == (PROMPT_CUT,)


def test_a_translation_goes_to_a_model_that_can_translate_with_a_warning(
    upstream: Upstream, audio: Path
) -> None:
    transcript = transcribe(
        client(upstream), audio, task="translate", language="es", timestamps=("word", "segment")
    )
    [request] = upstream.requests
    assert request.path.endswith("/audio/translations")
    assert dict(request.form.fields) == {"model": V3, "response_format": "verbose_json"}
    assert transcript.model == V3
    assert transcript.warnings == (model_replaced(TURBO, V3), NO_WORD_TIMES)
    assert transcript.words == ()


def test_a_model_that_can_translate_is_kept_without_a_warning(upstream: Upstream, audio: Path) -> None:
    transcript = transcribe(client(upstream, model=V3), audio, task="translate")
    assert (transcript.model, transcript.warnings) == (V3, ())


def test_without_a_key_no_authorization_is_sent(upstream: Upstream, audio: Path) -> None:
    upstream.key = None
    transcribe(client(upstream, api_key=None), audio)
    assert "authorization" not in upstream.requests[0].headers


def test_an_extension_that_groq_refuses_is_never_sent(upstream: Upstream, audio: Path) -> None:
    with pytest.raises(KeyError):
        transcribe(client(upstream), audio, extension="aac")
    assert upstream.requests == []


# ── the response ──────────────────────────────────────────────────────────────────────────────────


def test_a_transcript_is_read_with_its_segments_words_and_language(upstream: Upstream, audio: Path) -> None:
    upstream.default = transcription("Hola, mundo.", language="Spanish")
    transcript = transcribe(client(upstream), audio, timestamps=("segment", "word"))
    assert (transcript.text, transcript.language, transcript.duration) == ("Hola, mundo.", "es", 2.5)
    [segment] = transcript.segments
    assert (segment.text, segment.start, segment.end) == (" Hola, mundo.", 0.0, 1.0)
    assert (segment.avg_logprob, segment.no_speech_prob, segment.compression_ratio) == (-0.2, 0.01, 1.2)
    assert [(word.word, word.start, word.end) for word in transcript.words or ()] == [
        ("Hola,", 0.0, 0.5),
        ("mundo.", 0.5, 1.0),
    ]
    assert transcript.model == TURBO


def test_a_transcript_may_be_empty(upstream: Upstream, audio: Path) -> None:
    upstream.default = transcription("", segments=[])
    assert transcribe(client(upstream), audio).text == ""


def test_everything_but_the_text_may_be_missing_or_malformed(upstream: Upstream, audio: Path) -> None:
    malformed = [
        "no segment",
        {"text": "no times"},
        {"start": 0, "end": 1},
        {"start": "0", "end": 1, "text": "a time as text"},
        {"start": True, "end": 1, "text": "a time as a boolean"},
        {"start": 10**400, "end": 1, "text": "beyond a float"},
        {"start": 5, "end": 4, "text": "later", "avg_logprob": "x", "no_speech_prob": 7},
        {"start": 1, "end": 2, "text": "sooner"},
    ]
    upstream.script.append(Reply(body={"text": "x", "segments": malformed, "language": 7, "words": "none"}))
    transcript = transcribe(client(upstream), audio, timestamps=("word",), language="es")
    assert [(segment.id, segment.start, segment.end) for segment in transcript.segments] == [
        (0, 1.0, 2.0),
        (1, 5.0, 5.0),
    ]
    assert transcript.segments[1].no_speech_prob is None
    assert (transcript.words, transcript.language) == ((), "es")


@pytest.mark.parametrize("times", ['"start": NaN, "end": 1', '"start": 0, "end": Infinity'])
def test_a_segment_whose_times_are_not_finite_is_left_out(
    upstream: Upstream, audio: Path, times: str
) -> None:
    upstream.script.append(Reply(body=f'{{"text": "x", "segments": [{{{times}, "text": "x"}}]}}'))
    assert transcribe(client(upstream), audio).segments == ()


def test_a_translation_keeps_the_language_that_was_spoken(upstream: Upstream, audio: Path) -> None:
    upstream.default = transcription("Hello.", language="English")
    assert transcribe(client(upstream), audio, task="translate", language="es").language == "es"
    assert transcribe(client(upstream), audio, task="translate").language == "en"


@pytest.mark.parametrize(
    "body",
    ["", "<html>hello</html>", '{"text": "half', "[]", '"text"', '{"text": null}', "{}", "[" * 100_000],
    ids=["empty", "html", "half", "list", "string", "null", "no text", "deep"],
)
def test_a_200_without_a_transcript_is_a_broken_engine(upstream: Upstream, audio: Path, body: str) -> None:
    upstream.script.append(Reply(body=body))
    with pytest.raises(EngineBroken):
        transcribe(client(upstream), audio)


def test_an_endless_answer_is_a_broken_engine(
    upstream: Upstream, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.groq.client._LARGEST_ANSWER", 1_000_000)
    upstream.default = Reply(body='"' + "x" * 3_000_000)
    with pytest.raises(EngineBroken):
        transcribe(client(upstream, max_attempts=1), audio)


def test_only_the_beginning_of_an_error_is_read(upstream: Upstream, audio: Path) -> None:
    upstream.script.append(groq_error(400, "a reason", filler="x" * 1_000_000))
    with pytest.raises(EngineRefused) as raised:
        transcribe(client(upstream), audio)
    assert raised.value.details == {"reason": "HTTP 400"}


# ── errors that are not retried ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (over_quota(), AudioOverQuota),
        (too_large(), EngineRefused),
        (html(413), EngineRefused),
        (html(413, read=100_000), EngineRefused),
        (not_media(), AudioUnreadable),
        (groq_error(400, "nope", code="unsupported_audio_format"), AudioUnreadable),
        (too_short(), AudioTooShort),
        (groq_error(400, "prompt is too long"), EngineRefused),
        (groq_error(404, "The model `x` does not exist", code="model_not_found"), EngineRefused),
        (Reply(400, "plain words"), EngineRefused),
        (Reply(400, {"error": "words"}), EngineRefused),
        (Reply(302, "", {"location": "http://127.0.0.1:9/"}), EngineRefused),
        (bad_key(), EngineKeyInvalid),
        (html(401), EngineKeyInvalid),
        (groq_error(403, "Organization has been restricted."), EngineKeyInvalid),
        (html(403), EngineRefused),
        (Reply(413, "[]"), EngineRefused),
    ],
)
def test_each_refusal_becomes_its_own_error_and_is_not_retried(
    upstream: Upstream, audio: Path, reply: Reply, error: type[EscribaError]
) -> None:
    upstream.script.append(reply)
    with pytest.raises(error) as raised:
        transcribe(client(upstream), audio)
    assert type(raised.value) is error
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("reply", "delay"),
    [
        (rate_limited(retry_after=734), 734),
        (rate_limited(retry_after=0), 1),
        (rate_limited(retry_after=1e9), 86400),
        (rate_limited(retry_after=None), 99.738),
        (Reply(429, "<html>", {"retry-after": "7"}), 7),
        (Reply(429, "<html>", {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}), 60),
        (Reply(429, "<html>", quota_headers(remaining_requests="0", reset_requests="2m59.56s")), 179.56),
        (Reply(429, "<html>", quota_headers(remaining_requests="7", reset_requests="2m59.56s")), 60),
        (
            Reply(429, "<html>", quota_headers(remaining_audio_seconds="0", reset_audio_seconds="20h")),
            600,
        ),
        (Reply(429, "<html>"), 60),
    ],
)
def test_a_429_says_how_long_to_wait_and_is_not_retried_here(
    upstream: Upstream, audio: Path, reply: Reply, delay: float
) -> None:
    upstream.script.append(reply)
    sleep = RecordedSleep()
    with pytest.raises(RetryLater) as raised:
        transcribe(client(upstream, sleep=sleep), audio)
    assert raised.value.delay == pytest.approx(delay)
    assert (sleep.pauses, len(upstream.requests)) == ([], 1)


def test_errors_name_no_organisation_no_key_and_no_person(upstream: Upstream, audio: Path) -> None:
    secrets = (
        "org_01abcdefgh2345jkmnpqrstvwx",
        "gsk_Abc123def456",
        "sk-proj-Abc123def456",
        "someone@example.com",
        "a8f5f167f44f4964e6c998dee827110c",
        "Zx9Zx9Zx9Zx9Zx9Zx9Zx9Zx9",
        "123e4567-e89b-12d3-a456-426614174000",
    )
    upstream.script.extend(
        [groq_error(400, f"model distil-whisper-large-v3-en said:\n{' , '.join(secrets)}\x00")]
    )
    upstream.script.append(rate_limited())
    with pytest.raises(EngineRefused) as error:
        transcribe(client(upstream), audio)
    with pytest.raises(RetryLater) as delay:
        transcribe(client(upstream), audio)
    text = f"{error.value} {delay.value}"
    assert not [secret for secret in secrets if secret in text]
    assert "distil-whisper-large-v3-en" in text
    assert "seconds of audio per hour" in text
    assert "\x00" not in text
    assert "\n" not in text


# ── errors that are retried ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "failure",
    [
        broken(500),
        html(502),
        broken(503, headers={"retry-after": "2"}),
        broken(498),
        groq_error(408, "Request Timeout"),
        Reply(send=0.0),
        Reply(send=0.5),
        Reply(read=200_000, send=0.0),
        Reply(read=0, send=0.0),
    ],
    ids=["500", "html 502", "503", "498", "408", "cut", "half answer", "cut upload", "cut at once"],
)
def test_after_a_transient_failure_the_whole_file_is_sent_again(
    upstream: Upstream, audio: Path, failure: Reply
) -> None:
    upstream.script.extend([failure, transcription("at last")])
    sleep = RecordedSleep()
    assert transcribe(client(upstream, sleep=sleep), audio).text == "at last"
    assert upstream.requests[-1].form.sha256 == hashlib.sha256(audio.read_bytes()).hexdigest()
    assert len(sleep.pauses) == 1


@pytest.mark.parametrize(("jitter", "pauses"), [(0.0, [0.5, 1.0, 2.0]), (1.0, [1.5, 3.0, 6.0])])
def test_pauses_double_and_vary_with_the_jitter(
    upstream: Upstream, audio: Path, jitter: float, pauses: list[float]
) -> None:
    upstream.default = broken(500)
    sleep = RecordedSleep()
    with pytest.raises(EngineBroken):
        transcribe(client(upstream, sleep=sleep, jitter=lambda: jitter, max_attempts=4), audio)
    assert sleep.pauses == pauses


def test_a_short_retry_after_is_waited_for(upstream: Upstream, audio: Path) -> None:
    upstream.script.extend([broken(503, headers={"retry-after": "7"}), transcription("at last")])
    sleep = RecordedSleep()
    transcribe(client(upstream, sleep=sleep), audio)
    assert sleep.pauses == [7.0]


def test_a_long_retry_after_is_raised_to_the_caller(upstream: Upstream, audio: Path) -> None:
    upstream.default = broken(503, headers={"retry-after": "900"})
    with pytest.raises(EngineBroken) as raised:
        transcribe(client(upstream), audio)
    assert (raised.value.retry_after, len(upstream.requests)) == (900, 1)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (broken(500), EngineBroken),
        (html(502), EngineBroken),
        (Reply(send=0.5), EngineBroken),
    ],
)
def test_the_failure_of_the_last_attempt_is_raised(
    upstream: Upstream, audio: Path, failure: Reply, error: type[EscribaError]
) -> None:
    upstream.default = failure
    with pytest.raises(error) as raised:
        transcribe(client(upstream), audio)
    assert type(raised.value) is error
    assert len(upstream.requests) == 3


def test_a_refused_connection_is_an_unreachable_engine(audio: Path) -> None:
    with Upstream() as stopped:
        pass
    with pytest.raises(EngineUnreachable):
        transcribe(client(stopped), audio)


def test_an_engine_that_hangs_times_out_and_is_not_retried(
    upstream: Upstream, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.groq.client._GRACE", 2.0)
    upstream.default = Reply(hang=True)
    with pytest.raises(EngineTimeout):
        transcribe(client(upstream), audio)
    assert len(upstream.requests) == 1


def test_an_answer_that_comes_too_slowly_times_out(
    upstream: Upstream, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.groq.client._GRACE", 0.5)
    monkeypatch.setattr("common.groq.client._SLOWEST_LINE", 1e12)
    upstream.default = Reply(drip=0.2)
    with pytest.raises(EngineTimeout):
        transcribe(client(upstream, wait_per_second=0.0), audio)


def test_a_cancelled_call_closes_its_connection(upstream: Upstream, audio: Path) -> None:
    upstream.default = Reply(hang=True)

    async def run() -> None:
        groq = client(upstream)
        call = asyncio.create_task(groq.transcribe(audio, format="mp3", duration=1, options=Options()))
        while not (upstream.requests and upstream.requests[0].form.complete):  # noqa: ASYNC110 - another thread's
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        while not upstream.requests[0].client_gone:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await groq.aclose()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert len(upstream.requests) == 1


def test_a_missing_file_is_our_own_mistake(upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        transcribe(client(upstream), tmp_path / "gone")


def test_a_file_that_shrinks_while_it_is_sent_is_our_own_mistake(
    upstream: Upstream, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.groq.multipart.os.pread", lambda *_: b"")
    with pytest.raises(OSError, match="shorter"):
        transcribe(client(upstream), audio)


# ── the quota in the headers ──────────────────────────────────────────────────────────────────────


def test_the_quota_in_the_headers_is_passed_on_with_the_model(upstream: Upstream, audio: Path) -> None:
    received: list[QuotaNews] = []

    async def on_quota(news: QuotaNews) -> None:
        received.append(news)

    headers = quota_headers(
        limit_requests="2000",
        remaining_requests="1998",
        reset_requests="1m26.4s",
        limit_audio_seconds="7200",
        remaining_audio_seconds="7199",
        reset_audio_seconds="500ms",
    )
    upstream.script.extend(
        [
            transcription("x", headers=headers),
            rate_limited(retry_after=9, headers=quota_headers(remaining_requests="nonsense")),
            rate_limited(retry_after=None),
            broken(503, headers={"retry-after": "2"}),
            transcription("no headers"),
            transcription(
                "absurd headers",
                headers=quota_headers(limit_requests="9" * 400, reset_requests="9" * 400 + "s"),
            ),
        ]
    )
    groq = client(upstream, on_quota=on_quota)
    transcribe(groq, audio, model=V3)
    for _ in range(2):
        with pytest.raises(RetryLater):
            transcribe(groq, audio)
    transcribe(groq, audio)
    transcribe(groq, audio)
    assert received == [
        QuotaNews(
            model=V3,
            requests_limit=2000,
            requests_remaining=1998,
            audio_limit=7200,
            audio_remaining=7199,
        ),
        QuotaNews(model=TURBO, retry_after=9),
        QuotaNews(model=TURBO, retry_after=99.738),
    ]


# ── event loops, transports and memory ────────────────────────────────────────────────────────────


def test_one_client_works_on_one_event_loop_after_another(upstream: Upstream, audio: Path) -> None:
    groq = client(upstream)
    call = {"format": "mp3", "duration": 1.0, "options": Options()}
    for _ in range(3):
        asyncio.run(groq.transcribe(audio, **call))  # type: ignore[arg-type]
    assert len(upstream.requests) == 3
    asyncio.run(groq.aclose())
    asyncio.run(groq.aclose())


def test_an_engine_in_this_process_is_called_through_its_transport(audio: Path) -> None:
    bodies: list[bytes] = []

    async def engine(scope: Any, receive: Any, send: Any) -> None:
        assert scope["path"] == "/openai/v1/audio/transcriptions"
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"text": " inside "}'})

    def transport() -> Any:
        import httpx

        return httpx.ASGITransport(app=engine, raise_app_exceptions=False)

    groq = Groq(base_url="http://engine/openai/v1", api_key=None, model="base", transport=transport)
    assert transcribe(groq, audio).text == "inside"
    assert audio.read_bytes() in bodies[0]


def test_importing_and_building_the_client_imports_no_http_library() -> None:
    program = (
        "import sys; from common.groq.client import Groq; Groq(base_url='http://x', api_key=None, model='m');"
        "sys.exit('httpx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


MEASURE = """
import asyncio, resource, sys
from pathlib import Path
from common.groq.client import Groq
from common.models import Options, Transcript

def peak():
    unit = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit

async def main(url, small, large):
    groq = Groq(base_url=url, api_key=None, model="whisper-large-v3-turbo")
    call = dict(format="mp3", duration=1.0, options=Options())
    await groq.transcribe(Path(small), **call)
    before = peak()
    await groq.transcribe(Path(large), **call)
    print(peak() - before)

asyncio.run(main(*sys.argv[1:]))
"""


def test_sending_25_mb_takes_no_more_than_4_mb_of_memory(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    large.write_bytes(os.urandom(25_000_000))
    with Upstream() as upstream:
        result = subprocess.run(
            [sys.executable, "-c", MEASURE, upstream.url, small, large],
            check=True,
            capture_output=True,
            text=True,
        )
    assert int(result.stdout) <= 4 * 1024
    assert upstream.requests[1].form.size_bytes == 25_000_000
