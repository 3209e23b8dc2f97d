"""Multipart uploads that a killed process left half done: the bucket bills their parts, and lists none.

obstore knows no call for them, so they are listed and ended here, over the addresses that `presign` makes.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from common.bucket.address import BucketAddress
from common.bucket.signature import presign
from common.log import log

if TYPE_CHECKING:
    import httpx

_SECONDS = 60  # for which an address is valid


async def abort_half_uploads(address: BucketAddress, *, older_than: float, now: Callable[[], float]) -> int:
    """End those that began over `older_than` seconds ago; returns how many. A bucket that cannot list them
    is logged, and nothing else: their own rules end them after days."""
    import httpx

    try:
        async with httpx.AsyncClient(timeout=30) as client:
            return await _abort_all(client, address, older_than, now)
    except (httpx.HTTPError, ET.ParseError, ValueError) as exc:
        log("bucket.half_uploads", level="WARNING", reason=type(exc).__name__)
        return 0


async def _abort_all(
    client: httpx.AsyncClient, address: BucketAddress, older_than: float, now: Callable[[], float]
) -> int:
    query = {"uploads": "", "prefix": address.prefix}
    answer = await client.get(presign(address, "GET", "", now=now(), seconds=_SECONDS, query=query))
    answer.raise_for_status()
    aborted = 0
    for key, upload_id, began in parse_uploads(answer.text):
        if key.startswith(address.prefix) and began < now() - older_than:
            query = {"uploadId": upload_id}
            url = presign(address, "DELETE", key, now=now(), seconds=_SECONDS, query=query)
            (await client.delete(url)).raise_for_status()
            aborted += 1
    return aborted


def parse_uploads(xml: str) -> list[tuple[str, str, float]]:
    """Key, upload id and beginning of each upload in the answer to ListMultipartUploads."""
    root = ET.fromstring(xml)  # noqa: S314 - from the operator's own bucket
    return [
        (_text(upload, "Key"), _text(upload, "UploadId"), _epoch(_text(upload, "Initiated")))
        for upload in root.iter()
        if upload.tag.rpartition("}")[2] == "Upload"
    ]


def _text(upload: ET.Element, name: str) -> str:
    """The text of a child, whatever the namespace that this provider writes."""
    return next((child.text or "" for child in upload if child.tag.rpartition("}")[2] == name), "")


def _epoch(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
