"""Jobs that fetch their recording from an address: progress, cancelling, crashes, servers in trouble."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.acceptance.api import files_below
from tests.file_server import FileServer, dribble, status
from tests.media import Media
from tests.replies import rate_limited, transcription
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

MB = 1024 * 1024


@pytest.fixture
def files(media: Media) -> Iterator[FileServer]:
    with FileServer() as server:
        server.files["/talk.mp3"] = media("cbr.mp3").read_bytes() * 60
        yield server


@pytest.fixture
def server(start: Callable[..., Server], upstream: Upstream) -> Server:
    upstream.default = transcription("hola desde lejos")
    return start(
        GROQ_API_KEY="gsk", GROQ_BASE_URL=upstream.url, DOWNLOAD_PRIVATE_ADDRESSES="true", LEASE_SECONDS="2"
    )


def submit(server: Server, url: str, **fields: str) -> str:
    answer = httpx.post(f"{server.url}/transcribe-job", json={"url": url, **fields}, timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued"), answer.text
    return str(answer.json()["jobId"])


def read(server: Server, job_id: str) -> dict[str, Any]:
    return dict(httpx.get(f"{server.url}/job/{job_id}", timeout=60).json())


def wait_for(server: Server, job_id: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    wait_until(lambda: condition(read(server, job_id)))
    return read(server, job_id)


def finish(server: Server, job_id: str) -> dict[str, Any]:
    return wait_for(server, job_id, lambda job: job["status"] in {"completed", "failed", "cancelled"})


def is_downloading(job: dict[str, Any]) -> bool:
    return bool(job.get("download", {}).get("receivedBytes"))


def test_a_watcher_sees_how_many_bytes_of_how_many_have_come(server: Server, files: FileServer) -> None:
    files.script.append(dribble(5))
    job_id = submit(server, f"{files.url}/talk.mp3")
    job = wait_for(server, job_id, is_downloading)
    size = len(files.files["/talk.mp3"])
    assert (job["status"], job["stage"]) == ("processing", "download")
    assert 0 < job["download"]["receivedBytes"] < size == job["download"]["totalBytes"]
    assert 0 < job["progress"] < 5
    done = finish(server, job_id)
    assert (done["status"], done["result"]["text"]) == ("completed", "hola desde lejos")
    assert "download" not in done
    wait_until(lambda: files_below(server.data_dir) == [])


def test_a_cancelled_download_stops_and_leaves_nothing(server: Server, files: FileServer) -> None:
    files.script.append(dribble(600))
    secret = f"{files.url}/talk.mp3?signature=nobody-may-read-this"
    job_id = submit(server, secret)
    wait_for(server, job_id, is_downloading)
    assert httpx.delete(f"{server.url}/job/{job_id}").json()["status"] == "cancelled"
    wait_until(lambda: files_below(server.data_dir) == [])
    with closing(sqlite3.connect(server.data_dir / "escriba.sqlite3", timeout=30)) as database:
        rows = database.execute("SELECT document FROM jobs UNION ALL SELECT job FROM events").fetchall()
    assert rows
    assert [row for row in rows if "signature" in row[0]] == []
    assert "signature" not in server.log


def test_a_download_survives_a_crash_and_a_restart(
    server: Server, files: FileServer, upstream: Upstream
) -> None:
    files.script.append(dribble(600))
    job_id = submit(server, f"{files.url}/talk.mp3", filename="mine.mp3")
    wait_for(server, job_id, is_downloading)
    server.kill()
    server.start()
    assert finish(server, job_id)["result"]["text"] == "hola desde lejos"
    assert len(upstream.requests) == 1
    files.script.append(dribble(600))
    job_id = submit(server, f"{files.url}/talk.mp3?again")
    wait_for(server, job_id, is_downloading)
    assert server.stop() == 0
    server.start()
    assert finish(server, job_id)["status"] == "completed"
    wait_until(lambda: files_below(server.data_dir) == [])


def test_a_server_in_trouble_is_asked_again(server: Server, files: FileServer) -> None:
    files.script += [status(503, Retry_After="1"), status(500)]
    assert finish(server, submit(server, f"{files.url}/talk.mp3"))["status"] == "completed"
    assert len(files.requests) == 3


def test_a_recording_is_fetched_once_though_the_job_waits(
    server: Server, files: FileServer, upstream: Upstream
) -> None:
    upstream.script.append(rate_limited(retry_after=1))
    assert finish(server, submit(server, f"{files.url}/talk.mp3"))["status"] == "completed"
    assert len(files.requests) == 1


def test_private_addresses_are_refused_unless_the_owner_allows_them(
    start: Callable[..., Server], upstream: Upstream, files: FileServer
) -> None:
    server = start(GROQ_API_KEY="gsk", GROQ_BASE_URL=upstream.url)
    for path in ("/transcribe", "/transcribe-job", "/v1/audio/transcriptions"):
        for url in (f"{files.url}/talk.mp3", "http://localhost/", "http://169.254.169.254/latest/meta-data"):
            answer = httpx.post(server.url + path, json={"url": url}, timeout=60)
            assert answer.json()["error"]["code"] == "url_not_public"
    assert files.requests == []


def test_a_client_that_leaves_ends_its_download(server: Server, files: FileServer) -> None:
    files.script.append(dribble(600))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/transcribe", json={"url": f"{files.url}/talk.mp3"}, timeout=1)
    wait_until(lambda: files_below(server.data_dir) == [])
