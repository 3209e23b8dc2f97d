"""A local Convex as a process: Convex's real interfaces over the example in web/example."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.server import ROOT, free_port

KEY = "convex-key-of-the-tests"
OWNER = "an-owner-token-that-nobody-guesses-0123456789"


class LocalConvex:
    """`url` is for pages (queries, mutations), `site_url` for the API (HTTP actions).

    With `keep` its rows outlast it, as a deployment's do: it may be killed and started again.
    """

    def __init__(self, *, key: str = KEY, keep: Path | None = None) -> None:
        self._port, self._site_port = free_port(), free_port()
        self.url, self.site_url = f"http://127.0.0.1:{self._port}", f"http://127.0.0.1:{self._site_port}"
        self.environment = {"PATH": os.environ["PATH"], "ESCRIBA_API_KEY": key}
        self._options = ["--no-crons", *(["--keep", str(keep)] if keep else [])]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = ["node", "dev/server.mjs", "--port", str(self._port), "--site-port", str(self._site_port)]
        self._process = subprocess.Popen(
            [*command, *self._options],
            cwd=ROOT / "web",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if "siteUrl" not in self._process.stdout.readline():
            self.stop()
            raise AssertionError(
                "the local Convex did not start: is web/node_modules there? (make web/node_modules)"
            )

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._ended()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._ended()

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def create(self, job_id: str) -> None:
        """The row, as the page makes it before it uploads."""
        args = {"jobId": job_id, "ownerToken": OWNER, "filename": "a.wav"}
        call = {"path": "jobs:create", "format": "json", "args": args}
        answer = httpx.post(f"{self.url}/api/mutation", json=call, timeout=60).json()
        assert answer["status"] == "success", answer

    def rows(self) -> dict[str, dict[str, Any]]:
        """What the tables hold of each job, its transcript with it, by job id."""
        rows = self._table("escriba/jobs")  # first: a job that has ended by now has its transcript
        results = {result["jobId"]: result for result in self._table("escriba/transcripts")}
        return {row["jobId"]: {**results.get(row["jobId"], {}), **row} for row in rows}

    def _table(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = httpx.get(f"{self.url}/dev/table/{name}", timeout=60).json()
        return rows

    def tell(self, job_id: str, **news: Any) -> None:
        """One push, as the API makes it."""
        body = {"jobId": job_id, "timestamps": {}, **news}
        headers = {"Authorization": f"Bearer {self.environment['ESCRIBA_API_KEY']}"}
        url = f"{self.site_url}/transcription-jobs"
        httpx.post(url, json=body, headers=headers, timeout=60).raise_for_status()

    def fault(self, **fault: Any) -> None:
        answer = httpx.post(f"{self.url}/dev/faults", json=fault, timeout=60)
        assert answer.status_code == 200, answer.text

    def heal(self) -> None:
        httpx.delete(f"{self.url}/dev/faults", timeout=60).raise_for_status()

    def quiet(self, *, within: float = 60) -> None:
        """Return when nothing that befell a push is still under way."""
        deadline = time.monotonic() + within
        while httpx.get(f"{self.url}/dev/faults", timeout=60).json()["injected"] > sum(
            push["fault"] is not None for push in self.pushes()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def run(self, path: str, **args: Any) -> Any:
        """Any function, as `npx convex run` does."""
        answer = httpx.post(f"{self.url}/dev/run", json={"path": path, "args": args}, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def pushes(self) -> list[dict[str, Any]]:
        """What came from the API since the last reset, in the order in which it was answered."""
        calls = httpx.get(f"{self.url}/dev/calls", timeout=60).json()
        return [call for call in calls if call["path"] == "/transcription-jobs"]

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
    stored = (row["status"], row.get("seq"), row.get("run"), row.get("progress"), text)
    result = job.get("result") or {}
    return stored == (job["status"], job["seq"], job["run"], job["progress"], result.get("text"))


@dataclass(frozen=True)
class Effects:
    """What pushes did: `applied` changed a row, the others were of no effect or never arrived."""

    sent: int
    applied: int
    duplicate: int
    stale: int
    faults: int
    lost_answers: int
    twice: list[tuple[str, int]]
    backwards: list[str]

    @classmethod
    def of(cls, pushes: list[dict[str, Any]]) -> Self:
        """`twice`: a (jobId, seq) that changed its row more than once; `backwards`: a job whose row took an
        older state after a newer one."""
        outcomes = Counter((push["answer"] or {}).get("outcome") for push in pushes)
        applied: dict[str, list[int]] = {}
        for push in pushes:
            if (push["answer"] or {}).get("outcome") == "applied":
                applied.setdefault(push["sent"]["jobId"], []).append(push["sent"]["seq"])
        repeated = Counter((job, seq) for job, seqs in applied.items() for seq in seqs)
        return cls(
            sent=len(pushes),
            applied=outcomes["applied"],
            duplicate=outcomes["duplicate"],
            stale=outcomes["stale"],
            faults=sum(push["fault"] is not None for push in pushes),
            lost_answers=sum(push["fault"] == "drop_after_apply" for push in pushes),
            twice=[one for one, times in repeated.items() if times > 1],
            backwards=[job for job, seqs in applied.items() if seqs != sorted(seqs)],
        )
