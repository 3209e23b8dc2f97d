"""What administration needs of a process: stores where there are any, usage, the pause switch."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.admin.directory import JobDirectory
from common.admin.pause import PauseSwitch
from common.admin.store import AdminStore
from common.admin.usage import UsageBuffer


@dataclass(frozen=True, slots=True)
class AdminServices:
    """Without a store nothing is kept; both are None where a function has no table."""

    store: AdminStore | None = None
    directory: JobDirectory | None = None
    usage: UsageBuffer = field(default_factory=UsageBuffer)
    pause: PauseSwitch = field(default_factory=PauseSwitch)

    async def store_usage(self, *, now: float) -> None:
        """What was used since the last time; nothing is written where nothing was."""
        if self.store is not None and not self.usage.is_empty:
            await self.usage.flush(self.store, now=now)
