"""Which texts can be the id of a job at all: UUIDs, which nobody guesses and every file system bears."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid

from common.errors import JobNotFound

_NAMESPACE = uuid.UUID("c4dbe8c1-7a51-5b0a-9a5c-7d0a5a1f9e55")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def job_id_of(text: str) -> str:
    """The id as it is kept, in small letters (RFC 9562, 4). Raises JobNotFound for what cannot be one."""
    job_id = text.lower() if len(text) == 36 else ""
    if not _UUID.fullmatch(job_id):
        raise JobNotFound
    return job_id


def new_job_id() -> str:
    return str(uuid.uuid4())


def job_id_of_key(key: str, user_id: str | None, *, secret: bytes) -> str:
    """The id that an Idempotency-Key stands for: the same key of the same user is the same job.

    Whoever knows an id may read the job, and keys can be guessed: without `secret` nobody gets from one to
    the other.
    """
    said = f"{user_id or ''}\n{key}".encode()
    return str(uuid.uuid5(_NAMESPACE, hmac.new(secret, said, hashlib.sha256).hexdigest()))
