"""SIGTERM: the server accepts no more, finishes short work, requeues the rest and informs its watchers."""

from __future__ import annotations

import random
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.acceptance.api import Api, calls, decoders_held_up, files_below, sha, text_of
from tests.acceptance.client import tone
from tests.kept_jobs import keep_finished_jobs
from tests.replies import Reply, rate_limited
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

RANDOM = random.Random(16)
TIMEOUT = 8.0  # SHUTDOWN_TIMEOUT
SLACK = 15.0  # what a busy machine may add


def leases(data_dir: Path) -> int:
    with closing(sqlite3.connect(f"file:{data_dir}/escriba.sqlite3?mode=ro", uri=True)) as db:
        (held,) = db.execute("SELECT count(*) FROM jobs WHERE lease_holder IS NOT NULL").fetchone()
    return int(held)


class SlowUpload:
    """A form of which all but the last bytes are sent."""

    def __init__(self, port: int, audio: bytes) -> None:
        self.audio = audio
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        body = head + audio + b"\r\n--x--\r\n"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        kind = f"content-type: multipart/form-data; boundary=x\r\ncontent-length: {len(body)}"
        self.socket.sendall(f"POST /transcribe-job HTTP/1.1\r\nhost: localhost\r\n{kind}\r\n\r\n".encode())
        # More than the guard reads ahead, so that it holds a slot.
        self.socket.sendall(body[:-40])
        self._rest = body[-40:]

    def finish(self) -> bytes:
        self.socket.sendall(self._rest)
        return self.socket.recv(65536)


def watch_by_socket(server: Server, job_id: str) -> int | None:
    with connect(f"ws://127.0.0.1:{server.port}/ws/transcription/{job_id}", open_timeout=60) as watcher:
        try:
            while True:
                watcher.recv(timeout=60)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


def watch_by_sse(server: Server, job_id: str, *, after: int | None = None) -> str:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with httpx.stream("GET", f"{server.url}/job/{job_id}/events", headers=headers, timeout=60) as answer:
        return "".join(answer.iter_text())


def wait_for_change(server: Server, job_id: str) -> int:
    return httpx.get(f"{server.url}/job/{job_id}", params={"wait": "25"}, timeout=60).status_code


def test_a_stop_amid_uploads_watchers_and_jobs_of_every_kind(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    server = start(
        GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="2", LEASE_SECONDS="600", SHUTDOWN_TIMEOUT=f"{TIMEOUT:g}"
    )
    api = Api(server.url)
    waiting, short, long, queued = (tone(RANDOM) for _ in range(4))
    upstream.by_sha256[sha(waiting)] = rate_limited(retry_after=4)
    ids = {waiting: api.accepted(waiting)}
    api.until(ids[waiting], "waiting")
    has_stopped_listening = threading.Event()
    upstream.recognise = not_before(has_stopped_listening)
    upstream.by_sha256[sha(long)] = Reply(hang=True)
    ids |= {audio: api.accepted(audio) for audio in (long, short, queued)}
    wait_until(lambda: bool(calls(upstream, short) and calls(upstream, long)))
    finishes, never = (SlowUpload(server.port, tone(RANDOM, seconds=3)) for _ in range(2))
    idle = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    with ThreadPoolExecutor(6) as pool:
        code = pool.submit(watch_by_socket, server, ids[long])
        events = pool.submit(watch_by_sse, server, ids[long])
        status = pool.submit(wait_for_change, server, ids[long])
        wait_until(lambda: api.health()["inHand"]["watchers"] == 3)
        assert server.process is not None
        start_of_stop = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server.port))
        has_stopped_listening.set()
        assert finishes.finish().startswith(b"HTTP/1.1 202")
        assert code.result(TIMEOUT + SLACK) == 1012
        stream = events.result(TIMEOUT + SLACK)
        assert '"type":"snapshot"' in stream
        assert stream.splitlines()[-2].startswith("retry: ")  # come back, soon
        assert status.result(TIMEOUT + SLACK) == 200
        assert idle.recv(1) == b""
        assert server.stop() == 0
    assert time.monotonic() - start_of_stop < TIMEOUT + SLACK
    for connection in (finishes.socket, never.socket, idle):
        connection.close()
    # No job is leased, and the unfinished upload is deleted.
    assert leases(server.data_dir) == 0
    assert calls(upstream, queued) == []
    assert [path for path in files_below(server.data_dir) if "scratch" in path.parts] == []
    upstream.by_sha256.clear()
    server.start()
    assert api.job(ids[short]).json()["status"] == "completed"
    for audio, job_id in ids.items():
        assert api.completed(job_id, within=30) == text_of(audio)  # the lease would have been 600 s
        assert api.job(job_id).json()["attempts"] == 1
    wait_until(lambda: len(calls(upstream, finishes.audio)) == 1)
    wait_until(lambda: files_below(server.data_dir) == [])


