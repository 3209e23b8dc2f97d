"""Speakers that come after the text on AWS: as a later snapshot, after a kill, or never."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.ports import Target
from tests.aws.faults import Page
from tests.aws.test_speakers import (
    WRONG,
    Ears,
    expect_pieces,
    items_of_voices,
    share_of_wrong,
    stored_job,
)
from tests.aws.world import World, call, world_of
from tests.conversation import Conversation, make_conversation
from tests.receiver import Receiver
from tests.recorded import recorded, socket_event, sqs_event
from tests.runtime_api import Killed, LambdaProcess
from tests.serving import wait_until
from tests.upstream import Upstream

CONVEX_KEY = "convex-key-of-the-page"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
CONNECTION = "BFHPhfCWIAMCKlQ="
DONE: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    return make_conversation(tmp_path_factory.mktemp("conversation"), turns=2)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with Page(CONVEX_KEY) as page:
        yield page


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def one_world(
    upstream_server: Upstream, page: Page, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with world_of(upstream_server, tmp_path_factory.mktemp("aws")) as world:
        world.more = {
            "SPEAKERS_LATER": "true",
            "PIECES_AT_ONCE": "1",
            "LEASE_SECONDS": "3",
            "MAX_ATTEMPTS": "1",
            "CONVEX_SITE_URL": page.url,
            "CONVEX_API_KEY": CONVEX_KEY,
            "CALLBACK_SECRET": SECRET,
            "CALLBACK_PRIVATE_ADDRESSES": "true",
        }
        yield world


@pytest.fixture
def world(one_world: World, upstream: Upstream) -> World:
    """Empty, but its warm sandboxes go on: most of what a test costs is the start of sandboxes."""
    one_world.empty()
    return one_world


@pytest.fixture
def conversation(made: Conversation, tmp_path: Path) -> Conversation:
    """A file of the test's own: a store of recordings takes it away."""
    return replace(made, path=Path(shutil.copy(made.path, tmp_path)))


def message_of(job_id: str) -> dict[str, Any]:
    return sqs_event(json.dumps({"jobId": job_id, "dueAt": 0}))


def run(worker: LambdaProcess, job_id: str, **how: float) -> None:
    assert worker.invoke(message_of(job_id), **how) == DONE


async def completed_job(world: World, conversation: Conversation) -> tuple[LambdaProcess, str]:
    """Its text is there, and its speakers are to come."""
    world.upstream.default = conversation.reply()
    job_id = await stored_job(world, conversation)
    worker = world.warm_sandbox("run_job")
    run(worker, job_id)
    return worker, job_id


def next_message(world: World) -> str:
    (message,) = world.messages()
    return str(json.loads(message["Body"])["jobId"])


def recordings(world: World) -> list[str]:
    answer = world.emulator.client("s3").list_objects_v2(Bucket=world.names.bucket)
    return [item["Key"] for item in answer.get("Contents", [])]


async def assert_nothing_is_left(world: World, job_id: str) -> None:
    assert (items_of_voices(world), recordings(world), world.messages()) == ([], [], [])
    key = {"pk": {"S": f"job#{job_id}"}, "sk": {"S": "state"}}
    item = world.emulator.client("dynamodb").get_item(TableName=world.names.table, Key=key)["Item"]
    assert not {"due", "due_at", "lease_holder", "speaker_attempts", "voices"} & set(item)


