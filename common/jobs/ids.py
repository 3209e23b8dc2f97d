"""Which texts can be the id of a job: UUIDs, which nobody guesses and every file system takes as a name."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid

from common.errors import JobNotFound

_NAMESPACE = uuid.UUID("c4dbe8c1-7a51-5b0a-9a5c-7d0a5a1f9e55")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def parse_job_id(text: str) -> str:
    """The id as it is stored, in small letters (RFC 9562, 4). Raises JobNotFound for any other text."""
    job_id = text.lower() if len(text) == 36 else ""
    if not _UUID.fullmatch(job_id):
        raise JobNotFound
    return job_id


def new_job_id() -> str:
    return str(uuid.uuid4())


def derive_job_id(key: str, user_id: str | None, *, caller: str, secret: bytes) -> str:
    """The id of the job that an Idempotency-Key names: one key of one user of one caller is one job.

    Keys can be guessed: with `caller` in it, nobody reaches the job of another. Without access keys, anybody
    who knows an id may read the job: `secret` keeps ids from being derived.
    """
    identity = f"{caller}\n{user_id or ''}\n{key}".encode()
    return str(uuid.uuid5(_NAMESPACE, hmac.new(secret, identity, hashlib.sha256).hexdigest()))
