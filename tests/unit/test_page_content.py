"""The files of the page as the server reads them, and what the page may do in a browser."""

from __future__ import annotations

import gzip

import pytest

from common.http.page_content import FOLDER, INDEX, choose_encoding, read_page_file
from common.http.page_policy import page_headers
from common.settings import Settings


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=1.0, br;q=0", "gzip"),
        ("*", "br"),
        ("*;q=0", None),
        ("br;q=0, gzip;q=0.000", None),
        ("identity", None),
        ("", None),
        (",;q=,br", "br"),
    ],
)
def test_the_best_encoding_that_a_client_takes_is_chosen(accepted: str, chosen: str | None) -> None:
    assert choose_encoding(accepted) == chosen


def test_every_file_exists_in_both_encodings_with_the_same_contents() -> None:
    names = {path.name.rpartition(".")[0] for path in FOLDER.iterdir()}
    assert {INDEX, "icon.svg", "manifest.webmanifest"} < names
    for name in names:
        plain, zipped = read_page_file(name, ""), read_page_file(name, "gzip")
        assert plain
        assert zipped
        assert gzip.decompress(zipped.body) == plain.body
        assert len({plain.etag, zipped.etag, getattr(read_page_file(name, "br"), "etag", None)}) == 3


@pytest.mark.parametrize(
    "name", ["../page_content.py", "index.html.br", "..", "", "app.py", "a/b.js", "app-X.js", "index.html\n"]
)
def test_no_other_name_reads_a_file(name: str) -> None:
    assert read_page_file(name, "br") is None


def test_the_page_runs_no_script_but_its_own_and_calls_nobody_but_the_server() -> None:
    policy = page_headers(Settings())["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_on_aws_it_may_call_the_bucket_and_the_live_events() -> None:
    settings = Settings(
        websocket_url="wss://a.execute-api.eu-west-1.amazonaws.com/live",
        audio_bucket="recordings",
        aws_region="eu-west-1",
    )
    policy = page_headers(settings)["Content-Security-Policy"]
    assert (
        "connect-src 'self' wss://a.execute-api.eu-west-1.amazonaws.com "
        "https://recordings.s3.eu-west-1.amazonaws.com https://recordings.s3.amazonaws.com;" in policy
    )


def test_it_may_ask_exactly_the_convex_deployment_that_is_set() -> None:
    settings = Settings(
        convex_page_url="https://x.convex.cloud/", convex_site_url="https://x.convex.site", convex_api_key="k"
    )
    policy = page_headers(settings)["Content-Security-Policy"]
    assert "connect-src 'self' https://x.convex.cloud wss://x.convex.cloud;" in policy


def test_with_a_bucket_it_may_put_recordings_there() -> None:
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "database_url": "postgresql://x/y"}
    there = Settings(audio_url="s3://recordings", aws_endpoint_url_s3="https://objects.example", **keys)
    assert "connect-src 'self' https://objects.example;" in page_headers(there)["Content-Security-Policy"]
    aws = Settings(audio_url="s3://recordings", **keys)
    assert "'self' https://s3.us-east-1.amazonaws.com;" in page_headers(aws)["Content-Security-Policy"]