async def test_the_text_is_there_at_once_and_its_speakers_are_the_next_snapshot(
    world: World, conversation: Conversation, page: Page, receiver: Receiver
) -> None:
    world.upstream.default = conversation.reply()
    targets: tuple[Target, ...] = ("convex", "callback")
    job_id = await stored_job(world, conversation, targets=targets, callback_url=receiver.url)
    world.warm_sandbox("transcription_ws").invoke(socket_event("message", CONNECTION, {"jobId": job_id}))
    worker = world.warm_sandbox("run_job")
    run(worker, job_id)
    text, first = await world.jobs.result(job_id), page.rows[job_id]
    assert (await world.jobs.get(job_id)).speakers_progress == 0
    assert len(recordings(world)) == 1
    run(worker, next_message(world))
    labelled, second = await world.jobs.result(job_id), page.rows[job_id]
    bodies = [json.loads(request.body) for request in receiver.received]
    assert text
    assert labelled
    assert (text.speakers, {word.speaker for word in text.words or ()}) == (None, {None})
    assert labelled.text == text.text
    assert share_of_wrong([word.model_dump() for word in labelled.words or ()]) <= WRONG
    assert (first["status"], "speakers" in first["result"]) == ("completed", False)
    assert (first["seq"] < second["seq"], second["seq"]) == (True, (await world.jobs.get(job_id)).seq)
    assert set(second["result"]["speakers"]) == {"A", "B"}
    assert ["speakers" in body["job"]["result"] for body in bodies] == [False, True]
    posted = [message["job"] for message in world.connections.posted[CONNECTION] if message.get("job")]
    assert ["speakers" in job for job in posted if job["status"] == "completed"][-1] is False
    await assert_nothing_is_left(world, job_id)


async def test_a_worker_killed_midway_costs_one_stretch_and_the_sweep_brings_the_job_to_another(
    world: World, tmp_path: Path
) -> None:
    """Two stretches, mostly quiet."""
    conversation = make_conversation(tmp_path, turns=2, times=2, silence=300.0)
    pieces, length = expect_pieces(world, conversation), conversation.seconds / 2
    job_id = await stored_job(world, conversation)
    run(world.warm_sandbox("run_job"), job_id)
    with world.sandbox("run_job") as first, Ears.of(first, length, stuck=1) as ears:
        found = first.begin(message_of(next_message(world)), seconds=900)
        await asyncio.to_thread(wait_until, lambda: 1 in ears.heard)
        first.kill()
        with pytest.raises(Killed):
            first.wait(found)
    assert {key.split("#")[1] for key in items_of_voices(world)} == {"000000"}
    await asyncio.sleep(3)
    world.warm_sandbox("sweep").invoke(recorded("schedule"))
    assert next_message(world) == job_id
    with Ears.of(world.warm_sandbox("run_job"), length) as ears:
        run(world.warm_sandbox("run_job"), job_id, seconds=900)
    assert ears.heard == {1}
    result = await world.jobs.result(job_id)
    assert result
    assert share_of_wrong([word.model_dump() for word in result.words or ()]) <= WRONG
    assert len(world.upstream.requests) == pieces  # none was transcribed again
    await assert_nothing_is_left(world, job_id)


async def test_speakers_for_which_the_shifts_are_too_short_are_given_up_with_a_warning(
    world: World, conversation: Conversation
) -> None:
    worker, job_id = await completed_job(world, conversation)
    with Ears.of(worker, conversation.seconds, stuck=0):
        run(worker, next_message(world), seconds=40)  # of which 25 are kept for giving back
    assert (await world.jobs.get(job_id)).speakers_progress is not None
    run(worker, next_message(world))
    result = await world.jobs.result(job_id)
    assert result
    assert [warning.code for warning in result.warnings] == ["speakers_failed"]
    await assert_nothing_is_left(world, job_id)


async def test_a_job_deleted_while_its_speakers_are_found_leaves_nothing(
    world: World, conversation: Conversation
) -> None:
    worker, job_id = await completed_job(world, conversation)
    with Ears.of(worker, conversation.seconds, stuck=0) as ears:
        found = worker.begin(message_of(next_message(world)), seconds=900)
        await asyncio.to_thread(wait_until, lambda: bool(ears.heard))
        code, view = call(world.warm_sandbox("job"), "DELETE", f"/job/{job_id}")
        assert (code, "speakers" in view) == (200, False)
        assert worker.wait(found) == DONE
    await assert_nothing_is_left(world, job_id)
    run(worker, job_id)  # a message that comes late
    await assert_nothing_is_left(world, job_id)
