"""Keys by reference: from SSM and Secrets Manager, through the function that needs them."""

from __future__ import annotations

import pytest

from common.aws.clients import Clients
from common.aws.secrets import SecretUnreadable, reveal
from tests.aws.world import World, call
from tests.upstream import KEY


@pytest.mark.parametrize("store", ["ssm", "secretsmanager"])
async def test_a_key_is_read_from_either_store(world: World, store: str) -> None:
    name = f"/escriba/{world.names.table}/groq-api-key"
    if store == "ssm":
        world.emulator.client("ssm").put_parameter(Name=name, Value=KEY, Type="SecureString")
    else:
        world.emulator.client("secretsmanager").create_secret(Name=name, SecretString=KEY)
    assert reveal(Clients(), f"{store}:{name}") == KEY
    with world.sandbox("openai_audio", GROQ_API_KEY=f"{store}:{name}") as sandbox:
        assert call(sandbox, "GET", "/v1/models")[0] == 200


def test_what_is_no_reference_is_the_key_itself() -> None:
    assert reveal(Clients(), KEY) == KEY


@pytest.mark.parametrize("store", ["ssm", "secretsmanager"])
async def test_a_key_that_cannot_be_read_is_said_by_its_name_and_health_knows(
    world: World, store: str
) -> None:
    with pytest.raises(SecretUnreadable, match=f"{store}:/nowhere"):
        reveal(Clients(), f"{store}:/nowhere")
    with world.sandbox("health", GROQ_API_KEY=f"{store}:/nowhere") as sandbox:
        code, told = call(sandbox, "GET", "/health")
    assert (code, told["status"]) == (200, "degraded")
    assert told["problems"] == [f"GROQ_API_KEY: {store}:/nowhere cannot be read"]
