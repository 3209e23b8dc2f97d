"""Long videos through the real server: in little memory, each piece transcribed once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import pytest

from tests.acceptance.api import Api, files_below
from tests.coded_speech import ToneRecogniser, speech_file, word_times, words_of
from tests.media import Media
from tests.replies import rate_limited
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

MB = 1024 * 1024


@dataclass(frozen=True)
class Video:
    """So many seconds of a film, in so many pieces for the engine."""

    content: bytes
    seconds: float
    pieces: int

    @property
    def words(self) -> list[str]:
        return words_of(len(word_times(self.seconds)))


def make_video(media: Media, seconds: float, pieces: int) -> Video:
    """Ten seconds of picture, repeated, with speech."""
    sound = speech_file(media, "film.m4a", "-b:a 48k -aac_coder fast", seconds)
    picture = media.ffmpeg(
        "-f lavfi -i testsrc=s=320x240:r=5:d=10,noise=alls=20:allf=t -c:v libx264 -preset ultrafast -b:v 64k",
        media.folder / "picture.mp4",
    )
    film = media.ffmpeg(
        f"-stream_loop -1 -i {picture} -i {sound} -map 0:v -map 1:a -c copy -t {seconds:.0f}",
        media.folder / f"film-{seconds:.0f}.mp4",
    )
    return Video(film.read_bytes(), seconds, pieces)


@pytest.fixture(scope="module")
def forty_minutes(media: Media) -> Video:
    return make_video(media, 2400.0, pieces=5)


@pytest.fixture(scope="module")
def engine() -> Iterator[Upstream]:
    """One engine for all tests, since it decodes each piece once and then has it cached."""
    with Upstream(recognise=ToneRecogniser()) as running:
        yield running


@pytest.fixture
def recogniser(engine: Upstream) -> ToneRecogniser:
    assert isinstance(engine.recognise, ToneRecogniser)
    engine.recognise.hashes.clear()
    engine.recognise.refuse = lambda _: None
    engine.requests.clear()
    engine.most_at_once = 0
    return engine.recognise


@dataclass
class Memory:
    """The most memory that a server and any of its ffmpegs had at any sample, in bytes."""

    server: int = 0
    ffmpeg: int = 0
    samples: int = 0


@contextmanager
def memory_of(server: Server) -> Iterator[Memory]:
    most, stop = Memory(), threading.Event()

    def sample() -> None:
        while not stop.wait(0.02):
            with suppress(psutil.NoSuchProcess):
                most.server = max(most.server, server.ps.memory_info().rss)
                children = [child.memory_info().rss for child in server.ps.children(recursive=True)]
                most.ffmpeg = max([most.ffmpeg, *children])
                most.samples += 1

    sampling = threading.Thread(target=sample)
    sampling.start()
    try:
        yield most
    finally:
        stop.set()
        sampling.join()


@dataclass
class EventLog:
    """The messages of a job's server-sent events."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def jobs(self) -> list[dict[str, Any]]:
        return [message["job"] for message in self.messages]

    def texts(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == "text"]


@contextmanager
def watch(url: str, job_id: str) -> Iterator[EventLog]:
    """Collects a job's messages until it has ended."""
    events = EventLog()

    def read() -> None:
        with httpx.stream("GET", f"{url}/job/{job_id}/events", timeout=300) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    events.messages.append(json.loads(line.removeprefix("data: ")))

    reading = threading.Thread(target=read)
    reading.start()
    yield events
    reading.join(300)
    assert not reading.is_alive()


def assert_completes(api: Api, job_id: str, video: Video) -> None:
    result = api.until(job_id, "completed", within=300)["result"]
    assert result["text"] == " ".join(video.words)
    assert result["duration"] == pytest.approx(video.seconds, abs=0.2)


@pytest.mark.alone
def test_two_pieces_at_once_are_transcribed_and_published_in_little_memory(
    media: Media, recogniser: ToneRecogniser, engine: Upstream, start: Callable[..., Server]
) -> None:
    video = make_video(media, 7200.0, pieces=13)
    assert len(video.content) > 60 * MB
    server = start(GROQ_BASE_URL=engine.url)
    api = Api(server.url)
    with memory_of(server) as memory:
        job_id = api.accepted(video.content)
        with watch(server.url, job_id) as events:
            assert_completes(api, job_id, video)
    assert Counter(Counter(recogniser.hashes).values()) == {1: video.pieces}
    assert engine.most_at_once == 2
    assert memory.server < 120 * MB, memory
    assert memory.ffmpeg < 120 * MB, memory
    print(f"server {memory.server / MB:.0f} MB, ffmpeg {memory.ffmpeg / MB:.0f} MB, {memory.samples} samples")

    done = [job["chunks"]["done"] for job in events.jobs()]
    assert done == sorted(done)
    assert set(done) == set(range(video.pieces + 1))
    progress = [job["progress"] for job in events.jobs()]
    assert progress == sorted(progress)
    whole_text = " ".join(video.words)
    texts = sorted(events.texts(), key=lambda text: int(text["index"]))
    assert [text["index"] for text in texts] == list(range(video.pieces))
    for text in texts:
        inner = text["text"].split()[1:-1]  # the words at a cut may be half words
        assert len(inner) > (500 if text["index"] else 150)  # the first piece is two minutes long
        assert " ".join(inner) in whole_text
    wait_until(lambda: files_below(server.data_dir) == [])


def test_after_a_rate_limit_midway_the_job_waits_and_only_missing_pieces_are_transcribed(
    forty_minutes: Video, recogniser: ToneRecogniser, engine: Upstream, start: Callable[..., Server]
) -> None:
    recogniser.refuse = lambda before: rate_limited(retry_after=1) if before == 3 else None
    server = start(GROQ_BASE_URL=engine.url)
    api = Api(server.url)
    job_id = api.accepted(forty_minutes.content)
    with watch(server.url, job_id) as events:
        assert_completes(api, job_id, forty_minutes)
    assert Counter(Counter(recogniser.hashes).values()) == {1: forty_minutes.pieces - 1, 2: 1}
    waits = [job for job in events.jobs() if job["status"] == "waiting"]
    assert waits
    assert all("waitingUntil" in job for job in waits)
    assert {job["chunks"]["done"] for job in waits} <= {3, 4}
    done = [job["chunks"]["done"] for job in events.jobs()]
    assert done == sorted(done)
    assert events.jobs()[-1]["attempts"] <= 1


def test_after_a_kill_midway_only_pieces_in_flight_are_transcribed_again(
    forty_minutes: Video, recogniser: ToneRecogniser, engine: Upstream, start: Callable[..., Server]
) -> None:
    kept, killed = 3, threading.Event()

    def stop_answering(before: int) -> None:
        if before >= kept:
            killed.wait(60)

    recogniser.refuse = stop_answering
    server = start(GROQ_BASE_URL=engine.url)
    api = Api(server.url)
    job_id = api.accepted(forty_minutes.content)
    wait_until(lambda: api.job(job_id).json()["chunks"]["done"] == kept, seconds=120)
    wait_until(lambda: len(recogniser.hashes) > kept)
    server.kill()
    killed.set()
    server.start()
    assert_completes(api, job_id, forty_minutes)
    calls = Counter(recogniser.hashes)
    assert len(calls) == forty_minutes.pieces
    assert {calls[piece] for piece in recogniser.hashes[:kept]} == {1}
    assert sum(count - 1 for count in calls.values()) in {1, 2}
    wait_until(lambda: files_below(server.data_dir) == [])
