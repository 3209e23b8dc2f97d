"""GET /metrics: what this process counts and reads, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from common import errors
from common.http.app import ServicesDep, error_examples
from common.http.caller import caller_of
from common.http.edge import is_from_this_machine
from common.monitoring.now import read_now

router = APIRouter(tags=["monitoring"])


@router.get(
    "/metrics",
    summary="Counters and readings for Prometheus",
    response_model=None,
    responses={
        200: {
            "description": "the text format of Prometheus or OpenMetrics, as Accept says",
            "content": {"text/plain": {"example": 'escriba_jobs{status="queued"} 3.0\n'}},
        },
        **error_examples(
            errors.KeyMissing(), errors.KeyInvalid(), errors.ScopeMissing(scope="metrics"), errors.AccessOff()
        ),
    },
)
async def read_metrics(request: Request, services: ServicesDep) -> Response:
    """With access keys on, for keys with the scope `metrics` or `admin`; otherwise for this machine alone."""
    caller = await caller_of(request)
    if services.access.is_on:
        caller.require_one_of("metrics", "admin")
    elif not is_from_this_machine(request):
        raise errors.AccessOff
    # Imported with the first scrape: a server that nobody scrapes does not pay for it.
    from common.monitoring.prometheus import render

    body, content_type = render(services, await read_now(services), accept=request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
