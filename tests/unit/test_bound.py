"""The addresses a server is bound to, and the sentence on why it cannot be."""

from __future__ import annotations

import errno
import socket

import pytest

from common.local.server.serve import AddressUnusable, _sentence, bound


def closed(sockets: list[socket.socket]) -> list[tuple[socket.AddressFamily, int]]:
    told = [(one.family, one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return told


def test_a_name_is_bound_at_each_of_its_addresses_and_nothing_connects_yet() -> None:
    sockets = bound("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert closed(sockets) == [(socket.AF_INET, port)]


def test_every_address_of_both_families_can_have_the_same_port() -> None:
    if not socket.has_dualstack_ipv6():
        assert closed(bound("0.0.0.0", 0))
        return
    (_, port), *_ = closed(bound("::", 0))
    assert {family for family, _ in closed(bound("::", port) + bound("0.0.0.0", port))} == {
        socket.AF_INET,
        socket.AF_INET6,
    }


def test_a_port_is_free_again_after_a_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnusable, match=f"Something else listens on 127.0.0.1:{port} already"):
            bound("127.0.0.1", port)
    assert closed(bound("127.0.0.1", port)) == [(socket.AF_INET, port)]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "PORT 80 is for administrators. Choose one from 1024 up."),
        (errno.EADDRNOTAVAIL, "It cannot listen on HOST 127.0.0.1, PORT 80: no such address."),
    ],
)
def test_other_reasons_are_told_too(number: int, sentence: str) -> None:
    assert _sentence("127.0.0.1", 80, OSError(number, "no such address")) == sentence
