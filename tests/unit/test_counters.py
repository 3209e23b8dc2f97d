"""What is counted, and that no client can make the numbers many."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from common.counters import BOUNDS, Counters
from common.errors import EngineBroken, RetryLater
from common.lambda_entry.emf import lines_of
from common.latest import Latest
from tests.server import ROOT


def test_words_of_a_stranger_become_one_word() -> None:
    counters = Counters()
    for number in range(100):
        counters.count_request(f"M{number}", None, 404, 0.1)
        counters.count_wait(f"Rate limit reached for org_{number}")
    assert dict(counters.requests) == {("other", "unknown", "404"): 100}
    assert dict(counters.job_waits) == {("engine",): 100}


def test_a_client_that_left_before_the_answer_is_counted_as_such() -> None:
    counters = Counters()
    counters.count_request("GET", "/job/{job_id}", None, 0.1)
    assert dict(counters.requests) == {("GET", "/job/{job_id}", "499"): 1}


@pytest.mark.parametrize(("status", "count"), [(429, 1), (503, 1), (507, 1), (404, 0), (500, 0)])
def test_limits_are_counted_by_code(status: int, count: int) -> None:
    counters = Counters()
    counters.count_request("POST", "/transcribe", status, 0.1, code="a_code")
    assert counters.limits_hit[("a_code",)] == count


@pytest.mark.parametrize(
    ("error", "result"),
    [(None, "transcribed"), (RetryLater(1.0), "postponed"), (EngineBroken(reason="x"), "failed")],
    ids=["ok", "later", "broken"],
)
def test_a_piece_is_counted_by_what_became_of_it(error: Exception | None, result: str) -> None:
    counters = Counters()
    with suppress(RetryLater, EngineBroken), counters.count_piece("groq", 12.5):
        if error:
            raise error
    assert (dict(counters.pieces), dict(counters.audio_seconds)) == (
        {("groq", result): 1},
        {("groq", result): 12.5},
    )
    assert sum(counters.engine_seconds["groq"].counts) == 1


def test_a_duration_falls_into_the_first_bucket_that_holds_it() -> None:
    counters = Counters()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 0.001, BOUNDS[-1] + 1):
        counters.count_request("GET", "/", 200, seconds)
    counts = counters.request_seconds["/"].counts
    assert (counts[0], counts[1], counts[-1], sum(counts)) == (2, 1, 1, 4)


async def test_a_reading_is_shared_by_all_who_ask_within_its_time() -> None:
    clock = 0.0
    latest: Latest[int] = Latest(seconds=1.0, clock=lambda: clock)
    readings = iter(range(10))

    async def read() -> int:
        await asyncio.sleep(0)
        return next(readings)

    assert await asyncio.gather(*(latest.get(read) for _ in range(20))) == [0] * 20
    clock = 0.99
    assert await latest.get(read) == 0
    clock = 1.0
    assert await latest.get(read) == 1


def test_what_was_counted_is_taken_once() -> None:
    counters = Counters()
    counters.count_request("GET", "/health", 200, 0.1)
    assert counters.take().requests[("GET", "/health", "200")] == 1
    assert counters == Counters()


def test_on_aws_each_metric_is_a_line_under_the_name_that_prometheus_gets() -> None:
    counters = Counters()
    for seconds in (1.0, 3.0):
        counters.count_request("GET", "/limits", 200, seconds)
    counters.count_job("failed", "audio_unreadable")
    with counters.count_piece("groq", 12.5):
        pass
    lines = {line.name: line for line in lines_of(counters)}
    assert list(lines["escriba_http_requests_total"].values) == [2]
    assert list(lines["escriba_http_request_duration_seconds"].values) == [2.0, 2.0]
    assert lines["escriba_jobs_ended_total"].labels == {"status": "failed", "code": "audio_unreadable"}
    documented = (ROOT / "docs" / "monitoring.md").read_text()
    assert [name for name in lines if f"`{name}`" not in documented] == []


def test_what_nobody_counted_writes_no_line() -> None:
    assert list(lines_of(Counters())) == []
