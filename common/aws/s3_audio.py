"""`AudioStore` in an S3 bucket: recordings of jobs are kept under `audio/`, clients post under `uploads/`.

They are apart so that a second post of the same form can never replace a recording that is being read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from common.aws.clients import Clients
from common.aws.errors import AwsRefusal, error_of, require_name
from common.errors import AudioGone, JobNotFound, StorageBroken, UploadTicketInvalid
from common.jobs.ids import parse_job_id
from common.ports import UploadTicket

KEPT_PREFIX = "audio/"
POSTED_PREFIX = "uploads/"

_NOT_FOUND = {"404", "NoSuchKey", "NotFound"}


class S3Audio:
    """`bucket` may be None where nothing is asked of it. Tickets are good for `ticket_seconds`.

    Calls raise Busy, StorageBroken.
    """

    def __init__(self, clients: Clients, bucket: str | None, *, ticket_seconds: float) -> None:
        self._clients = clients
        self._bucket_name = bucket
        self._ticket_seconds = ticket_seconds

    @property
    def problem(self) -> None:
        """Each call says by itself what is wrong."""

    @property
    def used_bytes(self) -> None:
        """S3 has no bound, so that nobody counts."""

    async def keep(self, job_id: str, file: Path) -> None:
        key = _key(KEPT_PREFIX, job_id)
        await self._call(lambda s3: s3.upload_file(str(file), self._bucket, key))
        await asyncio.to_thread(file.unlink)

    async def fetch(self, job_id: str, folder: Path) -> Path:
        return await self._download(_key(KEPT_PREFIX, job_id), folder / job_id)

    async def has(self, job_id: str) -> bool:
        key = _key(KEPT_PREFIX, job_id)
        try:
            await self._call(lambda s3: s3.head_object(Bucket=self._bucket, Key=key))
        except AwsRefusal as refusal:
            if refusal.code in _NOT_FOUND:
                return False
            raise StorageBroken from refusal
        return True

    async def has_upload(self, job_id: str) -> bool:
        """Listed rather than read, so that the sweep needs no right to read recordings."""
        key = _key(POSTED_PREFIX, job_id)
        answer = await self._call(lambda s3: s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1))
        return bool(answer["KeyCount"])

    async def adopt(self, job_id: str, *, max_bytes: int) -> None:
        """No ticket of this store has a `direct_url`."""

    async def remove(self, job_id: str) -> None:
        keys = [{"Key": _key(prefix, job_id)} for prefix in (KEPT_PREFIX, POSTED_PREFIX)]
        answer = await self._call(
            lambda s3: s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
        )
        if errors := answer.get("Errors"):  # S3 answers 200 all the same
            raise error_of("DeleteObjects", errors[0])

    async def ticket(
        self,
        job_id: str,
        *,
        max_bytes: int,
        now: float,
        until: float = math.inf,
        size_bytes: int = 0,  # noqa: ARG002
    ) -> UploadTicket:
        """A presigned POST, since only that bounds the size. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html"""
        key = _key(POSTED_PREFIX, job_id)
        seconds = max(1, int(min(self._ticket_seconds, until - now)))
        post = await self._call(
            lambda s3: s3.generate_presigned_post(
                self._bucket,
                key,
                Conditions=[["content-length-range", 0, max_bytes]],
                ExpiresIn=seconds,
            )
        )
        return UploadTicket(url=post["url"], fields=post["fields"], expires_at=now + seconds)

    def admit(self, job_id: str, fields: Mapping[str, str], *, now: float) -> NoReturn:  # noqa: ARG002
        """No form is posted to us: S3 receives and checks its own."""
        raise UploadTicketInvalid

    async def fetch_posted(self, job_id: str, folder: Path) -> Path:
        """What a client posted, as a local file. Raises AudioGone."""
        return await self._download(_key(POSTED_PREFIX, job_id), folder / "posted")

    async def remove_posted(self, job_id: str) -> None:
        key = _key(POSTED_PREFIX, job_id)
        await self._call(lambda s3: s3.delete_object(Bucket=self._bucket, Key=key))

    async def _download(self, key: str, target: Path) -> Path:
        try:
            await self._call(lambda s3: s3.download_file(self._bucket, key, str(target)))
        except AwsRefusal as refusal:
            if refusal.code in _NOT_FOUND:
                raise AudioGone from refusal
            raise StorageBroken from refusal
        return target

    @property
    def _bucket(self) -> str:
        return require_name(self._bucket_name, "AUDIO_BUCKET")

    async def _call(self, work: Any) -> Any:
        return await self._clients.call("s3", work)


def _key(prefix: str, job_id: str) -> str:
    """Raises JobNotFound unless it is a job id in its one spelling, so that no id names another key."""
    if parse_job_id(job_id) != job_id:
        raise JobNotFound
    return prefix + job_id
