"""Entity tags of job views, so that a client gets a body only when it is new (RFC 9110, 8.8 and 13.1)."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from typing import Any

from common.errors import TranscriptChanged, VersionMissing
from common.jobs.watch import parse_seq
from common.models import Job

_TAG = re.compile(r'(?:W/)?"([!#-~]*)"')


def etag_of(job: Job, sync: dict[str, Any] | None) -> str:
    """Made of the job's `seq` and the state of its delivery; weak, since a state exists in two languages."""
    delivery = f"-{zlib.crc32(json.dumps(sync).encode()):08x}" if sync else ""
    return f'W/"{job.seq}{delivery}"'


def tag_of(view: dict[str, Any]) -> str:
    """The tag of a view that is written in one way only."""
    return f'"{zlib.crc32(json.dumps(view).encode()):08x}"'


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether the client already has the body with this `etag`."""
    tags = if_none_match or ""
    return tags.strip() == "*" or bool(set(_TAG.findall(etag)) & set(_TAG.findall(tags[:1000])))


def known_seq(if_none_match: str | None) -> int | None:
    """The newest `seq` in tags of ours."""
    return max(_seqs(if_none_match), default=None)


def job_seqs(if_none_match: str | None) -> frozenset[int]:
    """The `seq`s of tags that are nothing else: whose client has a whole job, or has sent a correction."""
    return _parse_seqs(_TAG.findall((if_none_match or "")[:1000]))


def _seqs(tags: str | None) -> frozenset[int]:
    return _parse_seqs(tag.partition("-")[0] for tag in _TAG.findall((tags or "")[:1000]))


def _parse_seqs(texts: Iterable[str]) -> frozenset[int]:
    return frozenset(seq for seq in map(parse_seq, texts) if seq is not None)


def required_seqs(if_match: str | None) -> frozenset[int] | None:
    """The `seq`s of the only states that a request may change; None for `*`, any state.

    A weak tag counts, too: each of ours begins with the `seq`, and proxies that compress make tags weak.
    Raises VersionMissing without If-Match, TranscriptChanged for a tag that is none of ours.
    """
    if if_match is None:
        raise VersionMissing
    if if_match.strip() == "*":
        return None
    seqs = _seqs(if_match)
    if not seqs:
        raise TranscriptChanged
    return seqs
