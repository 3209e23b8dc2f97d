"""Links behind a proxy: one that serves Escriba below a path, and one that ends TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.server import Server

PUBLIC = "https://example.org/escriba"
ENGINE = {"GROQ_API_KEY": "gsk_" + "s" * 40, "GROQ_BASE_URL": "http://127.0.0.1:9", "LOG_LEVEL": "WARNING"}


@pytest.fixture(scope="module")
def below_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("path") / "data", PUBLIC_URL=f"{PUBLIC}/", **ENGINE) as server:
        yield server


def expect_job(server: Server, **headers: str) -> dict[str, str]:
    body = {"jobId": str(uuid4()), "filename": "voz.wav"}
    answer = httpx.post(f"{server.url}/transcribe-job", json=body, headers=headers, timeout=60)
    assert answer.status_code == 201
    links: dict[str, str] = answer.json()
    return {**links, "location": answer.headers["location"], "upload": answer.json()["upload"]["url"]}


def test_every_link_has_the_path_of_the_public_address(below_path: Server) -> None:
    links = expect_job(below_path)
    job = f"/job/{links['jobId']}"
    assert links["statusUrl"] == links["location"] == f"{PUBLIC}{job}"
    assert links["eventsUrl"] == f"{PUBLIC}{job}/events"
    assert links["upload"] == f"{PUBLIC}{job}/audio"
    assert links["websocketUrl"] == f"wss://example.org/escriba/ws/transcription/{links['jobId']}"


def test_the_bare_address_leads_to_the_documents_below_the_path(below_path: Server) -> None:
    assert httpx.get(below_path.url, timeout=60).headers["location"] == "/escriba/docs"


def test_openapi_names_the_public_address(below_path: Server) -> None:
    document = httpx.get(f"{below_path.url}/openapi.json", timeout=60).json()
    assert document["servers"] == [{"url": PUBLIC}]


def test_a_wrong_base_url_is_answered_with_the_public_one(below_path: Server) -> None:
    error = httpx.get(f"{below_path.url}/models", timeout=60).json()["error"]
    assert f"base URL to {PUBLIC}/v1," in error["message"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("plain") / "data", **ENGINE) as server:
        yield server


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("https,http", "https"),
        ("https, http", "https"),
        ("http,https", "http"),
        ("http", "http"),
        ("gopher", "http"),
        ("", "http"),
    ],
)
def test_the_scheme_that_the_client_used_is_the_links(plain: Server, proto: str, scheme: str) -> None:
    links = expect_job(plain, **{"X-Forwarded-Proto": proto})
    host = plain.url.removeprefix("http://")
    assert links["statusUrl"] == f"{scheme}://{host}/job/{links['jobId']}"
    assert links["websocketUrl"].startswith(f"{scheme.replace('http', 'ws')}://{host}/")


def test_a_proxy_that_is_trusted_decides_every_part_of_the_links(plain: Server) -> None:
    links = expect_job(
        plain,
        **{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "example.org", "X-Forwarded-Prefix": "/escriba"},
    )
    job = f"/job/{links['jobId']}"
    assert links["statusUrl"] == links["location"] == f"{PUBLIC}{job}"
    assert links["upload"].startswith(f"{PUBLIC}{job}/audio")
    assert links["websocketUrl"] == f"wss://example.org/escriba/ws/transcription/{links['jobId']}"
    standard = {"FORWARDED": 'for=203.0.113.7;Host="example.org:8443";Proto=HTTPS, for=10.0.0.1;proto=http'}
    assert expect_job(plain, **standard)["statusUrl"].startswith("https://example.org:8443/job/")


def test_a_path_before_ours_is_kept_by_redirects_documents_and_hints(plain: Server) -> None:
    headers = {"X-Forwarded-Prefix": "/escriba"}
    redirect = httpx.get(plain.url, headers=headers, timeout=60)
    assert redirect.headers["location"] == "/escriba/docs"
    document = httpx.get(f"{plain.url}/openapi.json", headers=headers, timeout=60).json()
    assert document["servers"] == [{"url": "/escriba"}]
    assert "/transcribe" in document["paths"]
    error = httpx.get(f"{plain.url}/models", headers=headers, timeout=60).json()["error"]
    assert f"base URL to {plain.url}/escriba/v1," in error["message"]


def test_a_path_that_leads_elsewhere_is_ignored(plain: Server) -> None:
    headers = {"X-Forwarded-Prefix": "//evil.example", "X-Forwarded-Host": "evil.example/x"}
    assert httpx.get(plain.url, headers=headers, timeout=60).headers["location"] == "/evil.example/docs"
    assert expect_job(plain, **{"X-Forwarded-Host": "evil.example/x"})["statusUrl"].startswith(plain.url)


def test_nobody_else_is_believed(tmp_path: Path) -> None:
    with Server(tmp_path / "data", TRUSTED_PROXIES="192.0.2.0/24", **ENGINE) as server:
        links = expect_job(server, **{"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/x"})
        assert links["statusUrl"] == f"{server.url}/job/{links['jobId']}"


def test_without_a_public_address_nothing_is_named(plain: Server, tmp_path: Path) -> None:
    assert httpx.get(plain.url, timeout=60).headers["location"] == "/docs"
    assert "servers" not in httpx.get(f"{plain.url}/openapi.json", timeout=60).json()
