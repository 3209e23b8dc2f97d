"""What is believed of a proxy's headers, in every spelling that proxies use."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import pytest

from common.http.edge import Edge, name_client
from common.http.forwarded import Forwarded, TrustedProxies, parse_address, read_forwarded


def read(*headers: tuple[str, str], hops: int = 1) -> Forwarded:
    return read_forwarded([(name.encode(), value.encode()) for name, value in headers], hops=hops)


@pytest.mark.parametrize(
    ("headers", "hops", "client"),
    [
        ([("x-forwarded-for", "203.0.113.7")], 1, "203.0.113.7"),
        ([("X-Forwarded-For", "6.6.6.6, 203.0.113.7")], 1, "203.0.113.7"),
        ([("X-FORWARDED-FOR", "6.6.6.6"), ("x-forwarded-for", "203.0.113.7")], 1, "203.0.113.7"),
        ([("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.2")], 2, "203.0.113.7"),
        ([("x-forwarded-for", "203.0.113.7")], 3, "203.0.113.7"),
        ([("x-forwarded-for", "203.0.113.7:4711")], 1, "203.0.113.7"),
        ([("x-forwarded-for", "[2001:db8::1]:4711")], 1, "2001:db8::1"),
        ([("x-forwarded-for", "::ffff:203.0.113.7")], 1, "203.0.113.7"),
        ([("x-forwarded-for", "unknown")], 1, None),
        ([("x-forwarded-for", "")], 1, None),
        ([("forwarded", "for=203.0.113.7;proto=https")], 1, "203.0.113.7"),
        ([("Forwarded", 'For="[2001:db8::1]:4711"')], 1, "2001:db8::1"),
        ([("forwarded", "for=6.6.6.6, FOR=203.0.113.7;by=10.0.0.2")], 1, "203.0.113.7"),
        ([("forwarded", 'for="a, b\\"", for=203.0.113.7')], 1, "203.0.113.7"),
        ([("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "203.0.113.7")], 1, "203.0.113.7"),
        ([("forwarded", "for=_hidden")], 1, None),
        ([("forwarded", ";;==,,")], 1, None),
    ],
    ids=str,
)
def test_the_client_is_counted_from_the_right(
    headers: list[tuple[str, str]], hops: int, client: str | None
) -> None:
    found = read(*headers, hops=hops).client
    assert (str(found) if found else None) == client


@pytest.mark.parametrize(
    ("name", "value", "scheme"),
    [
        ("x-forwarded-proto", "https", "https"),
        ("X-Forwarded-Proto", "HTTPS", "https"),
        ("x-forwarded-proto", "https,http", "https"),
        ("x-forwarded-proto", " https , http", "https"),
        ("x-forwarded-proto", "http,https", "http"),
        ("x-forwarded-proto", "wss", "https"),
        ("x-forwarded-proto", "gopher", None),
        ("x-forwarded-proto", "", None),
        ("forwarded", "proto=https", "https"),
        ("forwarded", 'for=1.2.3.4;Proto="HTTPS", proto=http', "https"),
        ("forwarded", "host=a.example, proto=https", "https"),
    ],
)
def test_the_scheme_is_the_one_that_the_client_used(name: str, value: str, scheme: str | None) -> None:
    assert read((name, value)).scheme == scheme


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ([("x-forwarded-host", "a.example")], "a.example"),
        ([("x-forwarded-host", "a.example, b.internal")], "a.example"),
        ([("x-forwarded-host", "a.example:8443")], "a.example:8443"),
        ([("x-forwarded-host", "a.example"), ("x-forwarded-port", "8443")], "a.example:8443"),
        ([("x-forwarded-host", "a.example:1"), ("x-forwarded-port", "8443")], "a.example:1"),
        (
            [("x-forwarded-host", "a.example"), ("x-forwarded-port", "443"), ("x-forwarded-proto", "https")],
            "a.example",
        ),
        ([("x-forwarded-host", "[2001:db8::1]"), ("x-forwarded-port", "81")], "[2001:db8::1]:81"),
        ([("forwarded", 'host="a.example:8443"')], "a.example:8443"),
        ([("x-forwarded-host", "a.example/evil")], None),
        ([("x-forwarded-host", "user@a.example")], None),
        ([("x-forwarded-host", "ñ.example")], None),
    ],
    ids=str,
)
def test_the_host_is_the_one_that_the_client_used(headers: list[tuple[str, str]], host: str | None) -> None:
    assert read(*headers).host == host


@pytest.mark.parametrize(
    ("value", "prefix"),
    [
        ("/escriba", "/escriba"),
        ("/escriba/", "/escriba"),
        ("escriba", "/escriba"),
        ("/a/b", "/a/b"),
        ("/a, /b", "/a/b"),
        ("/", ""),
        ("", ""),
        ("//evil.example", "/evil.example"),
        ("/a//evil", ""),
        ("/a/../b", ""),
        ("https://evil.example", ""),
        ("/a\r\nb", ""),
        ("/<script>", ""),
    ],
)
def test_the_prefix_is_a_path_and_nothing_else(value: str, prefix: str) -> None:
    assert read(("x-forwarded-prefix", value)).prefix == prefix


@pytest.mark.parametrize(
    ("names", "trusted", "others"),
    [
        (["private"], ["127.0.0.1", "10.1.2.3", "192.168.0.9", "100.64.0.1", "fd00::1", "::1"], ["9.9.9.9"]),
        (["9.9.9.0/24", "2001:db8::/32"], ["9.9.9.9", "2001:db8::7"], ["127.0.0.1", "9.9.8.9"]),
        (["*"], ["9.9.9.9", "127.0.0.1"], []),
        (["none"], [], ["127.0.0.1", "9.9.9.9"]),
        (["private", "9.9.9.9"], ["10.0.0.1", "9.9.9.9"], ["8.8.8.8"]),
    ],
    ids=str,
)
def test_which_peers_are_believed(names: list[str], trusted: list[str], others: list[str]) -> None:
    proxies = TrustedProxies(names)
    assert all(proxies.trust(parse_address(peer)) for peer in trusted)
    assert not any(proxies.trust(parse_address(peer)) for peer in others)


def test_a_caller_is_one_address_or_one_network_of_ipv6() -> None:
    assert name_client(ipaddress.ip_address("203.0.113.7")) == "address:203.0.113.7"
    assert name_client(ipaddress.ip_address("2001:db8::1:2:3:4")) == "address:2001:db8::/64"
    assert name_client(None) == "address:unknown"


@pytest.mark.parametrize(
    ("peer", "named", "client"),
    [
        ("192.168.1.5", "203.0.113.7", "address:203.0.113.7"),
        ("192.168.1.5", "127.0.0.1", "address:192.168.1.5"),
        ("192.168.1.5", "::5", "address:192.168.1.5"),
        ("127.0.0.1", "127.0.0.1", "address:127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "address:203.0.113.7"),
    ],
)
def test_only_this_machine_says_that_a_client_is_one_of_its_programs(
    peer: str, named: str, client: str
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    headers = [(b"host", b"a.example"), (b"x-forwarded-for", named.encode())]
    scope: dict[str, Any] = {"type": "http", "client": (peer, 5000), "headers": headers}
    asyncio.run(Edge(app, proxies=["private"], hops=1)(scope, None, None))
    assert scope["state"]["client"] == client
