"""A job's files are named after its recording, however that came: in the container and on AWS alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from tests.aws.world import World, call, world_of
from tests.recorded import http_event, s3_body, sqs_event
from tests.replies import Reply
from tests.server import ROOT, Server
from tests.upstream import KEY, Upstream

SPEECH = (ROOT / "tests" / "data" / "english-short.wav").read_bytes()


class Target(Protocol):
    def submit(self, **how: Any) -> dict[str, Any]:
        """`json`: a job whose recording is posted later; `files`: with its recording."""

    def retry(self, job_id: str) -> dict[str, Any]: ...

    def delete(self, job_id: str) -> None: ...

    def post(self, job: dict[str, Any], name: str) -> None:
        """Post the recording as a form's file of that name."""

    def work(self) -> None:
        """Run what is queued."""

    def subtitles(self, job_id: str) -> str:
        """The Content-Disposition of the completed job's subtitles."""


class Container:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def submit(self, **how: Any) -> dict[str, Any]:
        return dict(self._http.post("/transcribe-job", **how).json())

    def retry(self, job_id: str) -> dict[str, Any]:
        return dict(self._http.post(f"/job/{job_id}/retry").json())

    def delete(self, job_id: str) -> None:
        assert self._http.delete(f"/job/{job_id}").status_code == 200

    def post(self, job: dict[str, Any], name: str) -> None:
        upload = job["upload"]
        answer = self._http.post(upload["url"], data=upload["fields"], files={"file": (name, SPEECH)})
        assert answer.status_code == 202, answer.text

    def work(self) -> None:
        """The server's own workers do."""

    def subtitles(self, job_id: str) -> str:
        while self._http.get(f"/job/{job_id}?wait=20").json()["status"] != "completed":
            pass
        answer = self._http.get(f"/job/{job_id}/transcript?format=srt")
        return answer.headers["content-disposition"]


class Aws:
    def __init__(self, world: World) -> None:
        self._world = world

    def submit(self, **how: Any) -> dict[str, Any]:
        return self._call("transcribe_job", "POST", "/transcribe-job", **how)

    def retry(self, job_id: str) -> dict[str, Any]:
        return self._call("job", "POST", f"/job/{job_id}/retry")

    def delete(self, job_id: str) -> None:
        self._call("job", "DELETE", f"/job/{job_id}")

    def post(self, job: dict[str, Any], name: str) -> None:
        upload = job["upload"]
        answer = httpx.post(upload["url"], data=upload["fields"], files={"file": (name, SPEECH)}, timeout=60)
        assert answer.status_code in {201, 204}, answer.text
        body = s3_body(upload["fields"]["key"], self._world.names.bucket)
        with self._world.sandbox("run_job") as worker:
            assert worker.invoke(sqs_event(body)) == {"batchItemFailures": []}
        self.work()

    def work(self) -> None:
        with self._world.sandbox("run_job") as worker:
            for message in self._world.messages():
                assert worker.invoke(sqs_event(message["Body"])) == {"batchItemFailures": []}

    def subtitles(self, job_id: str) -> str:
        request = httpx.Request("GET", f"https://api.example/job/{job_id}/transcript?format=srt")
        with self._world.sandbox("job_transcript") as reader:
            return str(reader.invoke(http_event(request))["headers"]["content-disposition"])

    def _call(self, function: str, method: str, path: str, **how: Any) -> dict[str, Any]:
        with self._world.sandbox(function) as sandbox:
            return dict(call(sandbox, method, path, **how)[1])


@pytest.fixture(params=["container", "aws"])
def target(request: pytest.FixtureRequest, upstream: Upstream, tmp_path: Path) -> Iterator[Target]:
    if request.param == "aws":
        with world_of(upstream, tmp_path) as world:
            yield Aws(world)
    else:
        environment = {"GROQ_API_KEY": KEY, "GROQ_BASE_URL": upstream.url}
        with (
            Server(tmp_path / "data", **environment) as server,
            httpx.Client(base_url=server.url, timeout=60) as http,
        ):
            yield Container(http)


def test_the_submitted_name_wins_over_the_name_in_the_form(target: Target) -> None:
    """Browsers call a recording that a page made `blob`."""
    job = target.submit(json={"filename": "entrevista.m4a"})
    target.post(job, name="blob")
    assert 'filename="entrevista.srt"' in target.subtitles(job["jobId"])


def test_a_submitted_name_wins_where_the_form_brings_the_recording_too(target: Target) -> None:
    form = {"files": {"file": ("blob", SPEECH)}, "data": {"filename": "entrevista.m4a"}}
    job = target.submit(**form)
    target.work()
    assert 'filename="entrevista.srt"' in target.subtitles(job["jobId"])


def test_a_submitted_name_is_shown_without_its_path(target: Target) -> None:
    job = target.submit(json={"filename": "C:\\Users\\ana\\voz.wav"})
    target.post(job, name="blob")
    assert 'filename="voz.srt"' in target.subtitles(job["jobId"])


def test_a_recording_that_is_posted_again_keeps_the_name_it_had(target: Target, upstream: Upstream) -> None:
    upstream.script.append(Reply(delay=20))
    job = target.submit(files={"file": ("entrevista.m4a", SPEECH)})
    target.delete(job["jobId"])
    upstream.script.clear()
    target.post(target.retry(job["jobId"]), name="other.wav")
    assert 'filename="entrevista.srt"' in target.subtitles(job["jobId"])
