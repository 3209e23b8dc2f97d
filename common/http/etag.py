"""Entity tags of job views, so that who asks again gets only what is new (RFC 9110, 8.8 and 13.1)."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

from common.jobs.watch import parse_seq
from common.models import Job

_TAG = re.compile(r'(?:W/)?"([!#-~]*)"')


def etag_of(job: Job, sync: dict[str, Any] | None) -> str:
    """Weak, since the same state is told in two languages: the job's `seq`, and how its pushing stands."""
    pushed = f"-{zlib.crc32(json.dumps(sync).encode()):08x}" if sync else ""
    return f'W/"{job.seq}{pushed}"'


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether the client has what `etag` stands for."""
    told = if_none_match or ""
    return told.strip() == "*" or bool(set(_TAG.findall(etag)) & set(_TAG.findall(told[:1000])))


def known_seq(if_none_match: str | None) -> int | None:
    """The `seq` that a tag of ours was made from."""
    tag = _TAG.search((if_none_match or "")[:1000])
    return parse_seq(tag[1].partition("-")[0]) if tag else None
