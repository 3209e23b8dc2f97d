"""Keys by reference: from SSM and Secrets Manager, through the function that needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common.aws.clients import Clients
from common.aws.secret_references import SecretUnreadable, resolve_secret
from tests.aws.world import World, call
from tests.recorded import recorded, sqs_event
from tests.runtime_api import FunctionError
from tests.server import ROOT
from tests.upstream import KEY

SPEECH = ROOT / "tests" / "data" / "english-short.wav"


@pytest.mark.parametrize("store", ["ssm", "secretsmanager"])
async def test_a_key_is_read_from_either_store(world: World, store: str) -> None:
    name = f"/escriba/{world.names.table}/groq-api-key"
    if store == "ssm":
        world.emulator.client("ssm").put_parameter(Name=name, Value=KEY, Type="SecureString")
    else:
        world.emulator.client("secretsmanager").create_secret(Name=name, SecretString=KEY)
    assert resolve_secret(Clients(), f"{store}:{name}") == KEY
    with world.sandbox("openai_audio", GROQ_API_KEY=f"{store}:{name}") as sandbox:
        assert call(sandbox, "GET", "/v1/models")[0] == 200


def test_a_setting_that_is_no_reference_is_the_key_itself() -> None:
    assert resolve_secret(Clients(), KEY) == KEY


@pytest.mark.parametrize("store", ["ssm", "secretsmanager"])
async def test_health_names_the_reference_of_a_key_that_cannot_be_read(world: World, store: str) -> None:
    with pytest.raises(SecretUnreadable, match=f"{store}:/nowhere"):
        resolve_secret(Clients(), f"{store}:/nowhere")
    with world.sandbox("health", GROQ_API_KEY=f"{store}:/nowhere") as sandbox:
        code, health = call(sandbox, "GET", "/health")
    assert (code, health["status"]) == (200, "degraded")
    assert health["problems"] == [f"GROQ_API_KEY: {store}:/nowhere cannot be read"]


def wav() -> dict[str, Any]:
    return {"file": ("speech.wav", SPEECH.read_bytes(), "audio/wav")}


def missing_parameter(world: World, value: str) -> tuple[str, Callable[[], None]]:
    """A reference to a parameter that does not exist, and the function that creates it."""
    name = f"/escriba/{world.names.table}/late"
    ssm = world.emulator.client("ssm")
    return f"ssm:{name}", lambda: ssm.put_parameter(Name=name, Value=value, Type="SecureString")


async def test_a_worker_without_its_key_fails_no_job_and_reads_again_for_the_next_message(
    world: World,
) -> None:
    with world.sandbox("transcribe_job") as sandbox:
        job_id = call(sandbox, "POST", "/transcribe-job", files=wav())[1]["jobId"]
    (message,) = world.messages()
    reference, create = missing_parameter(world, KEY)
    event = sqs_event(message["Body"])
    with world.sandbox("run_job", GROQ_API_KEY=reference) as worker:
        failed = [{"itemIdentifier": event["Records"][0]["messageId"]}]
        assert worker.invoke(event) == {"batchItemFailures": failed}
        assert (await world.jobs.get(job_id)).status == "queued"
        create()
        assert worker.invoke(event) == {"batchItemFailures": []}
    assert (await world.jobs.get(job_id)).status == "completed"


async def test_a_request_is_answered_503_until_the_key_can_be_read(world: World) -> None:
    reference, create = missing_parameter(world, KEY)
    with world.sandbox("transcribe", GROQ_API_KEY=reference) as sandbox:
        code, answer = call(sandbox, "POST", "/transcribe", files=wav())
        assert (code, answer["error"]["code"]) == (503, "engine_missing")
        create()
        assert call(sandbox, "POST", "/transcribe", files=wav())[0] == 200


async def test_a_sweep_without_a_senders_key_does_the_rest_and_is_counted_as_failed(world: World) -> None:
    reference, create = missing_parameter(world, "c" * 32)
    with world.sandbox("transcribe_job", UPLOAD_TICKET_SECONDS="0.01", UPLOAD_TIMEOUT="0.5") as sandbox:
        job_id = call(sandbox, "POST", "/transcribe-job", json={"filename": "a.wav"})[1]["jobId"]
    with world.sandbox("sweep", CALLBACK_SECRET=reference) as sweep:
        with pytest.raises(FunctionError, match=r"CALLBACK_SECRET: ssm:.*cannot be read"):
            sweep.invoke(recorded("schedule"))
        assert (await world.jobs.get(job_id)).status == "failed"
        create()
        assert sweep.invoke(recorded("schedule")) == {}
