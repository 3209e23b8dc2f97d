"""What every AdminStore promises: usage adds up, the pause switch and the actions are there for all."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from common.admin import store
from common.admin.store import AuditEntry, Pause, UsageKey
from common.admin.usage import UsageBuffer
from common.errors import StoreUnavailable
from tests.contract.sample_jobs import NOW
from tests.contract.targets import DeploymentTarget

DAY = "day:2027-01-15"
REQUESTS = UsageKey(DAY, "1a2b3c4d", "requests")
FAILURES = UsageKey(DAY, "1a2b3c4d", "failure:busy")


async def test_usage_of_all_processes_adds_up(target: DeploymentTarget) -> None:
    adding = [target.admin.add_usage({REQUESTS: 1.0, FAILURES: 2.0}) for _ in range(4)]
    adding += [target.other_admin.add_usage({FAILURES: 1.0, REQUESTS: 0.5}) for _ in range(4)]
    await asyncio.gather(*adding)
    assert await target.other_admin.read_usage([DAY]) == {REQUESTS: 6.0, FAILURES: 12.0}


async def test_only_the_periods_that_are_asked_for_are_read(target: DeploymentTarget) -> None:
    other, hour = UsageKey("day:2027-01-16", "", "jobs"), UsageKey("hour:2027-01-15T08", "", "jobs")
    await target.admin.add_usage({REQUESTS: 1.0, other: 3.0, hour: 4.0})
    assert await target.admin.read_usage(["day:2027-01-16", "hour:2027-01-15T08"]) == {other: 3.0, hour: 4.0}
    assert await target.admin.read_usage(["day:2020-01-01"]) == {}


async def test_nothing_is_added_by_no_amounts(target: DeploymentTarget) -> None:
    await target.admin.add_usage({})
    assert await target.admin.read_usage([DAY]) == {}


async def test_old_periods_of_one_kind_are_removed_where_the_store_does_not_do_it_itself(
    target: DeploymentTarget,
) -> None:
    old, hour = UsageKey("day:2027-01-14", "a", "jobs"), UsageKey("hour:2027-01-14T10", "", "jobs")
    await target.admin.add_usage({old: 1.0, hour: 1.0, REQUESTS: 1.0})
    await target.admin.remove_usage(kind="day", before=DAY)
    kept = await target.other_admin.read_usage([old.period, hour.period, DAY])
    assert kept.keys() - {old} == {hour, REQUESTS}
    assert (old in kept) == target.isolated  # DynamoDB removes by time to live


async def test_what_a_process_counted_reaches_the_store_once_by_hour_and_by_day(
    target: DeploymentTarget,
) -> None:
    usage = UsageBuffer()
    for client in ("1a2b3c4d", "1a2b3c4d", "anonymous"):
        usage.add(NOW, client, "requests")
    usage.add(NOW + 3600, "anonymous", "audioSeconds", 2.5)
    await usage.flush(target.admin, now=NOW)
    await usage.flush(target.admin, now=NOW)
    assert usage.is_empty
    hours = ("hour:2027-01-15T08", "hour:2027-01-15T09")
    assert await target.other_admin.read_usage([DAY, *hours]) == {
        REQUESTS: 2.0,
        UsageKey(DAY, "anonymous", "requests"): 1.0,
        UsageKey(DAY, "anonymous", "audioSeconds"): 2.5,
        UsageKey(hours[0], "", "requests"): 3.0,
        UsageKey(hours[1], "", "audioSeconds"): 2.5,
    }


@pytest.mark.parametrize("error", [StoreUnavailable(retry_after=1), ZeroDivisionError()], ids=["away", "bug"])
async def test_usage_that_cannot_be_stored_stays_for_the_next_time(
    target: DeploymentTarget, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    usage = UsageBuffer()
    usage.add(NOW, "1a2b3c4d", "requests")

    async def fail(_: object) -> None:
        usage.add(NOW, "1a2b3c4d", "requests")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(target.admin, "add_usage", fail)
        with pytest.raises(ZeroDivisionError) if type(error) is ZeroDivisionError else nullcontext():
            await usage.flush(target.admin, now=NOW)
    await usage.flush(target.admin, now=NOW)
    assert (await target.admin.read_usage([DAY]))[REQUESTS] == 2.0


async def test_a_pause_is_seen_by_every_process_until_it_ends(target: DeploymentTarget) -> None:
    assert await target.other_admin.get_pause() is None
    pause = Pause(since=NOW, by="key:1a2b3c4d", reason="maintenance")
    await target.admin.set_pause(pause)
    await target.admin.set_pause(pause)
    assert await target.other_admin.get_pause() == pause
    await target.other_admin.set_pause(None)
    await target.other_admin.set_pause(None)
    assert await target.admin.get_pause() is None


async def test_actions_are_read_newest_first(target: DeploymentTarget) -> None:
    entries = [AuditEntry(at=NOW + n, by="admin", action="key.created", target=str(n)) for n in range(4)]
    for entry in entries:
        await target.admin.append_audit(entry)
    assert await target.other_admin.read_audit(limit=3) == entries[:0:-1]


async def test_the_log_of_actions_is_bounded(
    target: DeploymentTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("local.sqlite.admin", "postgres.admin", "aws.dynamo_admin"):
        monkeypatch.setattr(f"common.{module}.AUDIT_LENGTH", 3)
    assert store.AUDIT_LENGTH == 1000
    for number in range(5):
        await target.admin.append_audit(AuditEntry(at=NOW + number, by="admin", action="paused"))
    assert [entry.at for entry in await target.admin.read_audit(limit=100)] == [NOW + 4, NOW + 3, NOW + 2]
