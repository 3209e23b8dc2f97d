"""What a scrape of /metrics says is what was counted and what the stores hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from common.admin.store import Pause
from common.counters import BOUNDS
from common.delivery import rules
from common.errors import RetryLater
from common.jobs import state
from common.jobs.commit import commit_job
from common.sender_port import DeliveryFailed
from common.services import VERSION
from tests.in_process import ADMIN_KEY, THIS_MACHINE, InProcess, app_in_process

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scrape:
    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def value(self, name: str, **labels: str) -> float:
        return self._samples[f"escriba_{name}", tuple(sorted(labels.items()))]

    def has(self, name: str) -> bool:
        return any(known == f"escriba_{name}" for known, _ in self._samples)


async def scrape(app: InProcess, accept: str = "") -> Scrape:
    headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Accept": accept}
    answer = await app.http.get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    parse = parser.text_string_to_metric_families
    if accept:
        assert answer.headers["content-type"].startswith(accept)
        parse = openmetrics.text_string_to_metric_families
    samples: Samples = {}
    for family in parse(answer.text):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return Scrape(samples)


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text"])
async def test_counters_are_what_was_counted(tmp_path: Path, accept: str) -> None:
    async with app_in_process(tmp_path) as app:
        counters = app.services.counters
        counters.count_request("GET", "/job/{job_id}", 404, 0.2)
        counters.count_request("GET", "/job/{job_id}", 200, 700.0)
        counters.count_request("POST", "/transcribe", 429, 0.001, code="too_many_requests")
        with counters.count_piece("groq", 30.5):
            pass
        with pytest.raises(RetryLater), counters.count_piece("groq", 7.0):
            raise RetryLater(1.0)
        counters.count_job("failed", "audio_unreadable")
        counters.count_wait("audio_per_hour")
        counters.count_delivery("callback", "postponed")
        counters.count_recall(is_hit=False)
        seen = await scrape(app, accept)
    assert seen.value("http_requests_total", method="GET", route="/job/{job_id}", status="404") == 1
    assert seen.value("limits_hit_total", code="too_many_requests") == 1
    assert seen.value("audio_seconds_total", engine="groq", result="transcribed") == 30.5
    assert seen.value("audio_seconds_total", engine="groq", result="postponed") == 7.0
    assert seen.value("pieces_total", engine="groq", result="transcribed") == 1
    assert seen.value("jobs_ended_total", status="failed", code="audio_unreadable") == 1
    assert seen.value("job_waits_total", reason="audio_per_hour") == 1
    assert seen.value("deliveries_total", target="callback", outcome="postponed") == 1
    assert seen.value("cache_requests_total", result="miss") == 1
    assert seen.value("engine_duration_seconds_count", engine="groq") == 2


async def test_what_never_happened_is_there_as_0_so_that_its_first_time_is_seen(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        seen = await scrape(app)
    for target in ("convex", "callback"):
        for outcome in ("confirmed", "postponed", "rejected"):
            assert seen.value("deliveries_total", target=target, outcome=outcome) == 0
        assert seen.value("deliveries_open", target=target) == 0
    for result in ("hit", "miss"):
        assert seen.value("cache_requests_total", result=result) == 0
    for status in ("queued", "processing", "waiting"):
        assert seen.value("jobs", status=status) == 0
    assert seen.value("queue_oldest_seconds") == 0


async def test_a_histogram_counts_all_that_is_shorter_than_each_of_its_bounds(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        for seconds in (0.001, 0.2, 0.25, 700.0):
            app.services.counters.count_request("GET", "/health", 200, seconds)
        seen = await scrape(app)
    name, route = "http_request_duration_seconds", "/health"
    found = [seen.value(f"{name}_bucket", route=route, le=str(bound)) for bound in BOUNDS]
    assert found == [sum(seconds <= bound for seconds in (0.001, 0.2, 0.25, 700.0)) for bound in BOUNDS]
    assert seen.value(f"{name}_bucket", route=route, le="+Inf") == 4
    assert seen.value(f"{name}_count", route=route) == 4
    assert seen.value(f"{name}_sum", route=route) == pytest.approx(700.451)


async def test_readings_are_what_the_stores_hold(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        await app.submit(3000)
        app.clock.now += 40
        await app.submit(500)
        services, now = app.services, app.clock.now
        job = state.start(await services.jobs.get(await app.submit(200)), now=now)
        await commit_job(services, job)
        waiting = state.wait(job, until=now + 60, now=now, attempt_counts=False, reason="audio_per_hour")
        await commit_job(services, waiting)
        assert services.quota is not None
        await services.quota.change(lambda quota: quota.take(app.clock.now, 1200))
        await services.admin.pause.change(Pause(since=now, by="admin"))
        services.active.watchers = 3
        seen = await scrape(app)
        settings = services.settings
    assert [seen.value("jobs", status=status) for status in ("queued", "processing", "waiting")] == [2, 0, 1]
    assert seen.value("queue_oldest_seconds") == 40
    assert (seen.value("storage_bytes"), seen.value("storage_limit_bytes")) == (3700, settings.storage_bytes)
    assert (seen.value("watchers"), seen.value("watchers_limit")) == (3, settings.max_watchers)
    assert (seen.value("paused"), seen.value("store_answers")) == (1, 1)
    assert seen.value("quota_remaining", window="audio_per_hour") == 6000
    assert seen.value("quota_limit", window="audio_per_hour") == 7200
    assert seen.value("quota_remaining", window="requests_per_minute") == 19
    assert seen.value("build_info", version=VERSION, engine=settings.engine, model=settings.groq_model) == 1


async def test_a_delivery_that_fails_is_open_until_it_is_confirmed(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        services, now = app.services, app.clock.now
        job_id = await app.submit(callback_url="https://hooks.example.com/")
        job = state.cancel(await services.jobs.get(job_id), now=now, expires_at=now + 3600)
        await commit_job(services, job)
        delivery = await services.jobs.delivery(job_id, "callback")
        assert delivery is not None
        await services.jobs.settle(rules.fail(delivery, job.seq, DeliveryFailed("answered 503"), now))
        before = await scrape(app)
        await services.jobs.settle(rules.confirm(delivery, job.seq, now))
        app.clock.now += 2  # a reading is a second old at most
        after = await scrape(app)
    assert before.value("deliveries_open", target="callback") == 1
    assert after.value("deliveries_open", target="callback") == 0
    assert before.value("jobs_ended_total", status="cancelled", code="") == 1


async def test_a_scrape_is_counted_by_the_next_one(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        first, second = await scrape(app), await scrape(app)
    assert not first.has("http_requests_total")
    assert second.value("http_requests_total", method="GET", route="/metrics", status="200") == 1


@pytest.mark.parametrize(
    ("peer", "status", "code"), [(THIS_MACHINE, 200, None), ("192.0.2.7", 404, "access_off")]
)
async def test_without_access_keys_only_this_machine_reads_metrics(
    tmp_path: Path, peer: str, status: int, code: str | None
) -> None:
    async with app_in_process(tmp_path, has_keys=False, peer=peer) as app:
        answer = await app.http.get("/metrics")
    assert answer.status_code == status
    assert code is None or answer.json()["error"]["code"] == code


async def test_a_key_needs_the_scope_for_metrics(tmp_path: Path) -> None:
    async with app_in_process(tmp_path) as app:
        made = {}
        for scope in ("read", "metrics"):
            body = {"name": scope, "scopes": [scope]}
            made[scope] = (await app.ask("POST", "/admin/keys", json=body, status=201))["key"]
        assert await app.refusal("GET", "/metrics", key=made["read"], status=403) == "scope_missing"
        assert await app.refusal("GET", "/metrics", key=None, status=401) == "key_missing"
        headers = {"Authorization": f"Bearer {made['metrics']}"}
        assert "escriba_store_answers 1.0" in (await app.http.get("/metrics", headers=headers)).text
