"""Watchers on AWS hold up no job, whatever becomes of the posts to them."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from common.aws import gateway_subscribers
from common.jobs.actions import discard
from common.jobs.submit import JobRequest, expect
from common.lambda_entry.sandbox import Sandbox, compose
from common.models import Options
from tests.aws.world import World
from tests.recorded import socket_event


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def composed(world: World, monkeypatch: pytest.MonkeyPatch, silent: socket.socket) -> Sandbox:
    port = silent.getsockname()[1]
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WEBSOCKET_ENDPOINT", f"http://127.0.0.1:{port}/live")
    return compose()


async def pending_job(sandbox: Sandbox) -> str:
    job = await expect(sandbox.services, JobRequest(job_id=str(uuid.uuid4()), options=Options()))
    return job.job_id


async def test_a_deletion_waits_for_no_watcher(
    composed: Sandbox, silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(
        gateway_subscribers, "log", lambda event, **fields: logged.append({"event": event, **fields})
    )
    monkeypatch.setattr(gateway_subscribers, "_PUBLISH_TIMEOUT", 0.3)
    job_id = await pending_job(composed)
    await composed.gateway.watch(job_id, "silent=", last_seq=1, language="en")
    began = time.monotonic()
    job = await discard(composed.services, job_id)
    took = time.monotonic() - began
    silent.close()  # ends the posts that are under way
    assert (job.status, job.erased_at is not None) == ("cancelled", True)
    assert took < 8
    assert [(line["event"], line["reason"]) for line in logged] == [("publish.failed", "slow")] * 2


def test_no_post_is_tried_for_long(composed: Sandbox) -> None:
    config = composed.gateway._clients.client(
        "apigatewaymanagementapi", "http://127.0.0.1:1/live"
    ).meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 3)
    assert config.retries["total_max_attempts"] == 2


# ── how many watchers ─────────────────────────────────────────────────────────────────────────────


def watchers(world: World, job_id: str) -> list[str]:
    found = world.emulator.client("dynamodb").query(
        TableName=world.names.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"watched#{job_id}"}},
    )
    return [item["sk"]["S"] for item in found["Items"]]


async def test_a_watcher_too_many_gets_429_while_one_of_the_others_may_ask_again(
    world: World, composed: Sandbox
) -> None:
    job_id = await pending_job(composed)
    for number in range(100):
        await composed.gateway.watch(job_id, f"{number}=", last_seq=1, language="en")
    posted = world.connections.posted
    with world.sandbox("transcription_ws") as sockets:
        sockets.invoke(socket_event("message", "late=", {"jobId": job_id}))
        assert [(message["type"], message["status"]) for message in posted["late="]] == [("error", 429)]
        assert posted["late="][0]["error"]["code"] == "too_many_watchers"
        sockets.invoke(socket_event("message", "7=", {"jobId": job_id}))
        assert posted["7="][0]["type"] == "snapshot"
        sockets.invoke(socket_event("disconnect", "7="))
        sockets.invoke(socket_event("message", "late=", {"jobId": job_id}))
        assert posted["late="][-1]["type"] == "snapshot"


async def test_a_connection_watches_the_job_that_it_named_last(world: World, composed: Sandbox) -> None:
    first, second = await pending_job(composed), await pending_job(composed)
    with world.sandbox("transcription_ws") as sockets:
        for job_id in (first, second, second):
            sockets.invoke(socket_event("message", "one=", {"jobId": job_id}))
    assert (watchers(world, first), watchers(world, second)) == ([], ["one="])
