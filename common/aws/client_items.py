"""What one client has: an item for each of its jobs that is not final, written with the job itself. Pure.

pk client#<client>   sk <job id>   whether its audio, or only its speakers, are to come; how many bytes it has
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.aws.job_items import ttl_of
from common.aws.table_requests import Item, delete_action, put_action
from common.jobs.text_state import is_final
from common.models import Job
from common.ports import Holdings


def partition(client: str) -> str:
    return f"client#{client}"


def actions_of(job: Job, before: Job | None = None) -> list[dict[str, Any]]:
    """What a commit of this job over `before` does besides: nothing while it runs, or awaits its speakers."""
    if job.client is None:
        return []
    if is_final(job):
        was_final = before is not None and is_final(before)
        return [] if was_final else [delete_action((partition(job.client), job.job_id))]
    awaits_as_before = before is not None and job.has_ended and before.has_ended
    if awaits_as_before or job.status not in {"pending", "queued", "completed"}:
        return []
    item: Item = {
        "pk": partition(job.client),
        "sk": job.job_id,
        "pending": job.status == "pending",
        "completed": True if job.has_ended else None,
        "bytes": job.audio.size_bytes if job.audio else 0,
        "ttl": ttl_of(job.expires_at),
    }
    return [put_action(item)]


def holdings_of(items: Iterable[Item]) -> Holdings:
    """`pending_of_all` stays 0: nobody counts what all clients have."""
    known = list(items)
    pending = sum(item["pending"] for item in known)
    completed = sum(item.get("completed", False) for item in known)
    stored_bytes = sum(item["bytes"] for item in known)
    return Holdings(jobs=len(known) - pending - completed, pending=pending, stored_bytes=stored_bytes)
