"""What a deployment target must offer to keep access keys."""

from __future__ import annotations

from typing import Protocol

from common.models import AccessKey


class AccessKeyStore(Protocol):
    """The access keys that were made here, revoked ones among them."""

    async def put(self, key: AccessKey) -> None:
        """Store a new key, or the next value of one; durable on return."""

    async def get(self, key_id: str) -> AccessKey | None: ...

    async def all(self) -> list[AccessKey]:
        """Oldest first."""
