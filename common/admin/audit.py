"""Keeps what admins do: written before it is done, so that nothing happens without a trace."""

from __future__ import annotations

from common.admin.services import AdminServices
from common.admin.store import AdminStore, AuditEntry
from common.errors import AccessOff
from common.log import log


def store_of(admin: AdminServices) -> AdminStore:
    """Raises AccessOff where nothing is kept."""
    if admin.store is None:
        raise AccessOff
    return admin.store


async def record_action(
    admin: AdminServices, action: str, *, now: float, by: str, target: str | None = None
) -> None:
    """`action` is a word such as `key.created`. Raises what the store raises: then nothing may be done."""
    await store_of(admin).append_audit(AuditEntry(at=now, by=by, action=action, target=target))
    log(f"admin.{action}", by=by, target=target)
