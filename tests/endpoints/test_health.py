"""GET /health on both deployment targets, and what holds for every address."""

from __future__ import annotations

import uuid

import httpx
import pytest

from common.http.docs_page import without
from tests.endpoints.targets import Targets, through_lambda


def test_health_shows_engine_and_limits(targets: Targets) -> None:
    answer = targets("GET", "/health")
    report = answer.json()
    assert answer.status == 200
    assert report["status"] == "ok"
    assert report["engine"] == "groq"
    assert report["limits"]["maxUploadMb"] == 3
    assert report["limits"].keys() == {
        *("maxUploadMb", "maxJobUploadMb", "maxAudioMinutes", "maxQueue", "uploadSlots", "ffmpegAtOnce"),
        *("transcriptionsAtOnce", "lineLength"),
    }
    assert answer.headers["cache-control"] == "no-store"


def test_an_unknown_address_has_our_own_404(targets: Targets) -> None:
    for path in ("/nothing", "/health/x", "/favicon.ico"):
        answer = targets("GET", path, compare=False, headers={"Accept-Language": "es"})
        assert (answer.status, answer.code) == (404, "not_found")
        assert answer.json()["error"]["message"] == "No hay nada en esta dirección."


def test_a_wrong_method_is_405_and_names_the_allowed_ones(targets: Targets) -> None:
    answer = targets("DELETE", "/health")
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/transcribe"), ("DELETE", "/transcribe-job"), ("PUT", "/job/x"), ("PATCH", "/v1/models")],
)
def test_a_wrong_method_is_405_and_not_404(targets: Targets, method: str, path: str) -> None:
    answer = targets(method, path)
    assert (answer.status, answer.code) == (405, "method_not_allowed")


def test_openapi_and_docs_list_the_whole_api(targets: Targets) -> None:
    container = targets("GET", "/openapi.json", compare=False).json()["paths"]
    aws = through_lambda(httpx.Request("GET", f"{targets.server.url}/openapi.json")).json()["paths"]
    # On AWS, S3 receives recordings, and CloudWatch has the metrics.
    assert set(container) - set(aws) == {"/job/{job_id}/audio", "/metrics"}
    for name in ("speakers", "diarized_json"):  # which nothing on Lambda can distinguish
        container = without(container, name)
    assert {path: container[path] for path in aws} == aws
    assert b"/transcribe-job" in through_lambda(httpx.Request("GET", f"{targets.server.url}/docs")).body


def test_health_counts_the_backlog(targets: Targets) -> None:
    for answer in (
        targets("GET", "/health"),
        through_lambda(httpx.Request("GET", f"{targets.server.url}/health")),
    ):
        assert isinstance(answer.json()["inHand"]["backlog"], int)


def test_head_of_health_has_no_body(targets: Targets) -> None:
    answer = targets("HEAD", "/health", compare=False)
    assert (answer.status, answer.body) == (200, b"")


def test_an_address_with_a_trailing_slash_is_unknown_and_not_redirected(targets: Targets) -> None:
    answer = targets("POST", "/transcribe/", compare=False)
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_clients_request_id_is_kept_if_it_cannot_forge_a_log_line(targets: Targets) -> None:
    kept = targets("GET", "/health", headers={"X-Request-Id": "0123456789abcdef"})
    assert kept.headers["x-request-id"] == "0123456789abcdef"
    forged = targets("GET", "/health", headers={"X-Request-Id": 'x" level=ERROR'})
    assert forged.headers["x-request-id"] != 'x" level=ERROR'


def test_only_a_page_of_an_allowed_origin_may_read_the_answer(targets: Targets) -> None:
    allowed = targets("GET", "/health", headers={"Origin": "https://page.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://page.example"
    assert (
        "access-control-allow-origin"
        not in targets("GET", "/health", headers={"Origin": "https://evil.example"}).headers
    )


def test_the_preflight_of_an_upload_is_answered(targets: Targets) -> None:
    headers = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = targets("OPTIONS", "/transcribe", compare=False, headers=headers)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-private-network" not in answer.headers
    # Chrome asks before a page on the internet may call a server at home.
    headers["Access-Control-Request-Private-Network"] = "true"
    answer = targets("OPTIONS", "/transcribe", compare=False, headers=headers)
    assert answer.status == 200
    assert answer.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize(
    "path", ["/health", "/v1/models", "/docs", "/openapi.json", "/job/6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"]
)
def test_head_has_the_status_and_headers_of_get_and_no_body(targets: Targets, path: str) -> None:
    # The targets' documents differ: each shows its own routes.
    get, head = (
        targets(method, path, compare=path.startswith(("/v1", "/job"))) for method in ("GET", "HEAD")
    )
    assert (head.status, head.body) == (get.status, b"")
    for name in {"content-type", "cache-control", "vary"} & set(get.headers):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/job/x", "DELETE, GET, HEAD"),
        ("GET", "/job/x/retry", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/docs", "GET, HEAD"),
    ],
)
def test_allow_names_every_method_of_an_address(
    targets: Targets, method: str, path: str, allowed: str
) -> None:
    assert targets(method, path).headers["allow"] == allowed


def test_head_of_an_event_stream_ends_at_once(targets: Targets) -> None:
    body = {"jobId": str(uuid.uuid4()), "sizeBytes": 1000}
    assert targets("POST", "/transcribe-job", json=body, compare=False).status == 201
    answer = targets("HEAD", f"/job/{body['jobId']}/events", compare=False)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.body == b""
