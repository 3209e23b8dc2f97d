"""Calls an address of a stranger's: resolves its name once, checks what it finds, connects to exactly that.

So no name leads into this machine's network, not even one that has another address a moment later. Redirects
are not followed: who wants to must check each as a new address.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

from common.outbound.public_address import is_public, may_be_called

if TYPE_CHECKING:
    import ssl

    import httpx

Resolve = Callable[[str, int], Awaitable[list[str]]]

# A name with more addresses must not make this server knock at all of them.
_ADDRESSES_AT_MOST = 8


class NotPublic(Exception):
    """The address leads to no public machine, or to a port that does not serve the web."""


async def checked_addresses(url: httpx.URL, *, resolve: Resolve, private_allowed: bool) -> list[str]:
    """The numeric addresses of `url` that may be called, the best first.

    Raises NotPublic, and OSError or UnicodeError where the name has none.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    if not (private_allowed or may_be_called(port)):
        raise NotPublic
    found = await resolve(_host(url), port)
    allowed = [address for address in found if private_allowed or is_public(address)]
    if not allowed:
        raise NotPublic
    return allowed[:_ADDRESSES_AT_MOST]


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Whose certificates TLS trusts. Read once for all clients: it takes 40 ms of CPU."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


@asynccontextmanager
async def open_response(
    client: httpx.AsyncClient,
    method: str,
    url: httpx.URL,
    addresses: list[str],
    *,
    ends_at: float,
    read_timeout: float,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> AsyncIterator[httpx.Response]:
    """The response of the first of `addresses` that takes a connection; its body is not read yet.

    `ends_at` is the loop's time at which the caller stops waiting. Raises httpx's exceptions.
    """
    response = await _send(
        client,
        method,
        url,
        addresses,
        ends_at=ends_at,
        read_timeout=read_timeout,
        headers=headers,
        content=content,
    )
    try:
        yield response
    finally:
        await response.aclose()


async def _send(
    client: httpx.AsyncClient,
    method: str,
    url: httpx.URL,
    addresses: list[str],
    *,
    ends_at: float,
    read_timeout: float,
    headers: Mapping[str, str],
    content: bytes | None,
) -> httpx.Response:
    import httpx

    loop = asyncio.get_running_loop()
    for number, address in enumerate(addresses):
        # One that never answers must leave time for the others.
        seconds = max(0.1, (ends_at - loop.time()) / (len(addresses) - number))
        request = client.build_request(
            method,
            url.copy_with(host=address),
            content=content,
            headers={**headers, "Host": url.netloc.decode("ascii")},
            timeout=httpx.Timeout(read_timeout, connect=seconds),
            # TLS verifies the certificate against the name, not against the number.
            extensions={"sni_hostname": _host(url).removesuffix(".")},
        )
        try:
            return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses) - 1:
                raise
    raise AssertionError("without an address there is nothing to call")


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").strip("[]")
