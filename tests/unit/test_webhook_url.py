"""Which addresses a stranger may have the server call."""

from __future__ import annotations

import pytest

from common.delivery.webhook_url import check_callback_url
from common.errors import OptionInvalid

PUBLIC = [
    "https://example.com/hook?job=1",
    "https://example.com./hook",
    "https://a_b.example.com:8443/",
    "https://1.1.1.1/",
    "https://[2606:4700:4700::1111]/",
]

PRIVATE = [
    "http://example.com/",
    "https://localhost/",
    "https://localhost./",
    "https://printer.local/",
    "https://metadata.google.internal./",
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.100.100.200/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:4700::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://user@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:25/",
    "https://example.com:81/",
]

# The first two made getaddrinfo raise UnicodeError: they must not get that far.
INVALID = [
    "https://a..com/",
    f"https://{'a' * 64}.com/",
    f"https://{'a.' * 130}com/",
    "https://.example.com/",
    "https://[v1.a]/",
    "https://%6c%6fcalhost.com/",
    "https://exa*mple.com/",
    "https:///hook",
    "//example.com/",
    "https://exámple.com/",
    "https://example.com/\n",
    f"https://example.com/{'a' * 2048}",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_public_addresses_are_accepted(url: str) -> None:
    assert check_callback_url(url, private_allowed=False) == url


@pytest.mark.parametrize("url", PRIVATE + INVALID)
def test_private_and_invalid_addresses_are_refused(url: str) -> None:
    with pytest.raises(OptionInvalid):
        check_callback_url(url, private_allowed=False)


@pytest.mark.parametrize("url", ["http://localhost:9000/", "https://10.0.0.1/", "http://[::1]:80/"])
def test_private_addresses_are_accepted_where_the_owner_allows_them(url: str) -> None:
    assert check_callback_url(url, private_allowed=True) == url


@pytest.mark.parametrize("url", INVALID)
def test_names_that_cannot_be_looked_up_are_refused_even_there(url: str) -> None:
    with pytest.raises(OptionInvalid):
        check_callback_url(url, private_allowed=True)
