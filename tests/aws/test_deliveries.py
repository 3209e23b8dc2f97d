"""Deliveries from functions: the worker sends what it did to Convex and webhooks, the round what is left."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.aws.faults import Page
from tests.aws.test_runtime_client import submitted
from tests.aws.world import World, call
from tests.recorded import recorded, s3_body, sqs_event
from tests.runtime_api import FunctionError
from tests.server import ROOT

CONVEX_KEY = "convex-key-of-the-page"
SPEECH = ROOT / "tests" / "data" / "english-short.wav"


def connect(world: World, page: Page) -> None:
    """Set the functions up to send to the page's Convex."""
    world.more = {"CONVEX_SITE_URL": page.url, "CONVEX_API_KEY": CONVEX_KEY}


async def test_the_worker_sends_convex_the_end_of_a_job(world: World) -> None:
    with Page(CONVEX_KEY) as page:
        connect(world, page)
        job_id = await submitted(world)
        assert page.rows == {}
        (message,) = world.messages()
        with world.sandbox("run_job") as worker:
            worker.invoke(sqs_event(message["Body"]))
    job = await world.jobs.get(job_id)
    assert (page.rows[job_id]["status"], page.rows[job_id]["seq"]) == ("completed", job.seq)


async def test_the_round_sends_convex_what_a_client_did(world: World) -> None:
    with Page(CONVEX_KEY) as page:
        connect(world, page)
        job_id = await submitted(world)
        with world.sandbox("job") as sandbox:
            assert call(sandbox, "DELETE", f"/job/{job_id}")[0] == 200
        assert page.rows == {}
        with world.sandbox("sweep") as sweep:
            sweep.invoke(recorded("schedule"))
    assert page.rows[job_id]["status"] == "cancelled"


async def test_the_round_sends_to_convex_though_the_queue_fails(world: World) -> None:
    with Page(CONVEX_KEY) as page:
        connect(world, page)
        waiting, job_id = await submitted(world), await submitted(world)
        with world.sandbox("job") as sandbox:
            assert call(sandbox, "DELETE", f"/job/{job_id}")[0] == 200
        # Five rounds later, a waiting job may be lost: the round asks the queue.
        with (
            world.sandbox("sweep", QUEUE_URL=f"{world.names.queue}-gone", SWEEP_SECONDS="0.01") as sweep,
            pytest.raises(FunctionError, match="cannot read or write"),
        ):
            sweep.invoke(recorded("schedule"))
    assert (page.rows[job_id]["status"], page.rows[waiting]["status"]) == ("cancelled", "queued")


