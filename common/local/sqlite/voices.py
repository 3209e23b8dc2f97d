"""`VoiceStore` over the container's database; a trigger of the schema deletes a job's rows with its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.local.sqlite import lease_rows
from common.local.sqlite.database import Database

if TYPE_CHECKING:
    from sqlite3 import Connection


class SqliteVoices:
    """One row a stretch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        await self._database.write(lambda db: _keep(db, job_id, index, packed, holder))

    async def kept(self, job_id: str) -> dict[int, bytes]:
        query = "SELECT stretch, embeddings FROM voices WHERE job_id = ?"
        rows = await self._database.read(lambda db: db.execute(query, (job_id,)).fetchall())
        return dict(rows)

    async def count(self, job_id: str) -> int:
        query = "SELECT count(*) FROM voices WHERE job_id = ?"
        row = await self._database.read(lambda db: db.execute(query, (job_id,)).fetchone())
        return int(row[0])


def _keep(db: Connection, job_id: str, index: int, packed: bytes, holder: str) -> None:
    lease_rows.require_holder(db, job_id, holder)
    db.execute("INSERT OR REPLACE INTO voices VALUES (?, ?, ?)", (job_id, index, packed))
