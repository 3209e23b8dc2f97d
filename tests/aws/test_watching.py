"""Who watches on AWS holds up no job, whatever becomes of the posts."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from common.aws import gateway_subscribers
from common.jobs.actions import discard
from common.jobs.submit import JobRequest, create_pending
from common.lambda_entry.sandbox import Sandbox, compose
from common.models import Options
from tests.aws.world import World
from tests.recorded import socket_event


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def composed(world: World, monkeypatch: pytest.MonkeyPatch, silent: socket.socket) -> Sandbox:
    port = silent.getsockname()[1]
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WEBSOCKET_ENDPOINT", f"http://127.0.0.1:{port}/live")
    return compose()


async def expected(sandbox: Sandbox) -> str:
    job = await create_pending(sandbox.services, JobRequest(job_id=str(uuid.uuid4()), options=Options()))
    return job.job_id


async def test_a_deletion_waits_for_no_watcher(
    composed: Sandbox, silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(
        gateway_subscribers, "log", lambda event, **told: said.append({"event": event, **told})
    )
    monkeypatch.setattr(gateway_subscribers, "_TELLING", 0.3)
    job_id = await expected(composed)
    await composed.gateway.watch(job_id, "silent=", told=1, language="en")
    began = time.monotonic()
    job = await discard(composed.services, job_id)
    took = time.monotonic() - began
    silent.close()  # the posts that are under way end
    assert (job.status, job.erased_at is not None) == ("cancelled", True)
    assert took < 8
    assert [(line["event"], line["reason"]) for line in said] == [("publish.failed", "slow")] * 2


async def test_no_post_is_tried_for_long(composed: Sandbox) -> None:
    config = composed.tasks._clients.client("apigatewaymanagementapi", "http://127.0.0.1:1/live").meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 3)
    assert config.retries["total_max_attempts"] == 2


# ── how many ──────────────────────────────────────────────────────────────────────────────────────


def watchers(world: World, job_id: str) -> list[str]:
    found = world.emulator.client("dynamodb").query(
        TableName=world.names.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"watched#{job_id}"}},
    )
    return [item["sk"]["S"] for item in found["Items"]]


async def test_one_too_many_is_told_so_and_who_asks_again_is_not(world: World, composed: Sandbox) -> None:
    job_id = await expected(composed)
    for number in range(100):
        await composed.gateway.watch(job_id, f"{number}=", told=1, language="en")
    told = world.connections.posted
    with world.sandbox("transcription_ws") as sockets:
        sockets.invoke(socket_event("message", "late=", {"jobId": job_id}))
        assert [(one["type"], one["status"]) for one in told["late="]] == [("error", 429)]
        assert told["late="][0]["error"]["code"] == "too_many_watchers"
        sockets.invoke(socket_event("message", "7=", {"jobId": job_id}))
        assert told["7="][0]["type"] == "snapshot"
        sockets.invoke(socket_event("disconnect", "7="))
        sockets.invoke(socket_event("message", "late=", {"jobId": job_id}))
        assert told["late="][-1]["type"] == "snapshot"


async def test_a_connection_watches_the_job_that_it_named_last(world: World, composed: Sandbox) -> None:
    first, second = await expected(composed), await expected(composed)
    with world.sandbox("transcription_ws") as sockets:
        for job_id in (first, second, second):
            sockets.invoke(socket_event("message", "one=", {"jobId": job_id}))
    assert (watchers(world, first), watchers(world, second)) == ([], ["one="])
