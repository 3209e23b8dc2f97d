"""What a deployment target must offer for admins: usage, the pause switch, a log of their actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from common.value import Value

# So many actions are kept, the newest.
AUDIT_LENGTH = 1000


class UsageKey(NamedTuple):
    """What an amount is of.

    `period` is `hour:2026-01-31T09` or `day:2026-01-31`, `client` the id of an access key. Hours are of all
    clients together: their `client` is empty.
    """

    period: str
    client: str
    name: str


class Pause(Value):
    """Nothing new is accepted `since` then; `by` names the caller who said so."""

    since: float
    by: str
    reason: str | None = None


class AuditEntry(Value):
    """What an admin did: `action` is a word such as `key.created`, `target` the id of what it was done to."""

    at: float
    by: str
    action: str
    target: str | None = None


class AdminStore(Protocol):
    """Calls may raise what the target's other stores raise."""

    async def add_usage(self, amounts: Mapping[UsageKey, float]) -> None:
        """Add each amount to what is stored under its key, in one write where the target can."""

    async def read_usage(self, periods: Sequence[str]) -> dict[UsageKey, float]:
        """All amounts of these periods."""

    async def remove_usage(self, *, kind: str, before: str) -> None:
        """Remove the rows of periods of one kind (`hour`, `day`) before this one."""

    async def set_pause(self, pause: Pause | None) -> None:
        """None ends it."""

    async def get_pause(self) -> Pause | None: ...

    async def append_audit(self, entry: AuditEntry) -> None:
        """Durable on return. Beyond AUDIT_LENGTH the oldest entries are removed."""

    async def read_audit(self, *, limit: int) -> list[AuditEntry]:
        """Newest first."""
