"""GET /health in both homes."""

from __future__ import annotations

import httpx
import pytest

from tests.endpoints.homes import Homes, through_lambda


def test_it_tells_engine_version_and_limits(homes: Homes) -> None:
    answer = homes("GET", "/health")
    told = answer.json()
    assert answer.status == 200
    assert told["status"] == "ok"
    assert told["engine"] == "groq"
    assert told["limits"]["maxUploadMb"] == 3
    assert told["limits"].keys() == {
        *("maxUploadMb", "maxJobUploadMb", "maxAudioMinutes", "maxQueue", "uploadSlots", "ffmpegAtOnce")
    }
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_not_there_has_an_error_of_ours(homes: Homes) -> None:
    for path in ("/nothing", "/health/x", "/favicon.ico"):
        answer = homes("GET", path, compare=False, headers={"Accept-Language": "es"})
        assert (answer.status, answer.code) == (404, "not_found")
        assert answer.json()["error"]["message"] == "No hay nada en esta dirección."


def test_another_method_is_refused_with_those_allowed(homes: Homes) -> None:
    answer = homes("DELETE", "/health")
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/transcribe"), ("DELETE", "/transcribe-job"), ("PUT", "/job/x"), ("PATCH", "/v1/models")],
)
def test_a_method_that_an_address_does_not_know_is_told_from_an_unknown_address(
    homes: Homes, method: str, path: str
) -> None:
    answer = homes(method, path)
    assert (answer.status, answer.code) == (405, "method_not_allowed")


def test_the_whole_api_is_listed(homes: Homes) -> None:
    here = homes("GET", "/openapi.json", compare=False).json()["paths"]
    there = through_lambda(httpx.Request("GET", f"{homes.server.url}/openapi.json")).json()["paths"]
    assert set(here) - set(there) == {"/job/{job_id}/audio"}  # S3's own there
    assert {path: here[path] for path in there} == there
    assert b"/transcribe-job" in through_lambda(httpx.Request("GET", f"{homes.server.url}/docs")).body


def test_what_waits_is_counted(homes: Homes) -> None:
    for answer in (
        homes("GET", "/health"),
        through_lambda(httpx.Request("GET", f"{homes.server.url}/health")),
    ):
        assert isinstance(answer.json()["inHand"]["backlog"], int)


def test_those_who_watch_over_servers_may_ask_for_the_head_alone(homes: Homes) -> None:
    answer = homes("HEAD", "/health", compare=False)
    assert (answer.status, answer.body) == (200, b"")


def test_an_address_with_a_slash_too_many_is_unknown_and_leads_nowhere(homes: Homes) -> None:
    answer = homes("POST", "/transcribe/", compare=False)
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_request_id_of_the_caller_is_kept_where_it_is_harmless(homes: Homes) -> None:
    kept = homes("GET", "/health", headers={"X-Request-Id": "0123456789abcdef"})
    assert kept.headers["x-request-id"] == "0123456789abcdef"
    forged = homes("GET", "/health", headers={"X-Request-Id": 'x" level=ERROR'})
    assert forged.headers["x-request-id"] != 'x" level=ERROR'


def test_a_page_of_a_known_origin_may_read_the_answer_and_others_may_not(homes: Homes) -> None:
    known = homes("GET", "/health", headers={"Origin": "https://page.example"})
    assert known.headers["access-control-allow-origin"] == "https://page.example"
    assert (
        "access-control-allow-origin"
        not in homes("GET", "/health", headers={"Origin": "https://evil.example"}).headers
    )


def test_the_preflight_that_an_upload_with_progress_causes_is_answered(homes: Homes) -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = homes("OPTIONS", "/transcribe", compare=False, headers=asked)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
