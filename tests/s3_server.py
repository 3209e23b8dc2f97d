"""A real S3 server as a process of its own: SeaweedFS, one for all tests of a process."""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from common.bucket.address import BucketAddress
from tests.server import free_port

WEED = Path(sys.executable).with_name("weed")
BUCKET, REGION = "recordings", "us-east-1"
KEY_ID, SECRET = "escriba", "a-secret-of-the-tests"
_IDENTITY = {
    "name": "escriba",
    "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
    "actions": ["Admin", "Read", "Write", "List"],
}
# Each serves HTTP on one port and its own protocol on another.
_PARTS = ("master", "volume", "filer", "s3")


class S3Server:
    """`weed server` on free ports; `url` is the endpoint. Started without a bucket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None

    def start(self, *, within: float = 60) -> S3Server:
        (self.folder / "s3.json").write_text(json.dumps({"identities": [_IDENTITY]}))
        self._ports = {f"-{part}.port{kind}": free_port() for part in _PARTS for kind in ("", ".grpc")}
        self.url = f"http://127.0.0.1:{self._ports['-s3.port']}"
        options = [f"{name}={port}" for name, port in self._ports.items()]
        options += [f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
        options += [
            f"-s3.config={self.folder / 's3.json'}",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]
        options += ["-volume.max=200", "-volume.minFreeSpace=0", "-master.volumeSizeLimitMB=64"]
        options += ["-master.telemetry=false", "-master.electionTimeout=1s", "-s3.autoCreateBucket=false"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [WEED, "-logtostderr=true", "server", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_until_it_answers(within)
        return self

    def _wait_until_it_answers(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "log").read_text()[-4000:]
            try:
                if httpx.get(self.url, timeout=5).status_code == 403:  # without a signature, once it is ready
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"no answer within {seconds} s:\n{(self.folder / 'log').read_text()[-4000:]}")

    @property
    def client(self) -> Any:
        """boto3's, as somebody else would look into the bucket."""
        from boto3.session import Session

        if self._client is None:
            self._client = Session().client(
                "s3",
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=KEY_ID,
                aws_secret_access_key=SECRET,
            )
        return self._client

    def new_prefix(self) -> str:
        """A place of its own for each test; a bucket of its own would cost it volumes."""
        if BUCKET not in [each["Name"] for each in self.client.list_buckets()["Buckets"]]:
            self.client.create_bucket(Bucket=BUCKET)
        return f"{uuid4()}/"

    def address(self, prefix: str, *, endpoint: str | None = None) -> BucketAddress:
        return BucketAddress(
            bucket=BUCKET,
            prefix=prefix,
            region=REGION,
            endpoint=endpoint or self.url,
            key_id=KEY_ID,
            secret=SECRET,
        )

    def environment(self, prefix: str, *, endpoint: str | None = None) -> dict[str, str]:
        """The settings of a server that keeps its recordings there."""
        return {
            "AUDIO_URL": f"s3://{BUCKET}/{prefix}",
            "AWS_ENDPOINT_URL_S3": endpoint or self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def keys(self, prefix: str) -> list[str]:
        """Every object below a prefix, and half uploads as `half …`."""
        objects = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
        halves = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", ())
        return [each["Key"] for each in objects] + [f"half {each['Key']}" for each in halves]

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()  # in order it would take many seconds, for data that nobody needs again
            self._process.wait()
            for port in self._ports.values():
                for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    socket.unlink(missing_ok=True)


@cache
def s3_server() -> S3Server:
    """One for all tests of this process, started by the first that needs it."""
    folder = Path(tempfile.mkdtemp(prefix="escriba-s3-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = S3Server(folder)
    atexit.register(server.stop)
    return server.start()
