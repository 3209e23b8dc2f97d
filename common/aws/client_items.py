"""What one client has: an item for each of its jobs that wait or run, written with the job itself. Pure.

pk client#<client>   sk <job id>   whether its audio is still to come, and how many bytes it has
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.aws.job_items import ttl_of
from common.aws.table_requests import Item, delete_action, put_action
from common.models import Job
from common.ports import Holdings


def partition(client: str) -> str:
    return f"client#{client}"


def actions_of(job: Job) -> list[dict[str, Any]]:
    """What a commit of this job does besides: nothing while it runs."""
    if job.client is None:
        return []
    if job.has_ended and job.completed_at != job.updated_at:
        return []  # it ended before
    if job.has_ended:
        return [delete_action((partition(job.client), job.job_id))]
    if job.status not in {"pending", "queued"}:
        return []
    item: Item = {
        "pk": partition(job.client),
        "sk": job.job_id,
        "pending": job.status == "pending",
        "bytes": job.audio.size_bytes if job.audio else 0,
        "ttl": ttl_of(job.expires_at),
    }
    return [put_action(item)]


def holdings_of(items: Iterable[Item]) -> Holdings:
    """`pending_of_all` stays 0: nobody counts what all clients have."""
    known = list(items)
    pending = sum(item["pending"] for item in known)
    return Holdings(
        jobs=len(known) - pending, pending=pending, stored_bytes=sum(item["bytes"] for item in known)
    )
