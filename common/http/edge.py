"""Before anything else sees a request: who sends it, and at which address the client reaches us."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_network
from typing import Any

from starlette.requests import HTTPConnection

from common.access.caller import is_limited
from common.http.forwarded import Address, Forwarded, TrustedProxies, parse_address, read_forwarded

Scope = Any  # ASGI's own types are plain dictionaries and callables

# The addresses that one household or machine gets.
_IPV6_PREFIX = 64


class Edge:
    """ASGI middleware, outermost: sets `client`, `host`, `prefix` in `scope["state"]`, corrects the scope.

    The headers of `proxies` decide scheme, host and client. `client` names the address, or an IPv6 network;
    `host` is the Host header as it was sent.
    """

    def __init__(self, app: Any, *, proxies: Iterable[str], hops: int) -> None:
        self._app = app
        self._proxies = TrustedProxies(proxies)
        self._hops = hops

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] in {"http", "websocket"}:
            self._correct(scope)
        await self._app(scope, receive, send)

    def _correct(self, scope: Scope) -> None:
        peer = parse_address((scope.get("client") or ("",))[0])
        is_trusted = self._proxies.trust(peer)
        forwarded = read_forwarded(scope["headers"], hops=self._hops) if is_trusted else Forwarded()
        state = scope.setdefault("state", {})
        state["client"] = _client(forwarded.client, peer)
        state["prefix"] = forwarded.prefix
        state["is_local"] = peer is not None and peer.is_loopback and not _is_forwarded(scope["headers"])
        state["host"] = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if forwarded.client:
            scope["client"] = (str(forwarded.client), 0)
        if forwarded.scheme:
            is_socket = scope["type"] == "websocket"
            scope["scheme"] = forwarded.scheme.replace("http", "ws") if is_socket else forwarded.scheme
        if forwarded.host:
            others = [header for header in scope["headers"] if header[0] != b"host"]
            scope["headers"] = [(b"host", forwarded.host.encode("latin-1")), *others]


def _client(forwarded: Address | None, peer: Address | None) -> str:
    """Only a program of this machine can name another one of it, which has no limits."""
    own, named = name_client(peer), name_client(forwarded or peer)
    return named if is_limited(named) or not is_limited(own) else own


def _is_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether anything says that a proxy sent it, believed or not."""
    return any(name in {b"forwarded", b"via"} or name.startswith(b"x-forwarded-") for name, _ in headers)


def name_client(address: Address | None) -> str:
    """One name for all addresses that belong to one client: an IPv6 client has a whole network of them."""
    if isinstance(address, IPv6Address):
        return f"address:{ip_network((address, _IPV6_PREFIX), strict=False)}"
    return f"address:{address or 'unknown'}"


def client_of(connection: HTTPConnection) -> str:
    """Who a client without an access key is; empty behind no Edge."""
    return getattr(connection.state, "client", "")


def is_from_this_machine(connection: HTTPConnection) -> bool:
    """Whether a program of this machine sent it, and no proxy says that it did so for somebody else."""
    return getattr(connection.state, "is_local", False)


def host_as_sent(connection: HTTPConnection) -> str:
    """The Host header, whatever a proxy says of it."""
    return getattr(connection.state, "host", "")


def prefix_of(connection: HTTPConnection) -> str:
    """The path that a proxy removed from the address that the client used."""
    return getattr(connection.state, "prefix", "")
