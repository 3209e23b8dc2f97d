"""Decides who a caller is by the key or token that a request carries."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from common.access import tokens
from common.access.caller import ADMIN, ALL_SCOPES, Caller, client_without_key
from common.access.connections import Connections
from common.access.key_store import AccessKeyStore
from common.access.keys import PREFIX, digest_of, parse_key
from common.access.page_password import PagePassword, browser_caller
from common.errors import KeyExpired, KeyInvalid, KeyMissing
from common.models import NO_LIMITS, AccessKey, Limits, Scope

T = TypeVar("T")

# Seconds for which a key is believed without asking the store: so long a revoked key may still work.
_CACHED_FOR = 8.0
_CACHE_SIZE = 2000


@dataclass(slots=True)
class Access:
    """Who may use this process. Unless it `is_on`, everybody may.

    `admin_digest` is of ADMIN_KEY, `configured` are the keys of API_KEYS by digest, `secret` signs tokens,
    `allows_anonymous` lets requests without a key in, `page` is the page's password where it has one.
    """

    is_on: bool = False
    store: AccessKeyStore | None = None
    now: Callable[[], float] = time.time
    secret: bytes = field(default=b"", repr=False)
    admin_digest: str | None = field(default=None, repr=False)
    configured: Mapping[str, AccessKey] = field(default_factory=dict, repr=False)
    allows_anonymous: bool = False
    page: PagePassword | None = None
    # Apart, so that made-up keys do not push out those that are used.
    _found: dict[str, tuple[float, AccessKey]] = field(default_factory=dict, repr=False)
    _missing: dict[str, float] = field(default_factory=dict, repr=False)

    connections: Connections = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.connections = Connections(self._rights_of, self.now)

    async def identify(self, credential: str | None, *, client: str) -> Caller:
        """The caller of a request; `client` names the address that it came from.

        Raises KeyMissing, KeyInvalid, KeyExpired.
        """
        if not self.is_on:
            return client_without_key(client)
        caller = await self._holder_of(credential) if credential else None
        if caller is not None:
            return caller
        if self.allows_anonymous:  # clients of OpenAI's API send any text as a key
            return client_without_key(client)
        raise KeyInvalid if credential else KeyMissing

    async def limits_of(self, client: str) -> Limits:
        """The limits of a client's key; none for an address, or a key that nobody knows any more."""
        kind, _, key_id = client.partition(":")
        if kind != "key":
            return NO_LIMITS
        key = self._configured_key(key_id) or await self._stored_key(key_id)
        return (key.limits if key else None) or NO_LIMITS

    def _configured_key(self, key_id: str) -> AccessKey | None:
        return next((key for key in self.configured.values() if key.key_id == key_id), None)

    async def _holder_of(self, credential: str) -> Caller | None:
        """None for a text that is none of our keys and does not look like one."""
        digest = digest_of(credential)
        if self.admin_digest is not None and hmac.compare_digest(digest, self.admin_digest):
            return Caller("admin", ADMIN, ALL_SCOPES, owner=ADMIN)
        if credential.startswith(tokens.PREFIX):
            return await self._holder_of_token(credential)
        if configured := self.configured.get(digest):
            return _holder_of_key(configured)
        if credential.startswith(PREFIX):
            return _holder_of_key(await self._check_stored(credential, digest))
        return None

    async def _check_stored(self, credential: str, digest: str) -> AccessKey:
        key_id = parse_key(credential)
        key = await self._stored_key(key_id) if key_id else None
        if key is None or not hmac.compare_digest(key.digest, digest):
            raise KeyInvalid
        return self._check_valid(key)

    def _check_valid(self, key: AccessKey) -> AccessKey:
        if key.revoked_at is not None:
            raise KeyInvalid
        if key.expires_at is not None and self.now() >= key.expires_at:
            raise KeyExpired
        return key

    async def _stored_key(self, key_id: str) -> AccessKey | None:
        now = self.now()
        read_at, known = self._found.get(key_id, (-1.0, None))
        if known is not None and 0 <= now - read_at < _CACHED_FOR:
            return known
        if 0 <= now - self._missing.get(key_id, -1.0) < _CACHED_FOR:
            return None
        key = await self.store.get(key_id) if self.store else None
        if key is None:
            _remember(self._missing, key_id, now)
        else:
            _remember(self._found, key_id, (now, key))
        return key

    async def _holder_of_token(self, credential: str) -> Caller:
        if self.page is not None and (own := self.page.find(credential, now=self.now())):
            return browser_caller(own)
        token = tokens.read_token(credential, secret=self.secret, now=self.now())
        allowed, limits = await self._rights_of(token.key_id)
        scopes = frozenset(token.scopes) & allowed
        owner = f"{token.key_id}/{token.subject}" if token.subject is not None else token.key_id
        name, ends = f"key:{owner}", token.expires_at
        return Caller("token", name, scopes, owner, token.subject, token.job_id, limits, ends)

    async def _rights_of(self, key_id: str) -> tuple[frozenset[Scope], Limits]:
        """What the key that issued a token may do. Raises KeyInvalid, KeyExpired."""
        if key_id == ADMIN:
            return ALL_SCOPES, NO_LIMITS
        key = self._configured_key(key_id) or await self._stored_key(key_id)
        if key is None:
            raise KeyInvalid
        return frozenset(self._check_valid(key).scopes), key.limits or NO_LIMITS


def _remember(cache: dict[str, T], key_id: str, value: T) -> None:
    if len(cache) >= _CACHE_SIZE:
        cache.clear()
    cache[key_id] = value


def _holder_of_key(key: AccessKey) -> Caller:
    limits = key.limits or NO_LIMITS
    name, scopes = f"key:{key.key_id}", frozenset(key.scopes)
    return Caller("key", name, scopes, key.key_id, limits=limits, expires_at=key.expires_at)
