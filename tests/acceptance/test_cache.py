"""The same recording a second time: no engine, no ffmpeg, and nothing of it after it was deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.media import Media
from tests.replies import broken, transcription
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

MB = 1024 * 1024
TEXT = "hola a todos otra vez"
HIT = "x-escriba-cache"


@pytest.fixture(scope="module")
def server(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("cache") / "data"
    with Server(data, GROQ_API_KEY="gsk", GROQ_BASE_URL=engine.url, CACHE_MB="5") as running:
        yield running


@pytest.fixture
def upstream(engine: Upstream, server: Server) -> Upstream:
    """Nothing is seen and nothing is kept."""
    engine.reset()
    engine.default = transcription(TEXT)
    with closing(sqlite3.connect(server.data_dir / "escriba.sqlite3", timeout=30)) as database, database:
        database.execute("DELETE FROM cache")
    return engine


@pytest.fixture
def post(server: Server, media: Media) -> Callable[..., httpx.Response]:
    def send(path: str = "/transcribe", name: str = "cbr.mp3", **fields: Any) -> httpx.Response:
        files = {"file": (f"{name}.mp3", media(name).read_bytes())}
        return httpx.post(server.url + path, files=files, data=fields, timeout=60)

    return send


def finish(server: Server, answer: httpx.Response) -> dict[str, Any]:
    while True:
        job = httpx.get(f"{answer.json()['statusUrl']}?wait=20", timeout=60)
        if job.json()["status"] in {"completed", "failed", "cancelled"}:
            return {**job.json(), HIT: job.headers.get(HIT)}


def kept_texts(server: Server) -> int:
    with closing(sqlite3.connect(server.data_dir / "escriba.sqlite3", timeout=30)) as database:
        return int(database.execute("SELECT count(*) FROM cache").fetchone()[0])


def test_a_second_request_is_answered_without_the_engine(post: Any, upstream: Upstream) -> None:
    first, second = post(), post()
    assert (first.headers.get(HIT), second.headers.get(HIT)) == (None, "hit")
    assert "cached" not in first.json()
    assert second.json()["cached"] is True
    same = ("text", "segments", "language", "duration", "model", "engine")
    assert [first.json()[name] for name in same] == [second.json()[name] for name in same]
    assert second.json()["processing"].keys() == {"receive", "total"}  # nothing was prepared or recognised
    assert len(upstream.requests) == 1


def test_all_formats_and_both_apis_share_one_text(post: Any, upstream: Upstream) -> None:
    words = post(timestamps="word")
    assert [word["word"] for word in words.json()["words"]] == TEXT.split()
    answers = [post(format=name) for name in ("json", "srt", "vtt", "tsv", "txt")]
    openai = "/v1/audio/transcriptions"
    answers += [post(openai, response_format=name) for name in ("json", "text", "srt", "vtt", "verbose_json")]
    answers.append(post(openai, stream="true"))
    assert [answer.headers.get(HIT) for answer in answers] == ["hit"] * len(answers)
    assert [answer.text for answer in answers if "hola" not in answer.text] == []
    assert "words" not in answers[0].json()
    assert "transcript.text.done" in answers[-1].text
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"language": "en"},
        {"prompt": "Escriba"},
        {"temperature": "0.4"},
        {"model": "whisper-large-v3"},
        {"task": "translate"},
        {"guard": "false"},
        {"timestamps": "word"},
        {"cache": "false"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_another_option_is_another_text(fields: dict[str, str], post: Any, upstream: Upstream) -> None:
    post()
    assert HIT not in post(**fields).headers
    assert len(upstream.requests) == 2


def test_another_recording_is_another_text(post: Any, upstream: Upstream) -> None:
    post()
    assert HIT not in post(name="opus.ogg").headers
    assert len(upstream.requests) == 2


def test_what_must_not_be_kept_is_not(post: Any, server: Server, upstream: Upstream) -> None:
    post(cache="false")
    assert kept_texts(server) == 0
    assert HIT not in post().headers
    assert post(cache="false").headers.get(HIT) is None
    assert len(upstream.requests) == 3


def test_jobs_and_requests_answer_for_each_other(post: Any, server: Server, upstream: Upstream) -> None:
    first = finish(server, post("/transcribe-job"))
    assert (first["status"], first.get("cached"), first[HIT]) == ("completed", None, None)
    second = finish(server, post("/transcribe-job"))
    assert (second["status"], second["cached"], second[HIT]) == ("completed", True, "hit")
    assert second["result"] == first["result"]
    assert post().headers[HIT] == "hit"
    transcript = httpx.get(f"{server.url}/job/{second['jobId']}/transcript?format=srt")
    assert (transcript.headers[HIT], "hola" in transcript.text) == ("hit", True)
    assert len(upstream.requests) == 1


def test_what_is_deleted_is_gone_from_the_cache_too(post: Any, server: Server, upstream: Upstream) -> None:
    secret = "una frase que nadie debe leer"
    upstream.default = transcription(secret)
    post(timestamps="word", guard="false")
    job = finish(server, post("/transcribe-job"))
    assert kept_texts(server) == 2
    httpx.delete(f"{server.url}/job/{job['jobId']}")
    assert kept_texts(server) == 0
    stored = b"".join(file.read_bytes() for file in server.data_dir.glob("escriba.sqlite3*"))
    assert secret.encode() not in stored
    assert HIT not in post().headers
    assert len(upstream.requests) == 3


def test_a_failure_is_not_kept(post: Any, server: Server, upstream: Upstream) -> None:
    upstream.script.extend([broken()] * 4)
    assert post().status_code == 502
    assert kept_texts(server) == 0
    upstream.script.clear()
    assert post().json()["text"] == TEXT


def test_the_log_counts_hits(post: Any, server: Server, upstream: Upstream) -> None:
    def count(outcome: str) -> int:
        return server.log.count(f'"cache":"{outcome}"')

    misses, hits = count("miss"), count("hit")
    post()
    post()
    wait_until(lambda: (count("miss"), count("hit")) == (misses + 1, hits + 1))


@pytest.mark.alone
def test_the_second_time_takes_a_fifth_of_the_cpu(
    post: Any, server: Server, media: Media, upstream: Upstream
) -> None:
    """25 MB of wav; the CPU of all the server's processes."""

    def cpu() -> float:
        times = server.ps.cpu_times()
        return times.user + times.system + times.children_user + times.children_system

    def send() -> httpx.Response:
        return httpx.post(f"{server.url}/transcribe", files={"file": ("a.wav", content)}, timeout=120)

    post()  # so that the first time does not pay for imports
    path = media.ffmpeg("-f lavfi -i sine=440:r=44100:d=148 -ac 2", media.folder / "long.wav")
    content = path.read_bytes()
    assert 24 * MB < len(content) < 25 * MB

    def cost(*, hit: bool) -> float:
        begin = cpu()
        answer = send()
        assert (answer.status_code, answer.headers.get(HIT) == "hit") == (200, hit)
        return cpu() - begin

    first, requests = cost(hit=False), len(upstream.requests)
    again = [
        cost(hit=True) for _ in range(3)
    ]  # the least: what else the server does now and then counts, too
    assert min(again) <= first / 5, (first, again)
    assert len(upstream.requests) == requests
