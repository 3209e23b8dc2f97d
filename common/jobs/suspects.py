"""Which jobs may be what kills the process that runs them, and when such a job may run; all pure.

A process that dies (out of memory, a crash of a decoder, a machine that is switched off) takes down every job
that it runs, and none of them shows whether it was the cause. A job that was running at two such deaths is a
suspect: it runs alone, so that the next death says something about it and stops no other job. Only deaths
alone count to MAX_ATTEMPTS. The waits between them grow, since deaths by chance come in bursts.
"""

from __future__ import annotations

from typing import Literal

from common.models import Job

# Deaths beside other jobs, since the last piece that was kept.
DEATHS_BY_CHANCE = 2
# Seconds from the first, second and every later death alone to the next run.
_WAITS = (0.0, 60.0, 900.0)

Turn = Literal["suspects", "others", "nobody"]


def is_suspect(job: Job) -> bool:
    """Whether the job must run alone from now on."""
    return not job.has_ended and job.deaths >= DEATHS_BY_CHANCE


def ran_alone(job: Job, *, isolated: bool) -> bool:
    """Whether no other job shared the process of the run that just died.

    `isolated`: every run has a process of its own, as on Lambda.
    """
    return isolated or is_suspect(job)


def wait_after_death(job: Job, *, isolated: bool) -> float:
    """Seconds until a job may run again whose run just died; `job.deaths` does not count this death yet."""
    deaths_alone = job.deaths + 1 - (0 if isolated else DEATHS_BY_CHANCE)
    return _WAITS[min(deaths_alone, len(_WAITS)) - 1] if deaths_alone > 0 else 0.0


def next_turn(*, suspect_runs: bool, other_runs: bool, suspect_is_due: bool) -> Turn:
    """Which jobs may begin now, given what runs in all processes that share the store.

    A suspect that is due goes first: nothing begins any more until what runs has ended.
    """
    if suspect_runs:
        return "nobody"
    if not suspect_is_due:
        return "others"
    return "nobody" if other_runs else "suspects"
