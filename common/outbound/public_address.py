"""Which addresses of strangers this server may call: public ones alone, at ports that serve the web. Pure."""

from __future__ import annotations

import ipaddress
import re

# Names that can be looked up: labels of 1 to 63 letters, 253 in all (RFC 1123, 2.1; RFC 1035, 2.3.4).
# Host names have no underscores, but some in use do.
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")

# The IPv6 addresses of the internet are allocated here; all others are local ones or translations.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")

# What IANA lists as special, whatever the standard library of this Python makes of it, and where clouds serve
# their own machines. An address that a gateway translates (6to4, Teredo, NAT64) says nothing of the network
# that its gateway leads into, so all of them are refused; NAT64 and mapped IPv4 lie outside 2000::/3 anyway.
# https://www.iana.org/assignments/iana-ipv4-special-registry · …/iana-ipv6-special-registry
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' networks; Alibaba's metadata: 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services
        "169.254.0.0/16",  # metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # Oracle's metadata: 192.0.0.192
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo, ORCHID and other protocols' own
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)

_LEAST_FREE_PORT = 1024
_WEB_PORTS = frozenset({80, 443})


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the internet's. Raises ValueError when it is not numeric."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and (ip.scope_id or ip not in _GLOBAL_UNICAST):
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _SPECIAL)


def may_be_public(host: str) -> bool:
    """False for addresses and names that can only be this machine's or its own network's."""
    name = host.removesuffix(".")
    try:
        return is_public(name)
    except ValueError:
        return "." in name and not name.lower().endswith((".localhost", ".local", ".internal"))


def may_be_called(port: int) -> bool:
    """The web's ports, and those that no privileged service has: no mail server is to read our requests."""
    return port in _WEB_PORTS or _LEAST_FREE_PORT <= port <= 65535


def can_be_looked_up(host: str, *, is_bracketed: bool) -> bool:
    """Brackets must hold an IPv6 address without a zone: a zone has a meaning on this machine only."""
    if not is_bracketed:
        return bool(_NAME.fullmatch(host.removesuffix(".")))
    try:
        return not ipaddress.IPv6Address(host).scope_id
    except ValueError:
        return False
