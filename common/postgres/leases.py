"""Who may run a job, and until when: columns of its row."""

from __future__ import annotations

from common.errors import JobNotFound
from common.models import TERMINAL, Job
from common.ports import LeaseLost
from common.postgres.database import Database

_LEASE = """
    UPDATE escriba.jobs SET lease_holder = $2, lease_until = $3::float8 + $4::float8, lease_seconds = $4
    WHERE job_id = $1 AND NOT status = ANY ($5::text[]) AND (
        lease_holder = $2 OR NOT coalesce(lease_until > $3 AND lease_until <= $3 + 2 * lease_seconds, false)
    ) RETURNING document
"""

_RENEW = """
    UPDATE escriba.jobs SET lease_until = $3::float8 + $4::float8, lease_seconds = $4
    WHERE job_id = $1 AND lease_holder = $2 RETURNING 1
"""

_RELEASE = """
    UPDATE escriba.jobs SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
    WHERE job_id = $1 AND lease_holder = $2
"""


class LeaseRows:
    """The part of `JobStore` that is about leases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, job_id: str, holder: str, *, now: float, seconds: float) -> Job:
        document = await self._database.value(_LEASE, job_id, holder, now, seconds, sorted(TERMINAL))
        if document is not None:
            return Job.model_validate_json(document)
        await self._require_job(job_id)
        raise LeaseLost(job_id)

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        if not await self._database.rows(_RENEW, job_id, holder, now, seconds):
            raise LeaseLost(job_id)

    async def release(self, job_id: str, holder: str) -> None:
        await self._database.rows(_RELEASE, job_id, holder)

    async def _require_job(self, job_id: str) -> None:
        if await self._database.value("SELECT 1 FROM escriba.jobs WHERE job_id = $1", job_id) is None:
            raise JobNotFound
