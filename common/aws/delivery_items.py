"""Deliveries as items, one for each job and target; common/delivery/rules.py decides what each becomes."""

from __future__ import annotations

from dataclasses import dataclass

from common.aws.table_requests import Item, Key
from common.delivery import rules
from common.ports import Delivery, Target

PREFIX = "state#to#"
INDEX = "news"


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as it is stored; `version` counts its writes, so that each is made of the one before."""

    delivery: Delivery
    version: int = 1

    def become(self, delivery: Delivery) -> Row:
        return self if delivery == self.delivery else Row(delivery, self.version + 1)


def partition(target: Target, *, ended: bool, immediate: bool) -> str:
    """Which part of the index holds such open deliveries, by `next_at`."""
    return f"{target}#{'ended' if ended else 'running'}#{'fresh' if immediate else 'tried'}"


def refused_partition(target: Target) -> str:
    """Which part of the index holds those that the target will never take, for admins."""
    return f"{target}#refused"


def key_of(job_id: str, target: Target) -> Key:
    return f"job#{job_id}", f"{PREFIX}{target}"


def item_of(row: Row, ttl: int | None) -> Item:
    delivery = row.delivery
    pk, sk = key_of(delivery.job_id, delivery.target)
    return {
        "pk": pk,
        "sk": sk,
        "wanted_seq": delivery.wanted_seq,
        "confirmed_seq": delivery.confirmed_seq,
        "attempts": delivery.attempts,
        "next_at": delivery.next_at,
        "last_error": delivery.last_error,
        "ended": delivery.ended,
        "version": row.version,
        "news": _partition_of(delivery),
        "ttl": ttl,
    }


def row_of(item: Item) -> Row:
    target: Target = item["sk"].removeprefix(PREFIX)
    delivery = Delivery(
        job_id=item["pk"].removeprefix("job#"),
        target=target,
        wanted_seq=item["wanted_seq"],
        confirmed_seq=item["confirmed_seq"],
        attempts=item["attempts"],
        next_at=float(item["next_at"]),
        last_error=item.get("last_error"),
        ended=item["ended"],
    )
    return Row(delivery, item["version"])


def _partition_of(delivery: Delivery) -> str | None:
    """None takes the item out of the index: there is nothing to send, nor to show."""
    if not delivery.is_open:
        return refused_partition(delivery.target) if delivery.is_refused else None
    return partition(delivery.target, ended=delivery.ended, immediate=rules.is_immediate(delivery))
