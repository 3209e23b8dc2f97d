"""Asks a server, over its public HTTP API, and tries again what may pass: a lost connection, a full queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from escriba.files import ReportingFile

_PASSING = frozenset({429, 502, 503, 504})
_GIVE_UP_AFTER = 300.0  # seconds without an answer that helps
_FIRST_ANSWER = 10.0  # seconds; more than that, and the address is wrong
_LONGEST_PAUSE = 30.0
_WAIT = 20  # seconds that the server may hold the answer to "what is new?"


class Refused(Exception):
    """The server refuses a request; it says why in the language that was asked for."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint


class Unreachable(Exception):
    """No answer, for so long that trying again is in vain."""


class Api:
    """One server. A key goes to that server only, never to the bucket that an upload may go to."""

    def __init__(self, url: str, key: str | None, language: str) -> None:
        self.url = url
        self._key = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(60, connect=10)
        self._http = httpx.AsyncClient(headers={"Accept-Language": language}, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def health(self) -> dict[str, Any]:
        """Raises Refused when what answers is no Escriba."""
        report = await self._ask("GET", "/health", give_up_after=_FIRST_ANSWER)
        if "engine" not in report:
            raise Refused(404, "no_escriba", "")
        return report

    async def submit(self, job_id: str, options: Mapping[str, str], filename: str) -> dict[str, Any]:
        """The job of this id, new or known; `upload` says where its recording is missing."""
        return await self._ask(
            "POST", "/transcribe-job", json={**options, "jobId": job_id, "filename": filename}
        )

    async def retry(self, job_id: str) -> dict[str, Any]:
        return await self._ask("POST", f"/job/{job_id}/retry")

    async def upload(self, ticket: Mapping[str, Any], path: Path, report: Callable[[int], None]) -> None:
        """Post the recording where the ticket says: this server, or a bucket."""
        headers = self._key if ticket["url"].startswith(f"{self.url}/") else {}

        async def post() -> httpx.Response:
            with path.open("rb") as file:
                files = {"file": (path.name, ReportingFile(file, report))}
                return await self._http.post(
                    ticket["url"],
                    data=ticket["fields"],
                    files=files,  # type: ignore[arg-type]  # httpx needs no more than it has
                    headers=headers,
                )

        await self._until_answered(post)

    async def job(self, job_id: str, after: int | None) -> dict[str, Any]:
        """The job at its next change after `seq` number `after`, or unchanged after a while."""
        query = {} if after is None else {"wait": str(_WAIT), "after": str(after)}
        return await self._ask("GET", f"/job/{job_id}", params=query)

    async def transcript(self, job_id: str, query: Mapping[str, str]) -> bytes:
        answer = await self._until_answered(
            lambda: self._http.get(
                f"{self.url}/job/{job_id}/transcript", params=dict(query), headers=self._key
            )
        )
        return answer.content

    async def delete(self, job_id: str) -> None:
        await self._ask("DELETE", f"/job/{job_id}")

    async def _ask(
        self, method: str, path: str, *, give_up_after: float = _GIVE_UP_AFTER, **how: Any
    ) -> dict[str, Any]:
        answer = await self._until_answered(
            lambda: self._http.request(method, f"{self.url}{path}", headers=self._key, **how), give_up_after
        )
        try:
            body: dict[str, Any] = answer.json()
        except ValueError:
            raise Refused(answer.status_code, "no_escriba", "") from None
        return body

    async def _until_answered(
        self, send: Callable[[], Awaitable[httpx.Response]], give_up_after: float = _GIVE_UP_AFTER
    ) -> httpx.Response:
        """The answer of the first try that gets one. Raises Refused, Unreachable.

        A server that says when to come again is asked again, however often.
        """
        give_up_at = time.monotonic() + give_up_after
        pause = 0.5
        while True:
            try:
                answer = await send()
                if answer.status_code < 400:
                    return answer
                problem: Exception = _refusal(answer)
                if answer.status_code not in _PASSING:
                    raise problem
                wait = pause
                if seconds := _retry_after(answer):
                    wait, give_up_at = seconds, give_up_at + seconds + pause
            except httpx.TransportError as exc:
                problem, wait = Unreachable(str(exc) or type(exc).__name__), pause
            if time.monotonic() + wait > give_up_at:
                raise problem
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _refusal(answer: httpx.Response) -> Refused:
    try:
        error = answer.json()["error"]
        return Refused(answer.status_code, error["code"], error["message"], error.get("hint", ""))
    except (ValueError, KeyError, TypeError):
        return Refused(answer.status_code, "no_escriba", f"HTTP {answer.status_code}")


def _retry_after(answer: httpx.Response) -> float:
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isdigit() else 0.0
