"""Counters and readings as Prometheus scrapes them; imported with the first scrape.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import resource
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, product
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from common.counters import BOUNDS, Counters, Durations
from common.monitoring.now import Now
from common.ports import TARGETS
from common.services import VERSION, Services

_BOUND_LABELS = [*map(floatToGoString, BOUNDS), "+Inf"]


def render(services: Services, now: Now, *, accept: str) -> tuple[bytes, str]:
    """The text of one scrape and its content type, which `accept` chooses."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Readings(services, now))
    encode, content_type = choose_encoder(accept)
    body: bytes = encode(registry)
    return body, content_type


class _Readings(Collector):
    def __init__(self, services: Services, now: Now) -> None:
        self._services = services
        self._now = now

    def collect(self) -> Iterator[Metric]:
        settings = self._services.settings
        yield InfoMetricFamily(
            "escriba_build",
            "Version, engine and model",
            value={"version": VERSION, "engine": settings.engine, "model": settings.groq_model},
        )
        yield from _counted(self._services.counters)
        yield from _read(self._services, self._now)


def _counted(counters: Counters) -> Iterator[Metric]:
    yield _counter("http_requests", "Requests answered", ("method", "route", "status"), counters.requests)
    yield _histogram(
        "http_request_duration_seconds", "Until an answer began", "route", counters.request_seconds
    )
    yield _counter("limits_hit", "Answers 429, 503 and 507 by code", ("code",), counters.limits_hit)
    yield _counter(
        "audio_seconds", "Seconds of audio sent to the engine", ("engine", "result"), counters.audio_seconds
    )
    yield _counter("pieces", "Pieces sent to the engine", ("engine", "result"), counters.pieces)
    yield _histogram(
        "engine_duration_seconds", "How long the engine took for a piece", "engine", counters.engine_seconds
    )
    yield _counter(
        "jobs_ended", "Jobs that ended here, by status and error", ("status", "code"), counters.jobs
    )
    yield _counter("job_waits", "How often a job was put off, by reason", ("reason",), counters.job_waits)
    tries = _zeros(TARGETS, ("confirmed", "postponed", "rejected")) | counters.deliveries
    yield _counter("deliveries", "Tries to deliver", ("target", "outcome"), tries)
    looked_for = _zeros(("hit", "miss")) | counters.cache
    yield _counter("cache_requests", "Recordings looked for in the cache", ("result",), looked_for)
    yield _counter("ffmpeg_cpu_seconds", "CPU seconds of ffmpeg", (), {(): _cpu_seconds_of_children()})


def _read(services: Services, now: Now) -> Iterator[Metric]:
    settings, active = services.settings, services.active
    yield _gauge("store_answers", "Whether the database answered", int(now.store_answers))
    yield _gauge("paused", "Whether an admin stopped what comes in", int(now.pause is not None))
    yield _gauge("transcriptions", "Transcriptions that clients wait for", active.transcriptions)
    yield _gauge("transcriptions_waiting", "Those of them in the line", services.transcribing.waiting)
    yield _gauge("jobs_running", "Jobs that run in this process", active.jobs)
    yield _gauge("watchers", "Open WebSockets and event streams of this process", active.watchers)
    yield _gauge("watchers_limit", "How many there may be", settings.max_watchers)
    yield _gauge("queue_limit", "How many jobs may wait", settings.max_queue)
    yield _gauge("storage_limit_bytes", "How much audio may be stored", settings.storage_bytes)
    if now.storage_bytes is not None:
        yield _gauge("storage_bytes", "Audio that is stored", now.storage_bytes)
    if now.activity is not None:
        yield from _activity(now)
    if now.quota is not None:
        buckets = now.quota.buckets.items()
        left = {name: max(0.0, bucket.limit - bucket.used) for name, bucket in buckets}
        yield _gauges("quota_remaining", "What the engine's provider still allows", "window", left)
        limits = {name: bucket.limit for name, bucket in buckets}
        yield _gauges("quota_limit", "What it allows in all", "window", limits)


def _activity(now: Now) -> Iterator[Metric]:
    assert now.activity is not None
    jobs = dict.fromkeys(("queued", "processing", "waiting"), 0.0) | {**now.activity.jobs}
    yield _gauges("jobs", "Jobs of all instances that wait or run", "status", jobs)
    oldest = now.activity.oldest_due_at
    age = 0.0 if oldest is None else max(0.0, now.at - oldest)
    yield _gauge("queue_oldest_seconds", "For how long the first job in the queue has been due", age)
    open_deliveries = dict.fromkeys(TARGETS, 0.0) | {**now.activity.deliveries}
    yield _gauges("deliveries_open", "Snapshots that no receiver has confirmed", "target", open_deliveries)


# ── families ──────────────────────────────────────────────────────────────────────────────────────


def _counter(name: str, text: str, labels: Iterable[str], values: Mapping[tuple[str, ...], float]) -> Metric:
    family = CounterMetricFamily(f"escriba_{name}", text, labels=list(labels))
    for key, value in list(values.items()):
        family.add_metric(key, value)
    return family


def _histogram(name: str, text: str, label: str, values: Mapping[str, Durations]) -> Metric:
    family = HistogramMetricFamily(f"escriba_{name}", text, labels=[label])
    for key, durations in list(values.items()):
        buckets = zip(_BOUND_LABELS, accumulate(durations.counts), strict=True)
        family.add_metric([key], list(buckets), durations.total)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"escriba_{name}", text, value=value)


def _gauges(name: str, text: str, label: str, values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(f"escriba_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _zeros(*labels: Iterable[str]) -> dict[tuple[str, ...], float]:
    """A rate is known from the first event on only where the series was there before it."""
    return dict.fromkeys(product(*labels), 0.0)


def _cpu_seconds_of_children() -> float:
    """Of all child processes that have ended: this server starts no others than ffmpeg."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
