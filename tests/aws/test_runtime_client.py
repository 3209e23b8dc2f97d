"""Our handlers under AWS's own runtime client, each in a process of its own, as Lambda runs them."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws.world import World, call, world_of
from tests.recorded import recorded, socket_event, sqs_event
from tests.replies import Reply, rate_limited, transcription
from tests.runtime_api import FunctionError, Killed
from tests.server import ROOT
from tests.serving import wait_until
from tests.upstream import Upstream

SPEECH = ROOT / "tests" / "data" / "english-short.wav"
CONNECTION = "BFHPhfCWIAMCKlQ="


@pytest.fixture(scope="module")
def one_world(upstream_server: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_of(upstream_server, tmp_path_factory.mktemp("aws")) as world:
        yield world


@pytest.fixture
def world(one_world: World, upstream: Upstream) -> World:
    """Empty, but its warm sandboxes go on: most of what a test costs is the start of sandboxes."""
    one_world.empty()
    return one_world


def wav() -> dict[str, Any]:
    return {"file": ("speech.wav", SPEECH.read_bytes(), "audio/wav")}


async def test_a_posted_wav_is_answered_with_its_transcript(world: World) -> None:
    sandbox = world.warm_sandbox("transcribe")
    for _ in range(3):
        code, answer = call(sandbox, "POST", "/transcribe", files=wav(), data={"language": "en"})
        assert (code, answer["language"], answer["duration"]) == (200, "en", 3.29)
        assert answer["text"].startswith("heard ")
    assert len(world.upstream.requests) == 3


async def test_a_file_too_large_for_a_call_is_answered_with_the_way_that_works(world: World) -> None:
    sandbox = world.warm_sandbox("transcribe")
    files = {"file": ("long.wav", b"\0" * (4 * 1024 * 1024 + 100_000), "audio/wav")}
    code, answer = call(sandbox, "POST", "/transcribe", files=files)
    assert (code, answer["error"]["code"]) == (413, "upload_needs_ticket")
    assert "POST /transcribe-job" in answer["error"]["hint"]
    assert "200 MB" in answer["error"]["hint"]


async def submitted(world: World, **options: str) -> str:
    sandbox = world.warm_sandbox("transcribe_job")
    code, answer = call(sandbox, "POST", "/transcribe-job", files=wav(), data=options)
    assert (code, answer["status"]) == (202, "queued")
    assert answer["websocketUrl"].startswith("wss://f6g7h8i9j0.")
    return str(answer["jobId"])


async def test_a_job_is_accepted_by_one_function_run_by_another_and_read_by_a_third(world: World) -> None:
    job_id = await submitted(world)
    (message,) = world.messages()
    worker = world.warm_sandbox("run_job")
    assert worker.invoke(sqs_event(message["Body"])) == {"batchItemFailures": []}
    reader = world.warm_sandbox("job")
    code, job = call(reader, "GET", f"/job/{job_id}?wait=10")
    assert (code, job["status"]) == (200, "completed")
    assert job["result"]["text"].startswith("heard ")


async def test_of_a_batch_only_the_message_that_failed_comes_again(world: World) -> None:
    good, also_good = await submitted(world), await submitted(world)
    bodies = [message["Body"] for message in world.messages()]
    bad = json.dumps({"jobId": str(uuid.uuid4()), "dueAt": "never"})
    event = sqs_event(bodies[0], bad, bodies[1])
    worker = world.warm_sandbox("run_job")
    answer = worker.invoke(event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}
    for job_id in (good, also_good):
        assert (await world.jobs.get(job_id)).status == "completed"


async def test_a_message_that_is_not_ours_is_dropped(world: World) -> None:
    foreign = ("", "no json", "[]", '{"Event": "s3:TestEvent"}', '{"Records": [{"s3": {"object": {}}}]}')
    worker = world.warm_sandbox("run_job")
    assert worker.invoke(sqs_event(*foreign)) == {"batchItemFailures": []}


async def test_a_job_whose_sandbox_is_killed_is_finished_by_another(world: World) -> None:
    job_id = await submitted(world)
    (message,) = world.messages()
    world.upstream.script.append(Reply(delay=60))
    with world.sandbox("run_job", LEASE_SECONDS="2") as first:
        run = first.begin(sqs_event(message["Body"]))
        wait_until(lambda: bool(world.upstream.requests))
        first.kill()
        with pytest.raises(Killed):
            first.wait(run)
    assert (await world.jobs.get(job_id)).status == "processing"
    await asyncio.sleep(2)
    sweep = world.warm_sandbox("sweep")
    sweep.invoke(recorded("schedule"))
    again = [message["Body"] for message in world.messages()]
    assert [json.loads(body)["jobId"] for body in again] == [job_id]
    with world.sandbox("run_job", LEASE_SECONDS="2") as second:
        assert second.invoke(sqs_event(*again)) == {"batchItemFailures": []}
    assert (await world.jobs.get(job_id)).status == "completed"
    starts = {event.job.attempts for event in await world.jobs.events(job_id, after=0)}
    assert max(starts) == 2
    assert len(world.upstream.requests) == 2


async def test_a_worker_whose_time_is_nearly_up_keeps_its_pieces_and_puts_the_job_back(world: World) -> None:
    job_id = await submitted(world)
    (message,) = world.messages()
    world.upstream.script.append(Reply(delay=60))
    worker = world.warm_sandbox("run_job")
    worker.invoke(sqs_event("{}"))  # so that the first call's imports are not timed
    # 25 seconds are kept for giving back: of 40, fifteen are left to work in.
    assert worker.invoke(sqs_event(message["Body"]), seconds=40) == {"batchItemFailures": []}
    job = await world.jobs.get(job_id)
    assert (job.status, job.attempts) == ("waiting", 0)
    (again,) = world.messages()
    assert json.loads(again["Body"])["fruitless"] == 1
    assert worker.invoke(sqs_event(again["Body"])) == {"batchItemFailures": []}
    assert (await world.jobs.get(job_id)).status == "completed"


async def test_a_job_without_a_new_piece_in_shift_after_shift_is_failed(world: World) -> None:
    job_id = await submitted(world)
    world.messages()
    world.upstream.script.append(Reply(delay=30))
    worker = world.warm_sandbox("run_job")
    worker.invoke(sqs_event("{}"))
    last = json.dumps({"jobId": job_id, "dueAt": 0, "fruitless": 3})
    worker.invoke(sqs_event(last), seconds=30)
    job = await world.jobs.get(job_id)
    assert (job.status, job.error and job.error.code) == ("failed", "interrupted")
    assert world.messages() == []


async def test_a_message_that_comes_before_its_time_is_sent_on(world: World) -> None:
    job_id = await submitted(world)
    world.messages()
    worker = world.warm_sandbox("run_job")
    due_at = time.time() + 10
    worker.invoke(sqs_event(json.dumps({"jobId": job_id, "dueAt": due_at})))
    assert (await world.jobs.get(job_id)).status == "queued"
    while not (sent_on := world.messages()):
        assert time.time() < due_at + 120
        await asyncio.sleep(0.2)
    assert time.time() >= due_at
    assert [json.loads(message["Body"])["jobId"] for message in sent_on] == [job_id]


async def test_a_job_waits_for_quota_and_its_message_is_delayed_as_long(world: World) -> None:
    job_id = await submitted(world)
    (message,) = world.messages()
    world.upstream.script.append(rate_limited(retry_after=100))
    with world.sandbox("run_job", QUOTA_REQUESTS_PER_MINUTE="20") as worker:
        assert worker.invoke(sqs_event(message["Body"])) == {"batchItemFailures": []}
    job = await world.jobs.get(job_id)
    assert job.status == "waiting"
    assert job.waiting_until is not None
    assert 50 < job.waiting_until - time.time() < 101
    assert world.messages() == []


async def test_a_watcher_gets_every_change_once_until_the_job_ends(world: World) -> None:
    job_id = await submitted(world)
    (message,) = world.messages()
    posted = world.connections.posted
    sockets = world.warm_sandbox("transcription_ws")
    worker = world.warm_sandbox("run_job")
    assert sockets.invoke(socket_event("connect", CONNECTION)) == {"statusCode": 200}
    with_token = socket_event("connect", CONNECTION, **{"Sec-WebSocket-Protocol": "escriba, est_x"})
    assert sockets.invoke(with_token)["headers"] == {"Sec-WebSocket-Protocol": "escriba"}
    assert posted == {}
    sockets.invoke(socket_event("message", CONNECTION, {"jobId": job_id}))
    (snapshot,) = posted[CONNECTION]
    assert (snapshot["type"], snapshot["job"]["status"], snapshot["pieces"]) == ("snapshot", "queued", [])
    worker.invoke(sqs_event(message["Body"]))
    seqs = [change["seq"] for change in posted[CONNECTION]]
    assert seqs == sorted(set(seqs))
    assert [change["type"] for change in posted[CONNECTION]].count("text") == 1
    assert posted[CONNECTION][-1]["job"]["status"] == "completed"
    sockets.invoke(socket_event("message", CONNECTION, {"jobId": job_id, "after": seqs[-1]}))
    assert len(posted[CONNECTION]) == len(seqs)
    sockets.invoke(socket_event("message", CONNECTION, {"jobId": job_id, "after": seqs[-2]}))
    assert posted[CONNECTION][-1] == posted[CONNECTION][len(seqs) - 1]
    sockets.invoke(socket_event("disconnect", CONNECTION))


async def test_a_watcher_whose_connection_is_gone_is_forgotten_with_the_next_event(world: World) -> None:
    job_id = await submitted(world)
    (message,) = world.messages()
    sockets = world.warm_sandbox("transcription_ws")
    for name in ("one=", "two="):
        sockets.invoke(socket_event("message", name, {"jobId": job_id}))
    world.connections.gone.add("one=")
    worker = world.warm_sandbox("run_job")
    worker.invoke(sqs_event(message["Body"]))
    assert world.connections.posted["two="][-1]["job"]["status"] == "completed"
    items = world.emulator.client("dynamodb").scan(TableName=world.names.table)["Items"]
    assert [item for item in items if item["pk"]["S"].startswith(("watched#", "connection#"))] == []


async def test_the_sweep_pings_watchers_and_sends_them_what_they_missed(world: World) -> None:
    quiet, missed = await submitted(world), await submitted(world)
    sockets = world.warm_sandbox("transcription_ws")
    sockets.invoke(socket_event("message", "quiet=", {"jobId": quiet}))
    sockets.invoke(socket_event("message", "missed=", {"jobId": missed}))
    with world.sandbox("job", WEBSOCKET_ENDPOINT="http://127.0.0.1:1/live") as cut_off:
        code, _ = call(cut_off, "DELETE", f"/job/{missed}")
        assert code == 200
    sweep = world.warm_sandbox("sweep")
    sweep.invoke(recorded("schedule"))
    assert world.connections.posted["quiet="][-1] == {"type": "ping"}
    assert world.connections.posted["missed="][-1]["job"]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"jobId": str(uuid.uuid4())}, "job_not_found"),
        ({"jobId": "../../etc/passwd"}, "job_not_found"),
        ({"jobId": 7}, "job_not_found"),
        ("no json", "option_invalid"),
        ("[]", "option_invalid"),
        ("[" * 10_000, "option_invalid"),
        ({}, "option_invalid"),
    ],
)
async def test_a_request_to_watch_that_cannot_be_met_is_answered_with_an_error(
    world: World, body: object, code: str
) -> None:
    sockets = world.warm_sandbox("transcription_ws")
    sockets.invoke(socket_event("message", CONNECTION, body))
    (answer,) = world.connections.posted[CONNECTION]
    assert (answer["type"], answer["error"]["code"]) == ("error", code)


async def test_a_page_of_another_origin_may_not_connect(world: World) -> None:
    with world.sandbox("transcription_ws", CORS_ORIGINS="https://page.example") as sockets:
        known = socket_event("connect", CONNECTION, Origin="https://page.example")
        foreign = socket_event("connect", CONNECTION, Origin="https://evil.example")
        assert sockets.invoke(known) == {"statusCode": 200}
        assert sockets.invoke(foreign) == {"statusCode": 403}
        assert sockets.invoke(socket_event("connect", CONNECTION)) == {"statusCode": 200}


async def test_a_store_that_cannot_be_reached_is_a_503_busy(world: World) -> None:
    with world.sandbox("transcribe_job", AWS_ENDPOINT_URL="http://127.0.0.1:1") as sandbox:
        code, answer = call(sandbox, "POST", "/transcribe-job", files=wav())
        assert (code, answer["error"]["code"]) == (503, "busy")
    with (
        world.sandbox("sweep", AWS_ENDPOINT_URL="http://127.0.0.1:1") as sweep,
        pytest.raises(FunctionError, match="Too much is being done"),
    ):
        sweep.invoke(recorded("schedule"))


async def test_the_log_names_the_call_counts_the_job_and_holds_no_secret(world: World) -> None:
    world.upstream.script.append(transcription("hola"))
    job_id = await submitted(world)
    (message,) = world.messages()
    with world.sandbox("run_job", LOG_LEVEL="DEBUG") as worker:
        worker.invoke(sqs_event(message["Body"]))
        worker.invoke(sqs_event("{}", json.dumps({"jobId": job_id, "dueAt": "never"})))
        log = worker.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    metrics = [line for line in lines if "_aws" in line]
    (ended,) = [line for line in metrics if "escriba_jobs_ended_total" in line]
    (audio,) = [line for line in metrics if "escriba_audio_seconds_total" in line]
    assert (ended["escriba_jobs_ended_total"], ended["status"]) == ([1.0], "completed")
    assert ended["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Escriba"
    assert ended["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert audio["escriba_audio_seconds_total"] == [pytest.approx(3.29, abs=0.1)]
    assert (audio["engine"], audio["result"]) == ("groq", "transcribed")
    (failed,) = [line for line in lines if line.get("message") == "message.failed"]
    assert (failed["coldStart"], len(failed["functionRequestId"])) == (False, 36)
    assert "gsk_" not in log
    assert "hola" not in log
