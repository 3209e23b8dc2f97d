"""What administration needs of a process: stores where there are any, usage, the pause switch."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.admin.directory import JobDirectory
from common.admin.pause import PauseSwitch
from common.admin.store import AdminStore
from common.admin.usage import UsageBuffer


@dataclass(frozen=True, slots=True)
class AdminServices:
    """Without a store nothing is kept, and `directory` is None where no route lists jobs."""

    store: AdminStore | None = None
    directory: JobDirectory | None = None
    usage: UsageBuffer = field(default_factory=UsageBuffer)
    pause: PauseSwitch = field(default_factory=PauseSwitch)
