"""The JSON of a reading, for admins."""

from __future__ import annotations

import math
from typing import Any

from common.jobs.view import iso_time
from common.models import Status
from common.monitoring.memory import resident_bytes
from common.monitoring.now import FORECAST_SECONDS, Now
from common.ports import TARGETS
from common.quota import Quota
from common.services import VERSION, Services

View = dict[str, Any]

_LIMITS = (
    "max_upload_mb",
    "max_job_upload_mb",
    "max_audio_minutes",
    "max_queue",
    "max_watchers",
    "upload_slots",
    "transcriptions_at_once",
    "line_length",
    "jobs_at_once",
    "ffmpeg_at_once",
    "retention_hours",
    "client_share",
    "client_requests_per_minute",
    "client_audio_per_hour",
    "client_audio_per_day",
)

_AT_WORK: tuple[Status, ...] = ("queued", "processing", "waiting")

NOW_EXAMPLE: View = {
    "at": "2026-01-01T12:00:00.000Z",
    "version": VERSION,
    "engine": "groq",
    "problems": [],
    "pause": None,
    "jobs": {
        "queued": 3,
        "processing": 1,
        "waiting": 2,
        "oldestDueSeconds": 4.5,
        "waitingFor": {
            "place": {"jobs": 3, "until": None},
            "audio_per_hour": {"jobs": 2, "until": "2026-01-01T12:04:00.000Z"},
        },
    },
    "here": {
        "transcriptions": 1,
        "line": 0,
        "jobs": 1,
        "watchers": 2,
        "memoryBytes": 96468992,
        "uptimeSeconds": 86.4,
    },
    "deliveries": {"convex": {"open": 0}, "callback": {"open": 2}},
    "quota": {"audioPerHour": {"limit": 7200, "remaining": 5231.5, "fullInSeconds": 984.3}},
    "forecast": {"minutes": 10, "waitSeconds": 0},
    "storage": {"usedBytes": 104857600, "limitBytes": 2097152000},
    "limits": {"maxQueue": 100, "maxWatchers": 500},
}


def now_view(services: Services, now: Now) -> View:
    """What is unknown is null: the store did not answer, or sleeps."""
    return {
        "at": iso_time(now.at),
        "version": VERSION,
        "engine": services.settings.engine,
        "problems": _problems(services, now),
        "pause": _pause(now),
        "jobs": _jobs(now),
        "here": _here(services, now),
        "deliveries": _deliveries(services, now),
        "quota": None if now.quota is None else _quota(now.quota),
        "forecast": _forecast(now),
        "storage": {"usedBytes": now.storage_bytes, "limitBytes": services.settings.storage_bytes},
        "limits": {_camel(name): getattr(services.settings, name) for name in _LIMITS},
    }


def _problems(services: Services, now: Now) -> list[str]:
    found = [services.engine_problem, services.audio.problem]
    found.append(None if now.store_answers else "the store does not answer")
    return [problem for problem in found if problem]


def _pause(now: Now) -> View | None:
    if now.pause is None:
        return None
    return {"since": iso_time(now.pause.since), "by": now.pause.by, "reason": now.pause.reason}


def _jobs(now: Now) -> View | None:
    if now.activity is None:
        return None
    oldest = now.activity.oldest_due_at
    counts: View = {status: now.activity.jobs.get(status, 0) for status in _AT_WORK}
    return {
        **counts,
        "oldestDueSeconds": 0.0 if oldest is None else round(max(0.0, now.at - oldest), 1),
        "waitingFor": {
            reason: {"jobs": each.jobs, "until": None if each.until is None else iso_time(each.until)}
            for reason, each in now.activity.waiting.items()
        },
    }


def _here(services: Services, now: Now) -> View:
    active = services.active
    return {
        "transcriptions": active.transcriptions,
        "line": services.transcribing.waiting,
        "jobs": active.jobs,
        "watchers": active.watchers,
        "memoryBytes": resident_bytes(),
        "uptimeSeconds": round(now.at - services.started_at, 1),
    }


def _deliveries(services: Services, now: Now) -> View | None:
    if now.activity is None:
        return None
    view: View = {target: {"open": now.activity.deliveries.get(target, 0)} for target in TARGETS}
    for target, sender in services.senders.items():
        if sender.problem:
            view[target]["problem"] = sender.problem
    return view


def _forecast(now: Now) -> View | None:
    if now.starts_at is None:
        return None
    wait = max(0, math.ceil(now.starts_at - now.at))
    return {"minutes": round(FORECAST_SECONDS / 60), "waitSeconds": wait}


def _quota(quota: Quota) -> View:
    return {
        _camel(name): {
            "limit": bucket.limit,
            "remaining": round(max(0.0, bucket.limit - bucket.used), 1),
            "fullInSeconds": math.ceil(bucket.used * bucket.period / bucket.limit),
        }
        for name, bucket in quota.buckets.items()
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
