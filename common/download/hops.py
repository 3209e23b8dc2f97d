"""From an address through its redirects to the answer that has the recording; each hop is checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.download.address import redirected
from common.download.response import REDIRECTS
from common.errors import UrlNotPublic, UrlRedirects
from common.outbound.pinned import (
    NotPublic,
    Resolve,
    checked_addresses,
    open_response,
    trusted_authorities,
)

if TYPE_CHECKING:
    import httpx

MAX_REDIRECTS = 5


class ConnectionBroken(Exception):
    """The connection ended before the recording did, or there was none."""


@dataclass(frozen=True, slots=True)
class Hops:
    """How hops are made: `ends_at` is the loop's time at which nobody waits any more."""

    resolve: Resolve
    private_allowed: bool
    read_timeout: float
    ends_at: float


def new_client() -> httpx.AsyncClient:
    """Without cookies: the hops are called by number, so one server's could go to another at its address."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx

    jar = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        trust_env=False,
        verify=trusted_authorities(),
        cookies=jar,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


@asynccontextmanager
async def follow(
    client: httpx.AsyncClient, address: httpx.URL, hops: Hops, headers: Mapping[str, str]
) -> AsyncIterator[httpx.Response]:
    """The first response that leads no further. Raises ConnectionBroken, also from within the body.

    Raises UrlNotPublic, UrlRedirects, OptionInvalid.
    """
    import httpx

    for _ in range(MAX_REDIRECTS + 1):
        addresses = await _look_up(address, hops)
        try:
            async with open_response(
                client,
                "GET",
                address,
                addresses,
                ends_at=hops.ends_at,
                read_timeout=hops.read_timeout,
                headers=headers,
            ) as response:
                location = response.headers.get("location")
                if response.status_code not in REDIRECTS or location is None:
                    yield response
                    return
        except httpx.TransportError as exc:
            raise ConnectionBroken from exc
        address = redirected(address, location, private_allowed=hops.private_allowed)
    raise UrlRedirects(limit=MAX_REDIRECTS)


async def _look_up(address: httpx.URL, hops: Hops) -> list[str]:
    try:
        return await checked_addresses(address, resolve=hops.resolve, private_allowed=hops.private_allowed)
    except NotPublic as exc:
        raise UrlNotPublic from exc
    except (OSError, UnicodeError) as exc:
        raise ConnectionBroken from exc
