"""Which pages and which names a request may come by."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from common.errors import HostUnknown, OriginRefused
from common.http.foreign_pages import KnownPages, is_loopback


def connection(method: str = "POST", path: str = "/transcribe", **headers: str) -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    state = {"host": headers.get("host", "")}
    return HTTPConnection({"type": "http", "method": method, "path": path, "headers": raw, "state": state})


PAGES = KnownPages(origins=("https://page.example",))


@pytest.mark.parametrize(
    ("pages", "request_"),
    [
        (PAGES, connection(host="api.example")),
        (PAGES, connection(host="api.example", origin="https://page.example")),
        (PAGES, connection(host="api.example", origin="https://api.example")),
        (PAGES, connection("GET", host="api.example", origin="https://evil.example")),
        (KnownPages(), connection(host="api.example", origin="https://evil.example")),
        (KnownPages(origins=("*",)), connection(host="api.example", origin="https://evil.example")),
        (KnownPages(public_url="https://api.example/x"), connection(host="api.example")),
        (KnownPages(is_local=True), connection(host="[::1]:8000")),
        (KnownPages(is_local=True), connection(path="/health", host="evil.example")),
    ],
)
async def test_what_comes_from_our_own_pages_and_by_our_own_names_passes(
    pages: KnownPages, request_: HTTPConnection
) -> None:
    await pages.check(request_)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://["])
async def test_another_origin_changes_nothing(origin: str) -> None:
    with pytest.raises(OriginRefused):
        await PAGES.check(connection(host="api.example", origin=origin))


@pytest.mark.parametrize("host", ["evil.example", "[", "", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("pages", [KnownPages(is_local=True), KnownPages(public_url="https://api.example")])
async def test_another_name_reaches_nothing(pages: KnownPages, host: str) -> None:
    with pytest.raises(HostUnknown):
        await pages.check(connection(host=host))


@pytest.mark.parametrize(
    ("name", "is_it"),
    [("localhost", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False)],
)
def test_this_machine_has_names_that_no_resolver_can_change(name: str, is_it: bool) -> None:
    assert is_loopback(name) is is_it
