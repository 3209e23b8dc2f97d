"""Binding the server's sockets, and the sentence that says why it failed."""

from __future__ import annotations

import errno
import socket

import pytest

from common.local.server.serve import AddressUnusable, _sentence, bind_sockets


def close(sockets: list[socket.socket]) -> list[tuple[socket.AddressFamily, int]]:
    """Family and port of each, now closed."""
    places = [(bound.family, bound.getsockname()[1]) for bound in sockets]
    for bound in sockets:
        bound.close()
    return places


def test_every_address_of_a_name_is_bound_and_nothing_can_connect_yet() -> None:
    sockets = bind_sockets("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert close(sockets) == [(socket.AF_INET, port)]


def test_ipv4_and_ipv6_can_have_the_same_port() -> None:
    if not socket.has_dualstack_ipv6():
        assert close(bind_sockets("0.0.0.0", 0))
        return
    (_, port), *_ = close(bind_sockets("::", 0))
    assert {family for family, _ in close(bind_sockets("::", port) + bind_sockets("0.0.0.0", port))} == {
        socket.AF_INET,
        socket.AF_INET6,
    }


def test_a_port_that_is_taken_is_named_and_can_be_bound_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnusable, match=f"Something else listens on 127.0.0.1:{port} already"):
            bind_sockets("127.0.0.1", port)
    assert close(bind_sockets("127.0.0.1", port)) == [(socket.AF_INET, port)]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "PORT 80 is for administrators. Choose one from 1024 up."),
        (errno.EADDRNOTAVAIL, "It cannot listen on HOST 127.0.0.1, PORT 80: no such address."),
    ],
)
def test_other_reasons_have_a_sentence_too(number: int, sentence: str) -> None:
    assert _sentence("127.0.0.1", 80, OSError(number, "no such address")) == sentence
