"""Objects of one bucket, moved in small parts: the only place that knows obstore and its errors.

The memory of a transfer does not grow with the object. https://developmentseed.org/obstore/
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.bucket.address import BucketAddress
from common.errors import StoreUnavailable
from common.log import log
from common.settings import MB, SettingInvalid

if TYPE_CHECKING:
    from obstore import ListStream, ObjectMeta
    from obstore.store import S3Config, S3Store

_WHOLE_BYTES = 8 * MB  # at most so much goes up in one request
_PART_BYTES = 5 * MB  # the least that S3 takes as a part
_RANGE_BYTES = 4 * MB
_UPLOADS_AT_ONCE = 2
_RETRY_AFTER = 10.0
_LONGEST_REASON = 600


class ObjectMissing(Exception):
    """There is no object of this key."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the bucket says of an object; other content has another `etag`."""

    size_bytes: int
    etag: str


class BucketObjects:
    """The objects below the address's prefix. Calls raise StoreUnavailable while the bucket does not answer.

    `problem` is None, or why the last call failed: for /health.
    """

    def __init__(self, address: BucketAddress, *, timeout: float = 120, retry_seconds: float = 20) -> None:
        """A request may take `timeout` seconds; a failed one is repeated for `retry_seconds`."""
        self.problem: str | None = None
        self._address = address
        self._store = _open_store(address, timeout, retry_seconds)
        self._uploads = asyncio.Semaphore(_UPLOADS_AT_ONCE)

    async def check(self) -> None:
        """Raises SettingInvalid where the bucket refuses us; one that does not answer may yet come back."""
        import obstore

        try:
            stream: ListStream[Any] = obstore.list(self._store, prefix="audio/", chunk_size=1)
            await anext(aiter(stream), None)
        except Exception as exc:  # noqa: BLE001 - obstore's errors have no root of their own
            if refusal := _REFUSAL.search(str(exc)):
                raise SettingInvalid(_sentence(self._address, refusal[1])) from None
            self._note(exc)

    async def put(self, key: str, file: Path) -> None:
        """Store a file; durable on return."""
        import obstore

        size_bytes = (await asyncio.to_thread(file.stat)).st_size
        async with self._uploads:
            with self._translated():
                await obstore.put_async(
                    self._store,
                    key,
                    file,
                    use_multipart=size_bytes > _WHOLE_BYTES,
                    chunk_size=_PART_BYTES,
                    max_concurrency=1,
                )

    async def get(self, key: str, target: Path) -> None:
        """Write an object to `target`. Raises ObjectMissing."""
        meta = await self._head(key)
        with target.open("wb") as opened:
            for start in range(0, meta["size"], _RANGE_BYTES):
                part = await self._get_range(key, meta, start)
                await asyncio.to_thread(opened.write, part)

    async def describe(self, key: str) -> Description | None:
        """None where there is no such object."""
        try:
            meta = await self._head(key)
        except ObjectMissing:
            return None
        return Description(meta["size"], (meta["e_tag"] or "").strip('"'))

    async def copy(self, source: str, target: str) -> None:
        """Copy within the bucket, so that no byte comes here. Raises ObjectMissing."""
        import obstore

        with self._translated():
            await obstore.copy_async(self._store, source, target)

    async def delete(self, *keys: str) -> None:
        """Harmless for keys without an object."""
        import obstore

        for key in keys:
            try:
                with self._translated():
                    await obstore.delete_async(self._store, key)
            except ObjectMissing:
                continue

    async def list(self, prefix: str) -> AsyncIterator[list[tuple[str, int]]]:
        """Name without the prefix, and size, of every object under `prefix`; a thousand at once."""
        import obstore

        with self._translated():
            async for batch in obstore.list(self._store, prefix=prefix, chunk_size=1000):
                yield [(meta["path"].removeprefix(prefix), meta["size"]) for meta in batch]

    async def _head(self, key: str) -> ObjectMeta:
        import obstore

        with self._translated():
            return await obstore.head_async(self._store, key)

    async def _get_range(self, key: str, meta: ObjectMeta, start: int) -> Any:
        """The bytes from `start` on. An object that was replaced since `meta` is not mixed with it."""
        import obstore

        end = min(start + _RANGE_BYTES, meta["size"])
        with self._translated():
            answer = await obstore.get_async(
                self._store, key, options={"range": (start, end), "if_match": meta["e_tag"]}
            )
            part = await answer.bytes_async()
            if len(part) != end - start:
                raise OSError(f"{len(part)} of {end - start} bytes came")
        return part

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raises ObjectMissing, or StoreUnavailable for all else: jobs wait until the cause is mended."""
        try:
            yield
        except FileNotFoundError as exc:
            if "NoSuchBucket" in str(exc):
                raise self._note(exc) from exc
            self.problem = None
            raise ObjectMissing from exc
        except (GeneratorExit, asyncio.CancelledError):
            raise
        except Exception as exc:  # obstore's errors have no root of their own
            raise self._note(exc) from exc
        else:
            self.problem = None

    def _note(self, exc: Exception) -> StoreUnavailable:
        """The error to raise; the log tells the cause once, not at every try."""
        if self.problem is None:
            reason = str(exc).partition("\n\nDebug source")[0][:_LONGEST_REASON]
            log("bucket.failed", level="WARNING", kind=type(exc).__name__, reason=reason)
        self.problem = "recordings cannot be kept: the bucket of AUDIO_URL does not answer as it should"
        return StoreUnavailable(retry_after=_RETRY_AFTER)


# obstore keeps neither status nor code, but its messages hold both. 408, 429 and 5xx pass by themselves.
_REFUSAL = re.compile(r"status code: (?:30\d|40[0134]) .*<Code>(\w+)</Code>", re.DOTALL)


def _sentence(address: BucketAddress, code: str) -> str:
    """What the operator has to mend, by the code of S3's error."""
    if code == "NoSuchBucket":
        return (
            f"There is no bucket {address.bucket} at this endpoint. Create it, or correct AUDIO_URL or "
            "AWS_ENDPOINT_URL_S3."
        )
    return (
        f"The bucket {address.bucket} refuses these settings ({code}). Check AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY and AWS_REGION; the keys must be allowed to list, read, write and delete."
    )


def _open_store(address: BucketAddress, timeout: float, retry_seconds: float) -> S3Store:
    from obstore.store import S3Store

    config: S3Config = {
        "access_key_id": address.key_id,
        "secret_access_key": address.secret,
        "region": address.region,
        "virtual_hosted_style_request": address.is_virtual_hosted,
    }
    if address.endpoint:
        config["endpoint"] = address.endpoint
    return S3Store(
        address.bucket,
        prefix=address.prefix,
        config=config,
        client_options={
            "allow_http": True,
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=min(20, timeout)),
            "timeout": timedelta(seconds=timeout),
        },
        retry_config={
            "max_retries": 3,
            "retry_timeout": timedelta(seconds=retry_seconds),
            "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=4)},
        },
    )
