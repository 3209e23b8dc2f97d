"""A local Convex as a process: Convex's real interfaces over the functions in web/convex."""

from __future__ import annotations

import json
import os
import subprocess
from types import TracebackType
from typing import Any, Self

import httpx

from tests.server import ROOT, free_port

KEY = "convex-key-of-the-tests"
OWNER = "an-owner-token-that-nobody-guesses-0123456789"


class LocalConvex:
    """`url` is for pages (queries, mutations), `site_url` for the API (HTTP actions)."""

    def __init__(self, *, key: str = KEY) -> None:
        self._port, self._site_port = free_port(), free_port()
        self.url, self.site_url = f"http://127.0.0.1:{self._port}", f"http://127.0.0.1:{self._site_port}"
        self._environment = {"PATH": os.environ["PATH"], "ESCRIBA_API_KEY": key}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = ["node", "dev/server.mjs", "--port", str(self._port), "--site-port", str(self._site_port)]
        self._process = subprocess.Popen(
            [*command, "--no-crons"],
            cwd=ROOT / "web",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert "siteUrl" in self._process.stdout.readline()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def create(self, job_id: str) -> None:
        """The row, as the page makes it before it uploads."""
        args = {"jobId": job_id, "ownerToken": OWNER, "filename": "a.wav"}
        call = {"path": "jobs:create", "format": "json", "args": args}
        answer = httpx.post(f"{self.url}/api/mutation", json=call, timeout=30).json()
        assert answer["status"] == "success", answer

    def rows(self) -> dict[str, dict[str, Any]]:
        """What the table holds, by job id."""
        rows = httpx.get(f"{self.url}/dev/table/transcriptionJobs", timeout=30).json()
        return {row["jobId"]: row for row in rows}

    def fault(self, **fault: Any) -> None:
        answer = httpx.post(f"{self.url}/dev/faults", json=fault, timeout=30)
        assert answer.status_code == 200, answer.text

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def agrees(row: dict[str, Any], job: dict[str, Any]) -> bool:
    """Whether the page's row says what the API's own answer says."""
    text = json.loads(row["resultJson"])["text"] if "resultJson" in row else None
    told = (row["status"], row.get("seq"), row.get("run"), row.get("progress"), text)
    result = job.get("result") or {}
    return told == (job["status"], job["seq"], job["run"], job["progress"], result.get("text"))
