"""Convex and callbacks from functions: the worker tells what it did, the minutely round what is left."""

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


def known_to(page: Page, world: World) -> dict[str, str]:
    """Settings of functions that know the page."""
    world.more = {"CONVEX_SITE_URL": page.url, "CONVEX_API_KEY": CONVEX_KEY}
    return world.more


async def test_convex_hears_from_the_worker_how_a_job_went(world: World) -> None:
    with Page(CONVEX_KEY) as page:
        known_to(page, world)
        job_id = await submitted(world)
        assert page.rows == {}
        (message,) = world.messages()
        with world.sandbox("run_job") as worker:
            worker.invoke(sqs_event(message["Body"]))
    job = await world.jobs.get(job_id)
    assert (page.rows[job_id]["status"], page.rows[job_id]["seq"]) == ("completed", job.seq)


async def test_convex_hears_from_the_round_what_was_done_by_hand(world: World) -> None:
    with Page(CONVEX_KEY) as page:
        known_to(page, world)
        job_id = await submitted(world)
        with world.sandbox("job") as sandbox:
            assert call(sandbox, "DELETE", f"/job/{job_id}")[0] == 200
        assert page.rows == {}
        with world.sandbox("sweep") as sweep:
            sweep.invoke(recorded("schedule"))
    assert page.rows[job_id]["status"] == "cancelled"


async def test_convex_hears_from_the_round_though_the_queue_cannot_be_asked(world: World) -> None:
    with Page(CONVEX_KEY) as page:
        known_to(page, world)
        waiting, job_id = await submitted(world), await submitted(world)
        with world.sandbox("job") as sandbox:
            assert call(sandbox, "DELETE", f"/job/{job_id}")[0] == 200
        # Five rounds later, what waits may be lost: the queue is asked.
        with (
            world.sandbox("sweep", QUEUE_URL=f"{world.names.queue}-gone", SWEEP_SECONDS="0.01") as sweep,
            pytest.raises(FunctionError, match="cannot read or write"),
        ):
            sweep.invoke(recorded("schedule"))
    assert (page.rows[job_id]["status"], page.rows[waiting]["status"]) == ("cancelled", "queued")


async def test_a_page_that_is_away_is_told_by_a_later_round(world: World) -> None:
    with Page("another key") as refusing:
        known_to(refusing, world)
        job_id = await submitted(world)
        (message,) = world.messages()
        with world.sandbox("run_job") as worker:
            assert worker.invoke(sqs_event(message["Body"])) == {"batchItemFailures": []}
        assert refusing.rows == {}
    with Page(CONVEX_KEY) as page:
        known_to(page, world)
        with world.sandbox("job") as sandbox:
            assert call(sandbox, "POST", f"/job/{job_id}/redeliver")[0] == 202
        with world.sandbox("sweep") as sweep:
            sweep.invoke(recorded("schedule"))
    assert page.rows[job_id]["status"] == "completed"


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Somebody's own server: its address, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            assert self.headers["webhook-signature"].startswith("v1,")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is worth saying of each request."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/done", posted
        server.shutdown()


async def test_a_callback_is_told_the_end_once(world: World) -> None:
    world.more = {"CALLBACK_SECRET": "c" * 32, "CALLBACK_PRIVATE_ADDRESSES": "true"}
    with receiver() as (url, posted):
        job_id = await submitted(world, callbackUrl=url)
        (message,) = world.messages()
        with world.sandbox("run_job") as worker, world.sandbox("sweep") as sweep:
            worker.invoke(sqs_event(message["Body"]))
            sweep.invoke(recorded("schedule"))
    (told,) = posted
    assert (told["job"]["jobId"], told["job"]["status"]) == (job_id, "completed")


# ── recordings that are posted to S3 ──────────────────────────────────────────────────────────────


async def expected(world: World) -> str:
    with world.sandbox("transcribe_job") as sandbox:
        _, job = call(sandbox, "POST", "/transcribe-job", json={"filename": "voz.wav"})
    return str(job["jobId"])


def post(world: World, job_id: str) -> str:
    """Put a recording where a form would put it; what S3 then writes into the queue."""
    key = f"uploads/{job_id}"
    world.emulator.client("s3").put_object(Bucket=world.names.bucket, Key=key, Body=SPEECH.read_bytes())
    return s3_body(key, world.names.bucket)


def objects(world: World) -> list[str]:
    found = world.emulator.client("s3").list_objects_v2(Bucket=world.names.bucket)
    return [item["Key"] for item in found.get("Contents", [])]


async def test_a_posted_recording_is_taken_in_once_however_often_it_is_told(world: World) -> None:
    job_id = await expected(world)
    told = post(world, job_id)
    with world.sandbox("run_job") as worker:
        for _ in range(2):
            assert worker.invoke(sqs_event(told)) == {"batchItemFailures": []}
    job = await world.jobs.get(job_id)
    assert (job.status, job.audio and job.audio.size_bytes) == ("queued", SPEECH.stat().st_size)
    assert objects(world) == [f"audio/{job_id}"]
    assert [json.loads(message["Body"])["jobId"] for message in world.messages()] == [job_id]


async def test_a_recording_that_comes_too_late_or_for_nobody_is_removed(world: World) -> None:
    late, nobody = await expected(world), "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"
    with world.sandbox("job") as sandbox:
        call(sandbox, "DELETE", f"/job/{late}")
    told = [post(world, late), post(world, nobody)]
    with world.sandbox("run_job") as worker:
        assert worker.invoke(sqs_event(*told)) == {"batchItemFailures": []}
    assert objects(world) == []
    assert (await world.jobs.get(late)).status == "cancelled"
    assert world.messages() == []


async def test_a_recording_that_came_in_time_is_taken_in_though_its_message_was_late_or_lost(
    world: World,
) -> None:
    world.more = {"UPLOAD_TICKET_SECONDS": "1", "UPLOAD_TIMEOUT": "1"}
    late, lost, never = [await expected(world) for _ in range(3)]
    told = post(world, late)
    post(world, lost)
    await asyncio.sleep(2.1)
    with world.sandbox("sweep") as sweep:
        sweep.invoke(recorded("schedule"))
    stand = [(await world.jobs.get(one)).status for one in (late, lost, never)]
    assert stand == ["pending", "pending", "failed"]
    again = [message["Body"] for message in world.messages()]
    with world.sandbox("run_job") as worker:
        assert worker.invoke(sqs_event(told, *again)) == {"batchItemFailures": []}
        run = [message["Body"] for message in world.messages()]
        assert {json.loads(body)["jobId"] for body in run} == {late, lost}
        assert worker.invoke(sqs_event(*run)) == {"batchItemFailures": []}
    assert {(await world.jobs.get(one)).status for one in (late, lost)} == {"completed"}
    assert objects(world) == []


async def test_a_message_to_run_what_still_awaits_its_recording_changes_nothing(world: World) -> None:
    job_id = await expected(world)
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
