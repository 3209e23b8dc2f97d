"""Which numeric addresses, names and ports of strangers count as public."""

from __future__ import annotations

import pytest

from common.outbound.public_address import is_public, may_be_called, may_be_public

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "99.255.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.255",
    "192.88.98.255",
    "198.17.255.255",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4003:80e::200e",
]

NOT_PUBLIC = {
    "this network": "0.0.0.0",
    "private, 10": "10.255.255.255",
    "private, 172.16": "172.16.0.1",
    "private, 192.168": "192.168.1.1",
    "carriers": "100.64.0.1",
    "metadata of Alibaba": "100.100.100.200",
    "loopback": "127.0.0.1",
    "loopback, last": "127.255.255.255",
    "Azure": "168.63.129.16",
    "metadata of most clouds": "169.254.169.254",
    "metadata of ECS tasks": "169.254.170.2",
    "protocol assignments": "192.0.0.1",
    "anycast of PCP": "192.0.0.9",
    "metadata of Oracle": "192.0.0.192",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "AS112": "192.31.196.1",
    "AMT": "192.52.193.1",
    "6to4 relay": "192.88.99.1",
    "6to4 relay, last": "192.88.99.255",
    "AS112, direct": "192.175.48.1",
    "benchmarks": "198.19.255.255",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6 loopback": "::1",
    "v6 unspecified": "::",
    "v6 compatible": "::127.0.0.1",
    "v6 mapped": "::ffff:127.0.0.1",
    "v6 mapped, public": "::ffff:8.8.8.8",
    "v6 translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, public": "64:ff9b::808:808",
    "NAT64, local": "64:ff9b:1::1",
    "discard": "100::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "v6 benchmarks": "2001:2::1",
    "ORCHID": "2001:20::1",
    "v6 documentation": "2001:db8::1",
    "6to4": "2002:7f00:1::",
    "6to4, public": "2002:808:808::",
    "v6 AS112": "2620:4f:8000::1",
    "v6 documentation 2": "3fff::1",
    "v6 documentation 2, last": "3fff:fff:ffff:ffff::1",
    "unallocated": "4000::1",
    "segment routing": "5f00::1",
    "unique local": "fd00:ec2::254",
    "link local": "fe80::1",
    "link local with a zone": "fe80::1%eth0",
    "public with a zone": "2606:4700::1%eth0",
    "site local": "fec0::1",
    "v6 multicast": "ff02::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)
    assert may_be_public(address)


@pytest.mark.parametrize("kind", NOT_PUBLIC)
def test_a_special_address_is_not(kind: str) -> None:
    assert not is_public(NOT_PUBLIC[kind])
    assert not may_be_public(NOT_PUBLIC[kind])


@pytest.mark.parametrize(
    "name", ["localhost", "localhost.", "a.LOCALHOST", "printer.local", "db.internal.", "db", "2130706433"]
)
def test_a_name_of_the_own_network_is_not(name: str) -> None:
    assert not may_be_public(name)


def test_only_ports_that_serve_the_web_are_called() -> None:
    assert [port for port in (80, 443, 1024, 8443, 65535) if not may_be_called(port)] == []
    assert [port for port in (0, 22, 25, 81, 445, 993, 1023, 65536) if may_be_called(port)] == []
