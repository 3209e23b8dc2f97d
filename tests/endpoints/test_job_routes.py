"""Reading, cancelling and retrying jobs over HTTP, against the real store."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.errors import AudioUnreadable, EngineBroken
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.events import make_event
from common.models import Job
from common.ports import Delivery, StaleJob
from tests.job_service import JobService
from tests.serving import wait_until

UNKNOWN = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobService]:
    with JobService(tmp_path_factory.mktemp("jobs")) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: JobService) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=40) as made:
        yield made


# ── reading ───────────────────────────────────────────────────────────────────────────────────────


def test_a_running_job_shows_its_progress(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_running(4))
    service.call(service.add_piece(job, "Hola"))
    answer = client.get(f"/job/{job.job_id}")
    view = answer.json()
    assert answer.status_code == 200
    assert view["status"] == "processing"
    assert view["stage"] == "transcribe"
    assert view["chunks"] == {"done": 1, "total": 4}
    assert view["attempts"] == 1
    assert view["startedAt"].endswith("Z")
    assert "result" not in view
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept-Language"


def test_a_completed_job_has_its_text(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.complete(text="¿Qué tal?"))
    view = client.get(f"/job/{job.job_id}").json()
    assert view["status"] == "completed"
    assert view["progress"] == 100
    assert view["result"]["text"] == "¿Qué tal?"
    assert view["stage"] is None


def test_a_failed_job_says_why_in_the_clients_language(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_failed(AudioUnreadable()))
    error = client.get(f"/job/{job.job_id}", headers={"Accept-Language": "es-MX"}).json()["error"]
    assert error["code"] == "audio_unreadable"
    assert error["message"].startswith("El archivo no es audio")
    assert error["stage"] == "transcribe"


def test_an_id_may_have_capital_letters(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_queued())
    assert client.get(f"/job/{job.job_id.upper()}").json()["jobId"] == job.job_id


HOSTILE = [
    UNKNOWN,
    "x",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e",
    "a" * 20_000,
    "%00",
    UNKNOWN + "%00",
    UNKNOWN[:-1] + "%0a",
    UNKNOWN.replace("-", ""),
    "{" + UNKNOWN + "}",
    "' OR 1=1 --",
    "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f1٣",
    "%ff%fe",
]


@pytest.mark.parametrize("job_id", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events")]
)
def test_an_unknown_or_malformed_id_is_404(client: httpx.Client, job_id: str, method: str, path: str) -> None:
    answer = client.request(method, f"/job/{job_id}{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in {"job_not_found", "not_found"}


def test_a_path_that_leaves_the_jobs_is_404(client: httpx.Client) -> None:
    assert client.get("/job/../../x").status_code == 404


def test_an_invalid_number_is_refused(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_queued())
    for query in ("wait=nan", "wait=-1", "wait=soon", "after=-1", "after=x"):
        answer = client.get(f"/job/{job.job_id}?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "option_invalid")


# ── tags ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_unchanged_job_is_304_and_a_changed_one_is_sent(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_running())
    etag = client.get(f"/job/{job.job_id}").headers["etag"]
    unchanged = client.get(f"/job/{job.job_id}", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == etag
    service.call(service.add_piece(job, "Hola"))
    changed = client.get(f"/job/{job.job_id}", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


def test_a_confirmed_delivery_changes_the_tag_though_the_job_is_unchanged(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(service.create_queued())
    other = service.call(
        service.create_pending()
    )  # a second row, so that the first cannot be mixed up with it
    service.call(_deliver_to_convex(service, job))
    before = client.get(f"/job/{job.job_id}")
    assert before.json()["sync"] == {"state": "pending", "lastSeq": 0}
    confirmed = Delivery(job.job_id, "convex", job.seq, job.seq, 1, 0)
    service.call(service.services.jobs.settle(confirmed))
    after = client.get(f"/job/{job.job_id}", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.json()["sync"] == {"state": "confirmed", "lastSeq": job.seq}
    assert "sync" not in client.get(f"/job/{other.job_id}").json()


async def _deliver_to_convex(service: JobService, job: Job) -> None:
    """Replace the job by the same one with a delivery to confirm."""
    jobs = service.services.jobs
    await jobs.remove(job.job_id)
    await jobs.create(job, make_event(job), targets=("convex",))


# ── waiting for a change ──────────────────────────────────────────────────────────────────────────────


def later(service: JobService, work: Callable[[], Awaitable[Any]]) -> threading.Thread:
    """Run `work` as soon as a client waits on the server."""

    def act() -> None:
        wait_until(lambda: service.services.active.watchers > 0)
        service.call(work())  # type: ignore[arg-type]

    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.mark.parametrize("known", ["now", "after", "tag"])
def test_a_wait_ends_with_the_next_change(service: JobService, client: httpx.Client, known: str) -> None:
    job = service.call(service.create_running())
    etag = client.get(f"/job/{job.job_id}").headers["etag"]
    query = {"wait": "25"} | ({"after": str(job.seq)} if known == "after" else {})
    headers = {"If-None-Match": etag} if known == "tag" else {}
    acting = later(service, lambda: service.add_piece(job, "Hola"))
    answer = client.get(f"/job/{job.job_id}", params=query, headers=headers)
    acting.join()
    assert answer.status_code == 200
    assert answer.json()["seq"] == job.seq + 1
    assert service.services.active.watchers == 0


def test_a_wait_ends_after_its_seconds(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_running())
    etag = client.get(f"/job/{job.job_id}").headers["etag"]
    assert client.get(f"/job/{job.job_id}?wait=0.05").json()["seq"] == job.seq
    assert client.get(f"/job/{job.job_id}?wait=0.05", headers={"If-None-Match": etag}).status_code == 304


def test_a_client_that_is_behind_and_one_of_an_ended_job_do_not_wait(
    service: JobService, client: httpx.Client
) -> None:
    running, ended = service.call(service.create_running()), service.call(service.complete())
    start = time.monotonic()
    assert client.get(f"/job/{running.job_id}?wait=25&after=1").json()["seq"] == running.seq
    assert client.get(f"/job/{running.job_id}?wait=25&after=999").json()["seq"] == running.seq
    assert client.get(f"/job/{ended.job_id}?wait=25&after={ended.seq}").json()["status"] == "completed"
    assert time.monotonic() - start < 20  # each would have waited 25 seconds


def test_a_client_that_leaves_while_it_waits_no_longer_counts_as_a_watcher(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(service.create_running())
    with pytest.raises(httpx.ReadTimeout):
        client.get(f"/job/{job.job_id}?wait=25", timeout=httpx.Timeout(60, read=0.3))
    wait_until(lambda: service.services.active.watchers == 0)


# ── deleting ────────────────────────────────────────────────────────────────────────────────────────


async def _waiting(service: JobService) -> Job:
    now = service.now()
    job = await service.add_piece(await service.create_running(), "Hola")
    return await commit_job(service.services, state.wait(job, until=now + 60, now=now, attempt_counts=False))


async def _running(service: JobService) -> Job:
    return await service.add_piece(await service.create_running(), "Hola")


async def _failed(service: JobService) -> Job:
    return await service.create_failed(EngineBroken())


async def _completed(service: JobService) -> Job:
    return await service.complete()


async def _queued(service: JobService) -> Job:
    return await service.create_queued()


async def _pending(service: JobService) -> Job:
    return await service.create_pending()


async def _traces(service: JobService, job_id: str) -> list[Any]:
    services = service.services
    events = await services.jobs.events(job_id, after=0)
    return [
        await services.audio.has(job_id),
        await services.jobs.pieces(job_id),
        await services.jobs.result(job_id),
        [event.text for event in events if event.text],
    ]


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (_pending, "cancelled"),
        (_queued, "cancelled"),
        (_running, "cancelled"),
        (_waiting, "cancelled"),
        (_completed, "completed"),
        (_failed, "failed"),
    ],
)
def test_deleting_leaves_no_audio_and_no_text_at_any_stage_and_can_be_repeated(
    service: JobService, client: httpx.Client, make: Callable[[JobService], Any], status: str
) -> None:
    job = service.call(make(service))
    first, second = client.delete(f"/job/{job.job_id}"), client.delete(f"/job/{job.job_id}")
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["status"] == status
    assert first.json()["erasedAt"]
    assert "result" not in first.json()
    assert service.call(_traces(service, job.job_id)) == [False, [], None, []]
    assert job.job_id in service.cancelled_runs


def test_a_deleted_transcript_is_410_with_the_time_and_a_cancelled_job_is_shown(
    service: JobService, client: httpx.Client
) -> None:
    completed, running = service.call(_completed(service)), service.call(_running(service))
    erased = client.delete(f"/job/{completed.job_id}").json()["erasedAt"]
    client.delete(f"/job/{running.job_id}")
    answer = client.get(f"/job/{completed.job_id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "job_expired")
    assert erased in answer.json()["error"]["message"]
    assert client.get(f"/job/{running.job_id}").json()["status"] == "cancelled"


def test_an_expired_transcript_is_410_before_the_sweep_deletes_it(tmp_path: Path) -> None:
    with JobService(tmp_path) as service:
        job = service.call(service.complete())
        service.clock += 4000
        answer = httpx.get(f"{service.url}/job/{job.job_id}", timeout=60)
        assert answer.status_code == 410


def test_a_job_ends_cancelled_although_its_worker_goes_on_committing(
    service: JobService, client: httpx.Client
) -> None:
    """Whatever the worker commits in between, the job ends cancelled and the worker gets StaleJob."""
    job = service.call(service.create_running(10_000))
    working = threading.Thread(target=lambda: _work_until_refused(service, job))
    working.start()
    try:
        wait_until(lambda: client.get(f"/job/{job.job_id}").json()["seq"] > job.seq + 5)
        assert client.delete(f"/job/{job.job_id}").json()["status"] == "cancelled"
    finally:
        working.join(30)
    assert not working.is_alive()
    assert service.call(service.services.jobs.get(job.job_id)).status == "cancelled"


def _work_until_refused(service: JobService, job: Job) -> None:
    with suppress(StaleJob):
        while True:
            job = service.call(service.report_progress(job, 0.5))


# ── retrying ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_job_runs_again_with_its_audio_and_pieces(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_failed(EngineBroken()))
    answer = client.post(f"/job/{job.job_id}/retry")
    view = answer.json()
    assert answer.status_code == 202
    assert (view["status"], view["run"], view["attempts"]) == ("queued", 2, 0)
    assert view["seq"] == job.seq + 1
    assert "error" not in view
    assert "upload" not in view
    assert view["statusUrl"] == f"{service.url}/job/{job.job_id}"
    claimed = service.call(service.services.queue.claim(service.now(), "w", 1))  # type: ignore[attr-defined]
    assert claimed is not None


def test_a_retry_of_a_cancelled_job_needs_its_audio_again(service: JobService, client: httpx.Client) -> None:
    job = service.call(_running(service))
    client.delete(f"/job/{job.job_id}")
    answer = client.post(f"/job/{job.job_id}/retry")
    view = answer.json()
    assert answer.status_code == 202
    assert view["status"] == "pending"
    assert view["upload"]["url"] == f"{service.url}/job/{job.job_id}/audio"
    assert set(view["upload"]["fields"]) == {"expires", "maxBytes", "signature"}
    assert view["upload"]["expiresAt"].endswith("Z")
    assert service.call(service.services.jobs.pieces(job.job_id)) == []
    assert client.get(f"/job/{job.job_id}").json()["status"] == "pending"


def test_pieces_of_deleted_audio_are_not_mixed_with_new_audio(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(service.create_failed(EngineBroken()))
    service.call(service.services.audio.remove(job.job_id))
    assert client.post(f"/job/{job.job_id}/retry").json()["status"] == "pending"
    assert service.call(service.services.jobs.pieces(job.job_id)) == []


@pytest.mark.parametrize("make", [_queued, _running, _completed, _pending])
def test_only_a_failed_or_cancelled_job_can_be_retried(
    service: JobService, client: httpx.Client, make: Callable[[JobService], Any]
) -> None:
    job = service.call(make(service))
    answer = client.post(f"/job/{job.job_id}/retry")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_not_retryable")


def test_of_many_retries_at_once_one_succeeds(service: JobService, client: httpx.Client) -> None:
    job = service.call(service.create_failed(EngineBroken()))
    statuses: list[int] = []

    def again() -> None:
        statuses.append(httpx.post(f"{service.url}/job/{job.job_id}/retry", timeout=60).status_code)

    threads = [threading.Thread(target=again) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202] + [409] * 7
    assert client.get(f"/job/{job.job_id}").json()["run"] == 2


def test_a_full_queue_accepts_no_retry(tmp_path: Path) -> None:
    with JobService(tmp_path, max_queue=1) as service:
        failed = service.call(service.create_failed(EngineBroken()))
        service.call(service.create_queued())
        answer = httpx.post(f"{service.url}/job/{failed.job_id}/retry", timeout=60)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
