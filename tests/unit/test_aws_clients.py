"""Which addresses the AWS clients give out for uploads."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from common.aws.clients import Clients
from common.aws.s3_audio import S3Audio

JOB = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return monkeypatch


async def upload_url() -> str:
    audio = S3Audio(Clients(), "my-bucket", ticket_seconds=300)
    return (await audio.ticket(JOB, max_bytes=1, now=0)).url


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-southeast-5"])
async def test_recordings_are_posted_to_the_buckets_own_region(
    region: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AWS_DEFAULT_REGION", region)
    host = urlsplit(await upload_url()).hostname
    assert host in {f"my-bucket.s3.{region}.amazonaws.com", "my-bucket.s3.amazonaws.com"}
    assert region == "us-east-1" or region in str(host)


async def test_an_endpoint_that_is_an_ip_address_has_the_bucket_in_its_path(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert await upload_url() == "http://127.0.0.1:9/my-bucket"