async def test_a_later_round_sends_to_a_page_that_was_away(world: World) -> None:
    with Page("another key") as refusing:
        connect(world, refusing)
        job_id = await submitted(world)
        (message,) = world.messages()
        with world.sandbox("run_job") as worker:
            assert worker.invoke(sqs_event(message["Body"])) == {"batchItemFailures": []}
        assert refusing.rows == {}
    with Page(CONVEX_KEY) as page:
        connect(world, page)
        with world.sandbox("job") as sandbox:
            assert call(sandbox, "POST", f"/job/{job_id}/redeliver")[0] == 202
        with world.sandbox("sweep") as sweep:
            sweep.invoke(recorded("schedule"))
    assert page.rows[job_id]["status"] == "completed"


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of webhooks: its address, and the payloads posted to it."""
    posted: list[dict[str, Any]] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            assert self.headers["webhook-signature"].startswith("v1,")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not every request is worth a line."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/done", posted
        server.shutdown()


async def test_a_webhook_gets_the_end_once(world: World) -> None:
    world.more = {"CALLBACK_SECRET": "c" * 32, "CALLBACK_PRIVATE_ADDRESSES": "true"}
    with receiver() as (url, posted):
        job_id = await submitted(world, callbackUrl=url)
        (message,) = world.messages()
        with world.sandbox("run_job") as worker, world.sandbox("sweep") as sweep:
            worker.invoke(sqs_event(message["Body"]))
            sweep.invoke(recorded("schedule"))
    (payload,) = posted
    assert (payload["job"]["jobId"], payload["job"]["status"]) == (job_id, "completed")


# ── recordings that are posted to S3 ──────────────────────────────────────────────────────────────


async def pending_job(world: World) -> str:
    """A job whose recording has yet to be posted."""
    with world.sandbox("transcribe_job") as sandbox:
        _, job = call(sandbox, "POST", "/transcribe-job", json={"filename": "voz.wav"})
    return str(job["jobId"])


def post(world: World, job_id: str) -> str:
    """Put a recording where a form would put it; returns the message that S3 then sends."""
    key = f"uploads/{job_id}"
    world.emulator.client("s3").put_object(Bucket=world.names.bucket, Key=key, Body=SPEECH.read_bytes())
    return s3_body(key, world.names.bucket)


def objects(world: World) -> list[str]:
    found = world.emulator.client("s3").list_objects_v2(Bucket=world.names.bucket)
    return [item["Key"] for item in found.get("Contents", [])]


async def test_a_posted_recording_is_accepted_once_however_often_its_message_comes(world: World) -> None:
    job_id = await pending_job(world)
    message = post(world, job_id)
    with world.sandbox("run_job") as worker:
        for _ in range(2):
            assert worker.invoke(sqs_event(message)) == {"batchItemFailures": []}
    job = await world.jobs.get(job_id)
    assert (job.status, job.audio and job.audio.size_bytes) == ("queued", SPEECH.stat().st_size)
    assert objects(world) == [f"audio/{job_id}"]
    assert [json.loads(message["Body"])["jobId"] for message in world.messages()] == [job_id]


async def test_a_recording_without_a_job_that_waits_for_it_is_removed(world: World) -> None:
    late, unknown = await pending_job(world), "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"
    with world.sandbox("job") as sandbox:
        call(sandbox, "DELETE", f"/job/{late}")
    messages = [post(world, late), post(world, unknown)]
    with world.sandbox("run_job") as worker:
        assert worker.invoke(sqs_event(*messages)) == {"batchItemFailures": []}
    assert objects(world) == []
    assert (await world.jobs.get(late)).status == "cancelled"
    assert world.messages() == []


async def test_a_recording_posted_in_time_is_accepted_though_its_message_is_late_or_lost(
    world: World,
) -> None:
    world.more = {"UPLOAD_TICKET_SECONDS": "1", "UPLOAD_TIMEOUT": "1"}
    late, lost, never = [await pending_job(world) for _ in range(3)]
    message = post(world, late)
    post(world, lost)
    await asyncio.sleep(2.1)
    with world.sandbox("sweep") as sweep:
        sweep.invoke(recorded("schedule"))
    statuses = [(await world.jobs.get(job_id)).status for job_id in (late, lost, never)]
    assert statuses == ["pending", "pending", "failed"]
    again = [queued["Body"] for queued in world.messages()]
    with world.sandbox("run_job") as worker:
        assert worker.invoke(sqs_event(message, *again)) == {"batchItemFailures": []}
        run = [queued["Body"] for queued in world.messages()]
        assert {json.loads(body)["jobId"] for body in run} == {late, lost}
        assert worker.invoke(sqs_event(*run)) == {"batchItemFailures": []}
    assert {(await world.jobs.get(job_id)).status for job_id in (late, lost)} == {"completed"}
    assert objects(world) == []


async def test_a_message_to_run_a_pending_job_changes_nothing(world: World) -> None:
    job_id = await pending_job(world)
    before = await world.jobs.get(job_id)
    with world.sandbox("run_job") as worker:
        answer = worker.invoke(sqs_event(json.dumps({"jobId": job_id, "dueAt": 0})))
    assert answer == {"batchItemFailures": []}
    assert await world.jobs.get(job_id) == before


async def test_another_recording_for_a_job_that_has_one_changes_nothing(world: World) -> None:
    job_id = await submitted(world)
    world.messages()
    before = await world.jobs.get(job_id)
    world.emulator.client("s3").put_object(
        Bucket=world.names.bucket, Key=f"uploads/{job_id}", Body=b"RIFF and something else"
    )
    with world.sandbox("run_job") as worker:
        worker.invoke(sqs_event(s3_body(f"uploads/{job_id}", world.names.bucket)))
    assert await world.jobs.get(job_id) == before
    assert objects(world) == [f"audio/{job_id}"]
