"""Who sends a request, and what that caller may do. Pure."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from common.errors import YOUR_ADDRESS, YOUR_KEY, JobNotFound, ScopeMissing, Sentence
from common.models import NO_LIMITS, Job, Limits, Scope

ALL_SCOPES: frozenset[Scope] = frozenset({"transcribe", "read", "metrics", "admin"})
OPEN_SCOPES: frozenset[Scope] = frozenset({"transcribe", "read"})

# Owners that no access key has: who holds ADMIN_KEY, and all browsers that sent the page's password.
ADMIN, PAGE = "admin", "page"
NO_KEYS = frozenset({ADMIN, PAGE})

# Programs on the server's own machine, and clients whose address nobody knows. IPv6's loopback address is in
# the network ::/64.
_UNLIMITED = frozenset({"", "address:127.0.0.1", "address:::/64", "address:unknown", "key:admin"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: the holder of a key, of a page's token or of the admin key, or an address.

    `name` tells callers apart (`key:1a2b3c4d/alice`, `address:192.0.2.7`). Jobs that the caller makes belong
    to `owner`; those of None belong to everybody who knows the job's id. With `only_job`, the caller may read
    that job and nothing else. `subject` is the user that a token was issued for,
    `expires_at` when the key or token ends.
    """

    kind: Literal["admin", "key", "token", "address"]
    name: str
    scopes: frozenset[Scope]
    owner: str | None = None
    subject: str | None = None
    only_job: str | None = None
    limits: Limits = NO_LIMITS
    expires_at: float | None = None

    @property
    def client(self) -> str:
        """Whose limits count: those of the key, for all its tokens together, or of the address."""
        return f"key:{self.owner.partition('/')[0]}" if self.owner is not None else self.name

    @property
    def key_id(self) -> str | None:
        """The key that is sent or that issued the token; None for an address, the admin key and browsers."""
        if self.kind not in {"key", "token"} or self.owner is None:
            return None
        key_id = self.owner.partition("/")[0]
        return None if key_id in NO_KEYS else key_id

    @property
    def is_limited(self) -> bool:
        return is_limited(self.client)

    @property
    def whose(self) -> Sentence:
        return whose(self.client)

    def require(self, scope: Scope) -> None:
        """Raises ScopeMissing."""
        if scope not in self.scopes:
            raise ScopeMissing(scope=scope)

    def require_one_of(self, *scopes: Scope) -> None:
        """Raises ScopeMissing, which names the first."""
        if self.scopes.isdisjoint(scopes):
            raise ScopeMissing(scope=scopes[0])

    def may_see(self, owner: str | None, job_id: str) -> bool:
        """Whether a job of `owner` exists for this caller.

        The holder of a key also sees the jobs of the users for whom that key issued tokens.
        """
        if self.only_job is not None and self.only_job != job_id:
            return False
        if owner is None or "admin" in self.scopes:
            return True
        has_users = self.owner is not None and self.subject is None
        return owner == self.owner or (has_users and owner.startswith(f"{self.owner}/"))

    def check_sees(self, job: Job) -> None:
        """Raises JobNotFound: who may not see a job does not learn that there is one."""
        if not self.may_see(job.owner, job.job_id):
            raise JobNotFound


def is_limited(client: str) -> bool:
    """Whether a client has limits of its own; the machine's own programs and the admin key have none."""
    return client not in _UNLIMITED


def whose(client: str) -> Sentence:
    """Whose limits count, for errors."""
    return YOUR_ADDRESS if client.startswith("address:") else YOUR_KEY


def client_id(client: str, *, secret: bytes) -> str:
    """How a job names its client: an address is hashed, since it may be a person's."""
    kind, _, address = client.partition(":")
    if kind != "address" or not is_limited(client):
        return client
    return f"address:{hmac.new(secret, address.encode(), hashlib.sha256).hexdigest()[:16]}"


def client_without_key(client: str) -> Caller:
    """Someone without a key; `client` names the address (`address:192.0.2.7`)."""
    return Caller("address", client, OPEN_SCOPES)
