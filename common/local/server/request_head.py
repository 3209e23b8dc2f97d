"""What a request's first line and headers may be, beyond what the parser checks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from common.errors import RequestMalformed

Headers = Iterable[tuple[bytes, bytes]]

# A name or an IPv4 address, or an IPv6 address in brackets; then perhaps a port (RFC 3986, 3.2.2 and 3.2.3).
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?")

# What Connection lists when a client offers HTTP/2 in clear text (RFC 7540, 3.2), or another protocol.
_UPGRADE_TOKENS = {b"upgrade", b"http2-settings"}


def check_host(headers: Headers, *, http_version: str) -> None:
    """At most one Host, a valid one, and in HTTP/1.1 no fewer (RFC 9112, 3.2). Raises RequestMalformed."""
    hosts = [value for name, value in headers if name == b"host"]
    is_missing = not hosts and http_version != "1.0"
    if is_missing or len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)):
        raise RequestMalformed


def content_length(headers: Headers) -> int:
    """The bytes that Content-Length announces; 0 without one."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def has_body(headers: Headers) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in headers)


def head_bytes(url: bytes, headers: Headers) -> int:
    """The size of URL and header lines as they were sent, without optional spaces."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def without_upgrade(method: bytes, url: bytes, headers: Headers, *, http_version: str) -> bytes:
    """The same request line and headers, as a client sends them that offers no other protocol."""
    lines = [b"%b %b HTTP/%b" % (method, url, http_version.encode())]
    for name, value in headers:
        if name == b"connection":
            tokens = [token.strip() for token in value.split(b",")]
            kept = [token for token in tokens if token.lower() not in _UPGRADE_TOKENS]
            lines += [b"connection: %b" % b", ".join(kept)] if kept else []
        elif name not in _UPGRADE_TOKENS:
            lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join([*lines, b"", b""])
