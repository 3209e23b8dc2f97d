"""The AWS clients of one sandbox: made on first use, once, and shared by all its calls and event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Any

from common.aws.errors import translate_errors

# Timeouts in seconds, and attempts.
_STORE_LIMITS = {"connect_timeout": 3.0, "read_timeout": 20.0}, 6
# What a watcher does not get now comes with the next event: no job waits for that.
_WATCHER_LIMITS = {"connect_timeout": 1.0, "read_timeout": 3.0}, 2

# Forms are posted to the bucket's own region: S3's global address redirects browsers, which a preflight does
# not allow, or refuses them (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html).
_S3 = {"signature_version": "s3v4", "s3": {"addressing_style": "virtual"}}


class Clients:
    """boto3 is imported by the first call that needs it, and finds region, credentials, endpoints itself."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str | None], Any] = {}

    def client(self, service: str, endpoint: str | None = None) -> Any:
        """A boto3 client. Its calls block: make them through `call`."""
        with self._lock:  # making a client is not thread-safe, using one is
            key = (service, endpoint)
            if key not in self._clients:
                self._clients[key] = self._make(service, endpoint)
            return self._clients[key]

    def _make(self, service: str, endpoint: str | None) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        self._session = self._session or Session()
        is_for_watchers = service == "apigatewaymanagementapi"
        timeouts, attempts = _WATCHER_LIMITS if is_for_watchers else _STORE_LIMITS
        config = Config(
            **timeouts,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
            **(_S3 if service == "s3" else {}),
        )
        return self._session.client(service, endpoint_url=endpoint, config=config)

    async def call(self, service: str, work: Callable[[Any], Any], endpoint: str | None = None) -> Any:
        """Run `work(client)` in a thread. Raises Busy, StorageBroken; AwsRefusal where the caller decides."""

        def run() -> Any:
            with translate_errors():
                return work(self.client(service, endpoint))

        return await asyncio.to_thread(run)
