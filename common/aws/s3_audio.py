"""`AudioStore` in an S3 bucket: what has come lies under `audio/`, what clients post under `uploads/`.

They are apart so that a second post of the same form can never replace a recording that is being read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from common.aws.clients import Clients
from common.aws.failures import Denied, named, refusal
from common.errors import AudioGone, JobNotFound, StorageBroken, UploadTicketInvalid
from common.jobs.ids import parse_job_id
from common.ports import UploadTicket

KEPT = "audio/"
POSTED = "uploads/"


class S3Audio:
    """`bucket` may be None where nothing will be asked of it. Tickets are good for `seconds`.

    Calls raise Busy, StorageBroken.
    """

    def __init__(self, clients: Clients, bucket: str | None, *, seconds: float) -> None:
        self._clients = clients
        self._bucket_name = bucket
        self._seconds = seconds

    async def keep(self, job_id: str, file: Path) -> None:
        key = _key(KEPT, job_id)
        await self._call(lambda s3: s3.upload_file(str(file), self._bucket, key))
        await asyncio.to_thread(file.unlink)

    async def fetch(self, job_id: str, folder: Path) -> Path:
        return await self._download(_key(KEPT, job_id), folder / job_id)

    async def has(self, job_id: str) -> bool:
        key = _key(KEPT, job_id)
        try:
            await self._call(lambda s3: s3.head_object(Bucket=self._bucket, Key=key))
        except Denied as denied:
            if denied.code in _MISSING:
                return False
            raise StorageBroken from denied
        return True

    async def has_upload(self, job_id: str) -> bool:
        """Listed rather than asked for: who only has to know this need not be allowed to read recordings."""
        key = _key(POSTED, job_id)
        found = await self._call(lambda s3: s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1))
        return bool(found["KeyCount"])

    async def remove(self, job_id: str) -> None:
        keys = [{"Key": _key(room, job_id)} for room in (KEPT, POSTED)]
        answer = await self._call(
            lambda s3: s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
        )
        if left := answer.get("Errors"):  # S3 says 200 all the same
            raise refusal("DeleteObjects", left[0])

    async def ticket(
        self, job_id: str, *, max_bytes: int, now: float, until: float = math.inf
    ) -> UploadTicket:
        """A presigned POST, since only that bounds the size. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html"""
        key = _key(POSTED, job_id)
        seconds = max(1, int(min(self._seconds, until - now)))
        post = await self._call(
            lambda s3: s3.generate_presigned_post(
                self._bucket,
                key,
                Conditions=[["content-length-range", 1, max_bytes]],
                ExpiresIn=seconds,
            )
        )
        return UploadTicket(url=post["url"], fields=post["fields"], expires_at=now + seconds)

    def admit(self, job_id: str, fields: Mapping[str, str], *, now: float) -> NoReturn:  # noqa: ARG002
        """S3 checks its own forms; none of them is good here."""
        raise UploadTicketInvalid

    async def fetch_posted(self, job_id: str, folder: Path) -> Path:
        """What a client posted, as a local file. Raises AudioGone."""
        return await self._download(_key(POSTED, job_id), folder / "posted")

    async def remove_posted(self, job_id: str) -> None:
        key = _key(POSTED, job_id)
        await self._call(lambda s3: s3.delete_object(Bucket=self._bucket, Key=key))

    async def _download(self, key: str, target: Path) -> Path:
        try:
            await self._call(lambda s3: s3.download_file(self._bucket, key, str(target)))
        except Denied as denied:
            if denied.code in _MISSING:
                raise AudioGone from denied
            raise StorageBroken from denied
        return target

    @property
    def _bucket(self) -> str:
        return named(self._bucket_name, "AUDIO_BUCKET")

    async def _call(self, work: Any) -> Any:
        return await self._clients.call("s3", work)


_MISSING = {"404", "NoSuchKey", "NotFound"}


def _key(room: str, job_id: str) -> str:
    """Raises JobNotFound for what is no job id in its one spelling, whatever key it would name."""
    if parse_job_id(job_id) != job_id:
        raise JobNotFound
    return room + job_id