def test_another_instance_goes_on_at_once_while_the_first_still_receives_an_upload(
    tmp_path: Path, upstream: Upstream
) -> None:
    settings = {"GROQ_BASE_URL": upstream.url, "LEASE_SECONDS": "600", "SHUTDOWN_TIMEOUT": "60"}
    audio = tone(RANDOM)
    with Server(tmp_path / "data", **settings) as old:
        api = Api(old.url)
        upstream.script.append(Reply(hang=True))
        job_id = api.accepted(audio)
        wait_until(lambda: bool(calls(upstream, audio)))
        upload = SlowUpload(old.port, tone(RANDOM, seconds=3))
        with Server(tmp_path / "data", **settings) as new, ThreadPoolExecutor(2) as pool:
            code = pool.submit(watch_by_socket, old, job_id)
            stream = pool.submit(watch_by_sse, old, job_id)
            wait_until(lambda: api.health()["inHand"]["watchers"] == 2)
            assert old.process is not None
            old.process.send_signal(signal.SIGTERM)
            start_of_stop = time.monotonic()
            wait_until(lambda: len(calls(upstream, audio)) == 2)
            print(f"the other instance went on after {time.monotonic() - start_of_stop:.2f} s")
            assert code.result(60) == 1012
            # Both come back, from where they were, and find the other instance.
            last = max(int(line[4:]) for line in stream.result(60).splitlines() if line.startswith("id: "))
            assert '"status":"completed"' in watch_by_sse(new, job_id, after=last)
            assert Api(new.url).completed(job_id) == text_of(audio)
            assert old.process.poll() is None, "the first instance ended before the other one went on"
            upload.finish()
            upload.socket.close()
            assert old.process.wait(60) == 0
            assert Api(new.url).job(job_id).json()["attempts"] == 1
            wait_until(lambda: files_below(new.data_dir) == [])


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except (ConnectionRefusedError, ConnectionResetError):  # the latter in the moment in which it ends
        return True
    return False


def test_without_work_the_server_stops_at_once(start: Callable[..., Server], upstream: Upstream) -> None:
    server = start(GROQ_BASE_URL=upstream.url, SHUTDOWN_TIMEOUT="60")
    start_of_stop = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - start_of_stop < 20
    assert not list((server.data_dir / "scratch").iterdir())
    assert "ERROR" not in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_loses_no_job(
    start: Callable[..., Server], upstream: Upstream, number: signal.Signals
) -> None:
    audio = tone(RANDOM)
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, LEASE_SECONDS="600", SHUTDOWN_TIMEOUT="4")
    api = Api(server.url)
    job_id = api.accepted(audio)
    wait_until(lambda: bool(calls(upstream, audio)))
    stuck = SlowUpload(server.port, tone(RANDOM, seconds=3))
    assert server.process is not None
    for _ in range(2):
        server.process.send_signal(number)
        wait_until(lambda: refuses(server.port))
        time.sleep(0.5)
    assert server.process.wait(4 + SLACK) == 0
    stuck.socket.close()
    upstream.default = Reply()
    server.start()
    assert api.completed(job_id, within=30) == text_of(audio)


def test_ffmpeg_does_not_outlive_a_stop(start: Callable[..., Server], upstream: Upstream) -> None:
    server = start(GROQ_BASE_URL=upstream.url, SHUTDOWN_TIMEOUT="1")
    audio = adpcm_of_silence(seconds=14_000)  # no more than MAX_AUDIO_MINUTES: longer is not decoded at all
    api = Api(server.url)
    job_id = api.accepted(audio)
    working = decoders_held_up(server)
    assert server.stop(within=1 + SLACK + 20) == 0
    wait_until(lambda: not any(child.is_running() for child in working))
    assert [path.name for path in files_below(server.data_dir)] == [job_id]


def adpcm_of_silence(*, seconds: int) -> bytes:
    """A wav that must be decoded: IMA ADPCM, 8 kHz, in blocks of 256 bytes with 505 samples each."""
    blocks = seconds * 8000 // 505
    data = (b"\0\0\0\0" + bytes(252)) * blocks
    format_ = b"fmt " + (20).to_bytes(4, "little")
    format_ += b"".join(
        value.to_bytes(size, "little")
        for value, size in ((0x11, 2), (1, 2), (8000, 4), (4055, 4), (256, 2), (4, 2), (2, 2), (505, 2))
    )
    fact = b"fact" + (4).to_bytes(4, "little") + (blocks * 505).to_bytes(4, "little")
    body = b"WAVE" + format_ + fact + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.alone
def test_ten_thousand_finished_jobs_do_not_slow_down_a_start(
    tmp_path: Path, start: Callable[..., Server], upstream: Upstream
) -> None:
    job_ids = keep_finished_jobs(tmp_path / "data", 10_000)
    empty = Server(tmp_path / "empty", GROQ_BASE_URL=upstream.url)
    with empty:
        time.sleep(2)  # the first sweep
        without = cpu_seconds(empty)
    server = start(GROQ_BASE_URL=upstream.url)
    time.sleep(2)
    more = cpu_seconds(server) - without
    assert more < 1.0, f"{more:.2f} s of CPU"
    api, audio = Api(server.url), tone(RANDOM)
    assert api.job(job_ids[5000]).json()["status"] == "completed"
    assert api.completed(api.accepted(audio)) == text_of(audio)


def cpu_seconds(server: Server) -> float:
    times = server.ps.cpu_times()
    return float(times.user + times.system)


def test_requests_that_cannot_be_finished_are_answered_before_docker_would_kill(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, TRANSCRIPTIONS_AT_ONCE="1", SHUTDOWN_TIMEOUT="4")
    api = Api(server.url)

    def post(path: str, **fields: str) -> httpx.Response:
        files = {"file": ("a.wav", tone(random.Random(path)))}
        return httpx.post(server.url + path, files=files, data=fields, timeout=60)

    stuck = SlowUpload(server.port, tone(RANDOM, seconds=3))
    with ThreadPoolExecutor(3) as pool:
        running = pool.submit(post, "/v1/audio/transcriptions")
        wait_until(lambda: len(upstream.requests) == 1)
        waiting = pool.submit(post, "/transcribe")
        wait_until(lambda: api.health()["inHand"]["waiting"] == 1)
        started_at = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started_at < 40
        for answer in (running.result(), waiting.result()):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_stopping")
            assert answer.headers["retry-after"] == "5"
    assert stuck.socket.recv(65536).startswith(b"HTTP/1.1 503 ")
    stuck.socket.close()
    assert '"ERROR"' not in server.log
