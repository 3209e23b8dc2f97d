"""Writes what a call counted as lines in CloudWatch's embedded metric format, under the names of /metrics.

Labels are fields of the line, which Logs Insights can filter and group, and no dimensions: CloudWatch charges
for each combination of dimensions as for a metric of its own, and ten metrics are free.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common.counters import Counters, Durations
from common.services import Services

# CloudWatch takes so many values in one line.
_MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: `values` were counted or measured under these labels."""

    name: str
    labels: Mapping[str, str]
    values: tuple[float, ...]
    is_seconds: bool = False


def write_counters(services: Services) -> None:
    """What was counted since the last call of this."""
    lines = list(lines_of(services.counters.take()))
    if not lines:
        return
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    for line in lines:
        metrics = EphemeralMetrics(namespace="Escriba", service="escriba")
        unit = MetricUnit.Seconds if line.is_seconds else MetricUnit.Count
        for value in line.values:
            metrics.add_metric(name=line.name, unit=unit, value=value)
        for label, text in line.labels.items():
            metrics.add_metadata(key=label, value=text)
        metrics.flush_metrics()


def lines_of(counters: Counters) -> Iterator[Line]:
    counted: tuple[tuple[str, tuple[str, ...], Mapping[tuple[str, ...], float]], ...] = (
        ("http_requests_total", ("method", "route", "status"), counters.requests),
        ("limits_hit_total", ("code",), counters.limits_hit),
        ("pieces_total", ("engine", "result"), counters.pieces),
        ("jobs_ended_total", ("status", "code"), counters.jobs),
        ("job_waits_total", ("reason",), counters.job_waits),
        ("deliveries_total", ("target", "outcome"), counters.deliveries),
        ("cache_requests_total", ("result",), counters.cache),
    )
    for name, labels, values in counted:
        for key, value in values.items():
            yield Line(f"escriba_{name}", dict(zip(labels, key, strict=True)), (value,))
    for (engine, result), seconds in counters.audio_seconds.items():
        yield Line("escriba_audio_seconds_total", {"engine": engine, "result": result}, (seconds,), True)
    for route, durations in counters.request_seconds.items():
        yield _measured("escriba_http_request_duration_seconds", {"route": route}, durations)
    for engine, durations in counters.engine_seconds.items():
        yield _measured("escriba_engine_duration_seconds", {"engine": engine}, durations)


def _measured(name: str, labels: Mapping[str, str], durations: Durations) -> Line:
    """A call has one request; where it has several pieces, each counts with their mean."""
    count = sum(durations.counts)
    return Line(name, labels, (durations.total / count,) * min(count, _MOST_VALUES), is_seconds=True)
