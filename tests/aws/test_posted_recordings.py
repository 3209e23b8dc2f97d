"""A recording that a client posts to S3 is taken in soon, whatever becomes of the worker that takes it in."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.aws.world import World, call
from tests.recorded import event_of, s3_body
from tests.runtime_api import Killed
from tests.server import ROOT
from tests.template import resources

SPEECH = ROOT / "tests" / "data" / "english-short.wav"
LEASE = 3.0


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def posted_job(world: World, content: bytes | None = None) -> str:
    """A pending job whose recording lies in S3; S3's message about it is in the queue."""
    with world.sandbox("transcribe_job") as sandbox:
        job = call(sandbox, "POST", "/transcribe-job", json={"filename": "speech.wav"})[1]
    upload, audio = job["upload"], SPEECH.read_bytes() if content is None else content
    httpx.post(upload["url"], data=upload["fields"], files={"file": audio}, timeout=60)
    body = s3_body(upload["fields"]["key"], world.names.bucket)
    world.emulator.client("sqs").send_message(QueueUrl=world.names.queue, MessageBody=body)
    return str(job["jobId"])


def receive(world: World, *, within: float = 0) -> dict[str, Any] | None:
    """The next message, hidden from others for as long as template.yaml says."""
    hidden = resources("AWS::SQS::Queue")["JobsQueue"]["VisibilityTimeout"]
    deadline = time.monotonic() + within
    while True:
        answer = world.emulator.client("sqs").receive_message(
            QueueUrl=world.names.queue, VisibilityTimeout=hidden
        )
        if messages := answer.get("Messages"):
            return dict(messages[0])
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.2)


async def test_a_recording_whose_worker_is_killed_is_taken_in_by_another_within_a_lease(
    world: World, silent: socket.socket
) -> None:
    job_id = posted_job(world)
    message = receive(world)
    assert message
    nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
    with world.sandbox("run_job", LEASE_SECONDS=f"{LEASE}", AWS_ENDPOINT_URL_S3=nowhere) as first:
        run = first.begin(event_of(message), seconds=900)
        with silent.accept()[0]:  # it waits for S3
            assert receive(world, within=2 * LEASE) is None, "a worker has it in hand"
            first.kill()
        with pytest.raises(Killed):
            first.wait(run)
    again = receive(world, within=120)  # not only once it is no longer hidden
    assert again, "the queue brings it to no other worker"
    with world.sandbox("run_job") as second:
        assert second.invoke(event_of(again)) == {"batchItemFailures": []}
    assert (await world.jobs.get(job_id)).status == "queued"


async def test_a_recording_that_cannot_be_read_now_is_tried_again_only_after_a_pause(world: World) -> None:
    job_id = posted_job(world)
    message = receive(world)
    assert message
    with world.sandbox("run_job", LEASE_SECONDS="1", AWS_ENDPOINT_URL_S3="http://127.0.0.1:1") as worker:
        event = event_of(message)
        failed = [{"itemIdentifier": event["Records"][0]["messageId"]}]
        assert worker.invoke(event) == {"batchItemFailures": failed}
    assert (await world.jobs.get(job_id)).status == "pending"
    assert receive(world, within=5) is None


async def test_an_empty_recording_ends_its_job_at_once(world: World) -> None:
    job_id = posted_job(world, b"")
    message = receive(world)
    assert message
    with world.sandbox("run_job") as worker:
        assert worker.invoke(event_of(message)) == {"batchItemFailures": []}
    job = await world.jobs.get(job_id)
    assert job.error is not None
    assert (job.status, job.error.code) == ("failed", "file_empty")
