"""What operators see of each call: log lines under one id, X-Ray segments, CloudWatch metrics.

https://docs.powertools.aws.dev/lambda/python/latest/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from common.lambda_entry.handlers import Answer, Event, Handle
from common.log import correlate
from common.models import Job, Transcript


def log_under_call_id(handle: Handle) -> Handle:
    """Let every log line of a call bear Lambda's id of it, and whether its sandbox was new."""
    is_cold = True

    def call(event: Event, context: Any) -> Answer:
        nonlocal is_cold
        correlate(functionRequestId=context.aws_request_id, coldStart=is_cold)
        is_cold = False
        return handle(event, context)

    return call


@contextmanager
def subsegment(name: str, **annotations: str) -> Iterator[None]:
    """A part of the call's trace, found by its annotations. Not for HTTP: no answer should wait for it."""
    with _tracer().provider.in_subsegment(f"## {name}") as segment:
        for key, value in annotations.items():
            segment.put_annotation(key, value)
        yield


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    # Nothing is patched: that would import every library it knows.
    return Tracer(service="escriba", auto_patch=False)


def count_job(job: Job, result: Transcript | None) -> None:
    """One EMF line for a job that ended: how it ended, how long it took, how much audio it had."""
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    metrics = EphemeralMetrics(namespace="Escriba", service="escriba")
    metrics.add_metric(name=f"Jobs{job.status.title()}", unit=MetricUnit.Count, value=1)
    if job.completed_at is not None:
        seconds = job.completed_at - job.created_at
        metrics.add_metric(name="JobSeconds", unit=MetricUnit.Seconds, value=seconds)
    if result is not None:
        metrics.add_metric(name="AudioSeconds", unit=MetricUnit.Seconds, value=result.duration)
    metrics.flush_metrics()
