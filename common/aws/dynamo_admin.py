"""`AdminStore` in the jobs' table.

    pk usage#<period>   sk <client>#    an attribute for each name, added to where it is stored
    pk admin#pause      sk pause        the Pause, as JSON
    pk admin#audit      sk <time>#<…>   an AuditEntry, as JSON

DynamoDB removes rows by itself once their time to live has passed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from common.admin.store import AUDIT_LENGTH, AuditEntry, Pause, UsageKey
from common.aws.table import Table
from common.aws.table_requests import Key, Update

_PAUSE: Key = ("admin#pause", "pause")
_AUDIT = "admin#audit"

_DAY = 86_400
# Days for which rows of each kind of period, and actions, are kept.
_KEPT_DAYS = {"hour": 15, "day": 101}
_AUDIT_DAYS = 365


class DynamoAdmin:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def add_usage(self, amounts: Mapping[UsageKey, float]) -> None:
        """One write for each period and client."""
        items: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for key, amount in amounts.items():
            items[key.period, key.client][key.name] = amount
        await asyncio.gather(*(self._table.update(_add(*key, added)) for key, added in items.items()))

    async def read_usage(self, periods: Sequence[str]) -> dict[UsageKey, float]:
        answers = await asyncio.gather(*(self._table.query_partition(f"usage#{name}") for name in periods))
        return {
            UsageKey(period, item["sk"].removesuffix("#"), name): float(amount)
            for period, items in zip(periods, answers, strict=True)
            for item in items
            for name, amount in item.items()
            if name not in {"pk", "sk", "ttl"}
        }

    async def remove_usage(self, *, kind: str, before: str) -> None:
        """DynamoDB's own time to live does it."""

    async def set_pause(self, pause: Pause | None) -> None:
        if pause is None:
            await self._table.delete([_PAUSE])
            return
        pk, sk = _PAUSE
        await self._table.put({"pk": pk, "sk": sk, "document": pause.model_dump_json(by_alias=True)})

    async def get_pause(self) -> Pause | None:
        item = await self._table.get(_PAUSE)
        return Pause.model_validate_json(item["document"]) if item else None

    async def append_audit(self, entry: AuditEntry) -> None:
        await self._table.put(
            {
                "pk": _AUDIT,
                "sk": f"{entry.at:017.6f}#{secrets.token_hex(4)}",
                "document": entry.model_dump_json(by_alias=True, exclude_none=True),
                "ttl": int(entry.at) + _AUDIT_DAYS * _DAY,
            }
        )

    async def read_audit(self, *, limit: int) -> list[AuditEntry]:
        items = await self._table.query(
            "pk = :pk", {":pk": _AUDIT}, limit=min(limit, AUDIT_LENGTH), consistent=True, newest_first=True
        )
        return [AuditEntry.model_validate_json(item["document"]) for item in items]


def _add(period: str, client: str, amounts: Mapping[str, float]) -> Update:
    names = {f"#n{number}": name for number, name in enumerate(amounts)}
    values: dict[str, float] = {f":v{number}": amount for number, amount in enumerate(amounts.values())}
    added = ", ".join(f"#n{number} :v{number}" for number in range(len(amounts)))
    return Update(
        (f"usage#{period}", f"{client}#"),
        f"SET #ttl = :ttl ADD {added}",
        None,
        values | {":ttl": _ttl_of(period)},
        names | {"#ttl": "ttl"},
    )


def _ttl_of(period: str) -> int:
    """Some days after the period began."""
    kind, _, name = period.partition(":")
    moment = datetime.fromisoformat(name[:10]).replace(tzinfo=UTC)
    return int(moment.timestamp()) + _KEPT_DAYS[kind] * _DAY
