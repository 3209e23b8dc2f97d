"""Where the bucket is and with which keys it is reached: AUDIO_URL and the names that S3's tools share."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from common.settings import Settings


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """`prefix` is empty or ends in a slash. Without an `endpoint` it is a bucket on AWS."""

    bucket: str
    prefix: str
    region: str
    endpoint: str | None = None
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    @property
    def is_virtual_hosted(self) -> bool:
        """Whether the endpoint's host names the bucket already, as some providers ask for."""
        return (urlsplit(self.endpoint or "").hostname or "").startswith(f"{self.bucket}.")

    @property
    def url(self) -> str:
        """The bucket's own address, without a slash at its end."""
        root = self.endpoint or f"https://s3.{self.region}.amazonaws.com"
        return root if self.is_virtual_hosted else f"{root}/{self.bucket}"


def read_address(settings: Settings) -> BucketAddress:
    """The address that the settings name; they are checked already."""
    assert settings.audio_url is not None
    bucket, _, prefix = settings.audio_url.removeprefix("s3://").partition("/")
    return BucketAddress(
        bucket=bucket,
        prefix=f"{prefix.strip('/')}/" if prefix.strip("/") else "",
        region=settings.aws_region,
        endpoint=settings.aws_endpoint_url_s3,
        key_id=settings.aws_access_key_id or "",
        secret=settings.aws_secret_access_key or "",
    )
