"""What a browser sends for a page of another site changes nothing here, with access keys on or off."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.server import Server

PAGE = "https://page.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("foreign") / "data"
    with Server(data, CORS_ORIGINS=PAGE, GROQ_BASE_URL="http://127.0.0.1:9", LOG_LEVEL="WARNING") as running:
        yield running


def submit(server: Server, **headers: str) -> httpx.Response:
    return httpx.post(f"{server.url}/transcribe-job", json={"language": "es"}, headers=headers)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://page.example.evil.example", "http://["]
)
def test_a_form_of_another_site_is_refused_before_anything_is_stored(server: Server, origin: str) -> None:
    answer = submit(server, Origin=origin)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_refused")
    job_id = submit(server).json()["jobId"]
    for method in ("DELETE", "POST"):
        path = f"/job/{job_id}" + ("/retry" if method == "POST" else "")
        assert httpx.request(method, server.url + path, headers={"Origin": origin}).status_code == 403
    assert httpx.get(f"{server.url}/job/{job_id}", headers={"Origin": origin}).json()["status"] == "pending"


def test_pages_that_are_allowed_our_own_and_programs_are_served(server: Server) -> None:
    own = server.url
    for headers in ({"Origin": PAGE}, {"Origin": own}, {}):
        assert submit(server, **headers).status_code == 201


@pytest.mark.parametrize("path", ["/job/6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10", "/v1/models"])
@pytest.mark.parametrize("more", [{}, {"X-Forwarded-Host": "localhost"}, {"Forwarded": "host=localhost"}])
def test_a_name_that_was_rebound_to_this_machine_reaches_nothing(
    server: Server, path: str, more: dict[str, str]
) -> None:
    answer = httpx.get(server.url + path, headers={"Host": "evil.example:8000", **more})
    assert (answer.status_code, "host_unknown" in answer.text) == (421, True)


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1", "[::1]:8000", "escriba.localhost"])
def test_every_name_of_this_machine_is_right(server: Server, host: str) -> None:
    assert httpx.get(f"{server.url}/v1/models", headers={"Host": host}).status_code == 200


def test_with_a_public_address_its_name_is_right_too_and_platforms_may_ask_for_health(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = tmp_path_factory.mktemp("named") / "data"
    settings = {"HOST": "0.0.0.0", "PUBLIC_URL": "https://escriba.example/api"}
    with Server(data, GROQ_BASE_URL="http://127.0.0.1:9", LOG_LEVEL="WARNING", **settings) as server:
        for host, status in (("escriba.example", 200), ("localhost", 200), ("evil.example", 421)):
            assert httpx.get(f"{server.url}/v1/models", headers={"Host": host}).status_code == status
        assert httpx.get(f"{server.url}/health", headers={"Host": "10.1.2.3"}).status_code == 200
