"""Why a job is not running now: one list of words for jobs, the dashboard and the metrics. Pure."""

from __future__ import annotations

from typing import Literal, get_args

# The engine's quota by its window; what is left of it but not for a client that had its share; a client's own
# limit · `refused` nothing is sent until the time that the engine named, `engine` it refused this very job ·
# `error` a failed try is followed by another · `store` it does not answer · `restart` the process stopped in
# good order, `crash` it did not · `place` as many jobs run as may, or others come first
WaitReason = Literal[
    "requests_per_minute",
    "requests_per_day",
    "audio_per_hour",
    "audio_per_day",
    "client_share",
    "client_audio_per_hour",
    "client_audio_per_day",
    "refused",
    "engine",
    "error",
    "store",
    "restart",
    "crash",
    "place",
]
WAIT_REASONS: tuple[WaitReason, ...] = get_args(WaitReason)


def wait_reason(said: str) -> WaitReason:
    """Of what an exception says. Anything else than our words is the engine's sentence in a 429."""
    return said if said in WAIT_REASONS else "engine"
