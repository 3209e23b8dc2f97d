"""Who may run a job, and until when: columns of its row."""

from __future__ import annotations

from common.errors import JobNotFound
from common.models import TERMINAL, Job
from common.ports import LeaseLost
from common.postgres.database import Database
from common.postgres.job_values import to_job

_LEASE = """
    UPDATE escriba.jobs SET lease_holder = $2, lease_until = $3::float8 + $4::float8, lease_seconds = $4
    WHERE job_id = $1 AND NOT status = ANY ($5::text[]) AND (
        lease_holder = $2 OR NOT coalesce(lease_until > $3 AND lease_until <= $3 + 2 * lease_seconds, false)
    ) RETURNING document, client
"""

_RENEW = """
    UPDATE escriba.jobs SET lease_until = $3::float8 + $4::float8, lease_seconds = $4
    WHERE job_id = $1 AND lease_holder = $2 RETURNING 1
"""

# It notifies the others, in the form of `write_notice`: one of them may run the job at once.
_RELEASE = """
    WITH freed AS (
        UPDATE escriba.jobs SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
        WHERE job_id = $1 AND lease_holder = $2 RETURNING job_id, seq, status
    )
    SELECT pg_notify('escriba', concat_ws(' ', $3::text, job_id, seq, status)) FROM freed
"""


class LeaseRows:
    """The part of `JobStore` that is about leases. `origin` names this instance in notices."""

    def __init__(self, database: Database, origin: str) -> None:
        self._database = database
        self._origin = origin

    async def lease(self, job_id: str, holder: str, *, now: float, seconds: float) -> Job:
        row = await self._database.row(_LEASE, job_id, holder, now, seconds, sorted(TERMINAL))
        if row is not None:
            return to_job(row)
        await self._require_job(job_id)
        raise LeaseLost(job_id)

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        if not await self._database.rows(_RENEW, job_id, holder, now, seconds):
            raise LeaseLost(job_id)

    async def release(self, job_id: str, holder: str) -> None:
        await self._database.rows(_RELEASE, job_id, holder, self._origin)
        self._database.note_change()

    async def _require_job(self, job_id: str) -> None:
        if await self._database.value("SELECT 1 FROM escriba.jobs WHERE job_id = $1", job_id) is None:
            raise JobNotFound
