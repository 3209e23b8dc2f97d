"""The AWS clients of one sandbox: made on first use, once, and shared by all its calls and event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Any

from common.aws.failures import told

_PATIENT = {"connect_timeout": 3.0, "read_timeout": 20.0}, 6
# What a watcher is not told now comes with the next news: no job waits for that.
_QUICK = {"connect_timeout": 1.0, "read_timeout": 3.0}, 2

# Forms are posted to the bucket's own region: from S3's global address browsers are sent on, which a
# preflight may not be, or refused (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html).
_S3 = {"signature_version": "s3v4", "s3": {"addressing_style": "virtual"}}


class Clients:
    """boto3 is imported by the first call that needs it, and finds region, credentials, endpoints itself."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._session: Any = None
        self._made: dict[tuple[str, str | None], Any] = {}

    def client(self, service: str, endpoint: str | None = None) -> Any:
        """A boto3 client; calls block, so make them through `call`."""
        with self._lock:  # making one is not thread-safe, using one is
            key = (service, endpoint)
            if key not in self._made:
                self._made[key] = self._make(service, endpoint)
            return self._made[key]

    def _make(self, service: str, endpoint: str | None) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        self._session = self._session or Session()
        times, attempts = _QUICK if service == "apigatewaymanagementapi" else _PATIENT
        config = Config(
            **times,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
            **(_S3 if service == "s3" else {}),
        )
        return self._session.client(service, endpoint_url=endpoint, config=config)

    async def call(self, service: str, work: Callable[[Any], Any], endpoint: str | None = None) -> Any:
        """Run `work(client)` in a thread. Raises Busy, StorageBroken; Denied where the caller judges."""

        def run() -> Any:
            with told():
                return work(self.client(service, endpoint))

        return await asyncio.to_thread(run)
