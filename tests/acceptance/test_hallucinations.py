"""Where nobody speaks there is no text; a phrase that somebody really says is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.api import Api
from tests.media import Media
from tests.recordings import ENGLISH, ENGLISH_SHORT
from tests.replies import Reply, transcription
from tests.server import Server
from tests.upstream import Upstream

PHRASE = "Thanks for watching!"

WITHOUT_SPEECH = {
    "silence": "anullsrc=r=16000:cl=mono:d=20",
    "white noise": "anoisesrc=r=16000:d=20:a=0.1:seed=3",
    "a room": "anoisesrc=r=16000:d=20:a=0.003:color=brown:seed=3",
    "hum": "aevalsrc=0.2*sin(2*PI*50*t)+0.1*sin(2*PI*150*t):s=16000:d=20",
    # A tune of four notes over a chord; each note fades out.
    "music": "aevalsrc=exp(-4*mod(t\\,0.5))*(0.3*sin(2*PI*t*(262+66*floor(mod(t\\,2)/0.5)))"
    "+0.1*sin(2*PI*330*t)+0.1*sin(2*PI*392*t)):s=16000:d=20",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the embedded engine."""
    with Server(tmp_path_factory.mktemp("nobody") / "data", LOG_LEVEL="WARNING") as running:
        yield running


@pytest.mark.parametrize("sound", WITHOUT_SPEECH)
def test_where_nobody_speaks_there_is_no_text(
    sound: str, server: Server, media: Media, tmp_path: Path
) -> None:
    path = media.ffmpeg(f"-f lavfi -i {WITHOUT_SPEECH[sound]}", tmp_path / "nobody.mp3")
    answer = httpx.post(f"{server.url}/transcribe", files={"file": path.read_bytes()}, timeout=300)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["text"], answer.json()["segments"]) == ("", [])


def test_speech_between_music_and_silence_is_all_the_text(
    server: Server, media: Media, tmp_path: Path
) -> None:
    path = media.ffmpeg(
        f"-f lavfi -i {WITHOUT_SPEECH['music']} -i {ENGLISH_SHORT.path}"
        f" -f lavfi -i {WITHOUT_SPEECH['silence']} -filter_complex [0][1][2]concat=n=3:v=0:a=1",
        tmp_path / "between.mp3",
    )
    answer = httpx.post(f"{server.url}/transcribe", files={"file": path.read_bytes()}, timeout=300).json()
    assert "made amiable himself" in answer["text"]
    assert all(20 < segment["start"] < segment["end"] < 24 for segment in answer["segments"])


# ── one answer of the engine over speech and over silence ─────────────────────────────────────────


def line(number: int, start: float, end: float, text: str) -> dict[str, Any]:
    """As large-v3-turbo writes it: never in doubt, whatever the sound."""
    return {
        "id": number, "seek": 0, "start": start, "end": end, "text": f" {text}", "tokens": [50364, 1],
        "temperature": 0.0, "avg_logprob": -0.2, "compression_ratio": 1.2, "no_speech_prob": 1e-10,
    }  # fmt: skip


def reply_of(*lines: tuple[float, float, str]) -> Reply:
    segments = [line(i, *each) for i, each in enumerate(lines)]
    return transcription(" ".join(text for _, _, text in lines), segments=segments, duration=41.0)


# The reader speaks for the first 24.7 seconds; then nobody does.
SPEECH = (
    0.3,
    6.0,
    "And Mr. John Dashwood had then leisure to consider how much there might be in his power.",
)
SPOKEN = reply_of(SPEECH, (8.0, 10.0, PHRASE))
HALLUCINATED = reply_of(SPEECH, (31.0, 33.0, PHRASE))


@pytest.fixture(scope="module", params=["digital silence", "a quiet room"])
def recording(request: pytest.FixtureRequest, media: Media) -> bytes:
    quiet = {
        "digital silence": "anullsrc=r=16000:cl=mono",
        "a quiet room": "anoisesrc=r=16000:a=0.002:seed=1",
    }
    path = media.folder / f"{request.param.replace(' ', '-')}.mp3"
    sound = f"-i {ENGLISH.path} -f lavfi -t 16 -i {quiet[request.param]}"
    media.ffmpeg(f"{sound} -filter_complex [0][1]concat=n=2:v=0:a=1", path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def url(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("hallucinated") / "data"
    with Server(data, GROQ_BASE_URL=upstream.url, LOG_LEVEL="WARNING") as running:
        yield running.url


def transcribe(url: str, audio: bytes, way: str, **options: str) -> dict[str, Any]:
    if way == "job":
        api = Api(url)
        result: dict[str, Any] = api.until(api.accepted(audio, **options), "completed")["result"]
        return result
    answer = httpx.post(f"{url}/transcribe", files={"file": audio}, data=options, timeout=60)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("way", ["request", "job"])
def test_a_phrase_that_is_really_spoken_is_kept(
    url: str, upstream: Upstream, recording: bytes, way: str
) -> None:
    upstream.default = SPOKEN
    answer = transcribe(url, recording, way)
    assert answer["text"].endswith(PHRASE)
    assert "suppressed" not in answer


@pytest.mark.parametrize("way", ["request", "job"])
def test_the_same_phrase_over_silence_is_suppressed(
    url: str, upstream: Upstream, recording: bytes, way: str
) -> None:
    upstream.default = HALLUCINATED
    answer = transcribe(url, recording, way)
    assert answer["text"] == SPEECH[2]
    (suppressed,) = answer["suppressed"]
    assert tuple(suppressed[name] for name in ("start", "end", "text", "reason")) == (
        31.0,
        33.0,
        PHRASE,
        "phrase",
    )


def test_without_the_guard_nothing_is_suppressed(url: str, upstream: Upstream, recording: bytes) -> None:
    upstream.default = HALLUCINATED
    answer = transcribe(url, recording, "request", guard="false")
    assert answer["text"].endswith(PHRASE)
    assert "suppressed" not in answer
    options = {"guard": False, "userId": "ana"}
    pending = httpx.post(f"{url}/transcribe-job", json=options, timeout=60).json()
    assert Api(url).upload(pending["upload"], recording).status_code == 202
    assert Api(url).completed(pending["jobId"]).endswith(PHRASE)


def test_the_openai_api_suppresses_it_too(url: str, upstream: Upstream, recording: bytes) -> None:
    upstream.default = HALLUCINATED
    form = {"model": "whisper-1", "response_format": "text"}
    files = {"file": ("a.mp3", recording)}
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files=files, data=form, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.text.strip() == SPEECH[2]
