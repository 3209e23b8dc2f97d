"""The one way a job changes: its next value and its event are stored together, then sent to watchers."""

from __future__ import annotations

from common.admin.usage import failure_name
from common.jobs.events import Kind, make_event
from common.log import log
from common.models import Job, Piece, Transcript
from common.services import Services


async def commit_job(
    services: Services,
    job: Job,
    kind: Kind = "state",
    *,
    piece: Piece | None = None,
    result: Transcript | None = None,
) -> Job:
    """Commit `job`, the next value of what is stored, and publish its event. Raises StaleJob, JobNotFound.

    An event is published only once it is stored; a watcher that misses it finds it in the store.
    """
    event = make_event(job, kind, piece=piece)
    await services.jobs.commit(job, event, result=result)
    await services.subscribers.publish(event)
    is_later = job.erased_at or job.revision or job.unlabelled_seq or job.text_seq  # those are no second end
    if job.has_ended and kind == "state" and not is_later:
        code = job.error.code if job.error else None
        services.counters.count_job(job.status, code)
        if code:
            services.serving(job.owner).count_usage(failure_name(code))
        log(
            "job.ended",
            jobId=job.job_id,
            status=job.status,
            code=code,
            run=job.run,
            pieces=job.pieces_done,
            cached=job.cached,
        )
    return job
