"""The job that an address names, for endpoints: it exists for who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from common.http.app import ServicesDep
from common.http.caller import Reader, check_visible
from common.jobs.ids import parse_job_id


async def _job_id(job_id: str, services: ServicesDep, caller: Reader) -> str:
    parsed = parse_job_id(job_id)
    await check_visible(services, caller, parsed)
    return parsed


JobId = Annotated[str, Depends(_job_id)]
