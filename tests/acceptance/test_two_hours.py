"""A two-hour video through the real server: in little memory, piece by piece, each piece heard once."""

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
from tests.coded_speech import Ear, recorded, when, words_of
from tests.media import Media
from tests.replies import rate_limited
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

pytestmark = pytest.mark.alone

MB = 1024 * 1024
SECONDS = 7200.0
PIECES = 13
SAID = words_of(len(when(SECONDS)))


@pytest.fixture(scope="module")
def video(media: Media) -> bytes:
    """Over 60 MB: ten seconds of picture again and again, under two hours of speech."""
    sound = recorded(media, "film.m4a", "-b:a 48k -aac_coder fast", SECONDS)
    picture = media.ffmpeg(
        "-f lavfi -i testsrc=s=320x240:r=5:d=10,noise=alls=20:allf=t -c:v libx264 -preset ultrafast -b:v 64k",
        media.folder / "picture.mp4",
    )
    film = media.ffmpeg(
        f"-stream_loop -1 -i {picture} -i {sound} -map 0:v -map 1:a -c copy -t {SECONDS:.0f}",
        media.folder / "two-hours.mp4",
    )
    return film.read_bytes()


@pytest.fixture(scope="module")
def hearing() -> Iterator[Upstream]:
    """One engine for all tests: what it has understood once it need not decode again."""
    with Upstream(ear=Ear()) as running:
        yield running


@pytest.fixture
def ear(hearing: Upstream) -> Ear:
    assert isinstance(hearing.ear, Ear)
    hearing.ear.asked.clear()
    hearing.ear.refuse = lambda _: None
    hearing.seen.clear()
    hearing.most_at_once = 0
    return hearing.ear


@dataclass
class Memory:
    """The most that a server and one of its ffmpegs held at any moment that was looked at, in bytes."""

    server: int = 0
    ffmpeg: int = 0
    looks: int = 0


@contextmanager
def memory_of(server: Server) -> Iterator[Memory]:
    most, over = Memory(), threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            with suppress(psutil.NoSuchProcess):
                most.server = max(most.server, server.ps.memory_info().rss)
                children = [child.memory_info().rss for child in server.ps.children(recursive=True)]
                most.ffmpeg = max([most.ffmpeg, *children])
                most.looks += 1

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        over.set()
        looking.join()


@dataclass
class Watched:
    """What a page is told of a job, as server-sent events."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def jobs(self) -> list[dict[str, Any]]:
        return [message["job"] for message in self.messages]

    def texts(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == "text"]


@contextmanager
def watching(url: str, job_id: str) -> Iterator[Watched]:
    """Reads along until the job has ended."""
    watched = Watched()

    def read() -> None:
        with httpx.stream("GET", f"{url}/job/{job_id}/events", timeout=300) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    watched.messages.append(json.loads(line.removeprefix("data: ")))

    reading = threading.Thread(target=read)
    reading.start()
    yield watched
    reading.join(300)
    assert not reading.is_alive()


def completed(api: Api, job_id: str) -> None:
    result = api.until(job_id, "completed", within=300)["result"]
    assert result["text"] == " ".join(SAID)
    assert result["duration"] == pytest.approx(SECONDS, abs=0.2)


def test_it_is_heard_side_by_side_and_told_of_piece_by_piece_in_little_memory(
    video: bytes, ear: Ear, hearing: Upstream, start: Callable[..., Server]
) -> None:
    assert len(video) > 60 * MB
    server = start(GROQ_BASE_URL=hearing.url)
    api = Api(server.url)
    with memory_of(server) as memory:
        job_id = api.accepted(video)
        with watching(server.url, job_id) as watched:
            completed(api, job_id)
    assert Counter(Counter(ear.asked).values()) == {1: PIECES}
    assert hearing.most_at_once == 2
    assert memory.server < 120 * MB, memory
    assert memory.ffmpeg < 120 * MB, memory
    print(f"server {memory.server / MB:.0f} MB, ffmpeg {memory.ffmpeg / MB:.0f} MB, {memory.looks} looks")

    done = [job["chunks"]["done"] for job in watched.jobs()]
    assert done == sorted(done)
    assert set(done) == set(range(PIECES + 1))
    progress = [job["progress"] for job in watched.jobs()]
    assert progress == sorted(progress)
    said = " ".join(SAID)
    texts = sorted(watched.texts(), key=lambda text: int(text["index"]))
    assert [text["index"] for text in texts] == list(range(PIECES))
    for text in texts:
        whole = text["text"].split()[1:-1]  # the words at a cut may be half words
        assert len(whole) > 500
        assert " ".join(whole) in said
    wait_until(lambda: files_below(server.data_dir) == [])


def test_a_limit_reached_midway_makes_it_wait_and_only_what_is_missing_is_heard(
    video: bytes, ear: Ear, hearing: Upstream, start: Callable[..., Server]
) -> None:
    ear.refuse = lambda before: rate_limited(retry_after=1) if before == 6 else None
    server = start(GROQ_BASE_URL=hearing.url)
    api = Api(server.url)
    job_id = api.accepted(video)
    with watching(server.url, job_id) as watched:
        completed(api, job_id)
    assert Counter(Counter(ear.asked).values()) == {1: PIECES - 1, 2: 1}
    waits = [job for job in watched.jobs() if job["status"] == "waiting"]
    assert waits
    assert all("waitingUntil" in job for job in waits)
    assert {job["chunks"]["done"] for job in waits} <= {6, 7}
    done = [job["chunks"]["done"] for job in watched.jobs()]
    assert done == sorted(done)
    assert watched.jobs()[-1]["attempts"] <= 1


def test_killed_midway_only_what_was_in_flight_is_heard_again(
    video: bytes, ear: Ear, hearing: Upstream, start: Callable[..., Server]
) -> None:
    kept, gone = 7, threading.Event()

    def says_no_more(before: int) -> None:
        if before >= kept:
            gone.wait(60)

    ear.refuse = says_no_more
    server = start(GROQ_BASE_URL=hearing.url)
    api = Api(server.url)
    job_id = api.accepted(video)
    wait_until(lambda: api.job(job_id).json()["chunks"]["done"] == kept, seconds=120)
    wait_until(lambda: len(ear.asked) > kept)
    server.kill()
    gone.set()
    server.start()
    completed(api, job_id)
    calls = Counter(ear.asked)
    assert len(calls) == PIECES
    assert {calls[piece] for piece in ear.asked[:kept]} == {1}
    assert sum(count - 1 for count in calls.values()) in {1, 2}
    wait_until(lambda: files_below(server.data_dir) == [])
