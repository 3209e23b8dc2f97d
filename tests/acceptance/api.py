"""What the acceptance tests ask of a running server, and what they find on its disk."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.server import Server
from tests.serving import wait_until
from tests.upstream import ReceivedRequest, Upstream

ENDED = ("completed", "failed", "cancelled")


class Api:
    """One server's routes; every call is a connection of its own, as between strangers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url, timeout=60, verify=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def submit(self, audio: bytes, *, key: str | None = None, **fields: str) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        files = {"file": ("a.wav", audio)}
        return self._http.post("/transcribe-job", files=files, data=fields, headers=headers)

    def accepted(self, audio: bytes, **fields: str) -> str:
        """The id of a new job."""
        answer = self.submit(audio, **fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["jobId"])

    def expect(self, *, key: str | None = None, **body: Any) -> httpx.Response:
        """Ask for a job whose audio is posted later."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._http.post("/transcribe-job", json=body, headers=headers)

    def upload(self, ticket: Mapping[str, Any], audio: bytes) -> httpx.Response:
        """Post the audio as the answer's `upload` says."""
        return self._http.post(ticket["url"], data=ticket["fields"], files={"file": ("a.wav", audio)})

    def job(self, job_id: str, **query: str) -> httpx.Response:
        return self._http.get(f"/job/{job_id}", params=query)

    def delete(self, job_id: str) -> httpx.Response:
        return self._http.delete(f"/job/{job_id}")

    def retry(self, job_id: str) -> httpx.Response:
        return self._http.post(f"/job/{job_id}/retry")

    def health(self) -> Any:
        return self._http.get("/health").json()

    def until(self, job_id: str, *statuses: str, within: float = 60) -> dict[str, Any]:
        """The job once it has one of `statuses`; AssertionError when it ends in another."""
        deadline = time.monotonic() + within
        while True:
            answer = self.job(job_id, wait="0.5")
            assert answer.status_code == 200, answer.text
            job: dict[str, Any] = answer.json()
            if job["status"] in statuses:
                return job
            assert job["status"] not in ENDED, job
            assert time.monotonic() < deadline, f"it never became {statuses}: {job}"

    def completed(self, job_id: str, *, within: float = 60) -> str:
        """The text of a job that completes."""
        return str(self.until(job_id, "completed", within=within)["result"]["text"])


def sha(audio: bytes) -> str:
    return hashlib.sha256(audio).hexdigest()


def text_of(audio: bytes) -> str:
    """What the stand-in says of a recording that is sent on as it is."""
    return f"heard {sha(audio)[:12]}"


def calls(upstream: Upstream, audio: bytes) -> list[ReceivedRequest]:
    """The times that the engine was asked about this recording."""
    return [seen for seen in list(upstream.requests) if seen.form.sha256 == sha(audio)]


def under_way(upstream: Upstream) -> list[ReceivedRequest]:
    """The requests that the engine has not answered yet."""
    return [seen for seen in list(upstream.requests) if seen.status is None and not seen.client_gone]


def files_below(data_dir: Path) -> list[Path]:
    """Recordings, and what runs made of them."""
    return [
        path for room in ("audio", "scratch") for path in everything_below(data_dir / room, folders=False)
    ]


def everything_below(root: Path, *, folders: bool = True) -> list[Path]:
    """What a running server has there; what vanishes meanwhile is no failure, as it is to `rglob`."""
    return [
        Path(folder, name)
        for folder, within, files in os.walk(root)
        for name in (*files, *(within if folders else ()))
    ]


def decoders_held_up(server: Server) -> list[psutil.Process]:
    """What decodes for the server, stopped where it is: however fast, it cannot be done before the end."""
    held: list[psutil.Process] = []

    def caught() -> bool:
        for child in server.ps.children(recursive=True):
            with suppress(psutil.Error):  # it ended between two questions
                if "-c:a flac" in " ".join(child.cmdline()):
                    child.suspend()
                    held.extend([child] if child.status() == psutil.STATUS_STOPPED else [])
        return bool(held)

    wait_until(caught)
    return held


_TEXTS = """
    SELECT (SELECT count(*) FROM chunks WHERE job_id = :id)
        + (SELECT count(*) FROM results WHERE job_id = :id)
        + (SELECT count(*) FROM events WHERE job_id = :id AND text IS NOT NULL)
"""


def texts_kept(data_dir: Path, job_id: str) -> int:
    """Rows of the database that hold what was said in a job."""
    with closing(sqlite3.connect(f"file:{data_dir}/escriba.sqlite3?mode=ro", uri=True)) as db:
        (count,) = db.execute(_TEXTS, {"id": job_id}).fetchone()
    return int(count)
