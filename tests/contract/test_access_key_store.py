"""What every AccessKeyStore promises."""

from __future__ import annotations

from common.models import AccessKey
from tests.contract.sample_jobs import NOW
from tests.contract.targets import DeploymentTarget


def sample_key(key_id: str = "1a2b3c4d", *, created_at: float = NOW) -> AccessKey:
    return AccessKey(
        key_id=key_id,
        name="the page",
        digest="0" * 64,
        scopes=("transcribe", "read"),
        created_at=created_at,
        expires_at=NOW + 60,
    )


async def test_a_key_is_read_as_it_was_stored_by_every_process(target: DeploymentTarget) -> None:
    key = sample_key()
    await target.keys.put(key)
    assert await target.keys.get(key.key_id) == await target.other_keys.get(key.key_id) == key


async def test_a_key_that_was_never_made_is_none(target: DeploymentTarget) -> None:
    assert await target.keys.get("00000000") is None
    assert await target.keys.all() == []


async def test_the_next_value_of_a_key_replaces_it(target: DeploymentTarget) -> None:
    key = sample_key()
    await target.keys.put(key)
    revoked = key.model_copy(update={"revoked_at": NOW})
    await target.other_keys.put(revoked)
    assert await target.keys.all() == [revoked]


async def test_all_keys_come_oldest_first(target: DeploymentTarget) -> None:
    keys = [sample_key(f"0000000{i}", created_at=NOW - i) for i in range(3)]
    for key in keys:
        await target.keys.put(key)
    assert await target.keys.all() == keys[::-1]
