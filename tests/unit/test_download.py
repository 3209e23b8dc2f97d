"""How a recording is fetched from an address, from a real server: whole, resumed, refused."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from common.backoff import Backoff
from common.download import fetch as module
from common.download.address import parse_address, redirected
from common.download.fetch import fetch
from common.download.limits import DownloadLimits
from common.download.response import content_of, failure_of, filename_of, resume_headers
from common.errors import (
    EscribaError,
    FileEmpty,
    OptionInvalid,
    UploadTooLarge,
    UrlDenied,
    UrlIsPage,
    UrlNotFound,
    UrlNotPublic,
    UrlRedirects,
    UrlTooSlow,
    UrlUnreachable,
    UrlUnusable,
)
from tests.file_server import (
    Answer,
    FileServer,
    broken_off,
    dribble,
    endless,
    redirect,
    silence,
    status,
    whole,
    without_length,
)

MB = 1024 * 1024
CONTENT = random.Random(1).randbytes(3 * MB)
LIMITS = DownloadLimits(max_bytes=4 * MB, seconds=20, idle=5, min_rate=0, private_allowed=True)
PATH = "/a/clip.mp3"


@pytest.fixture(scope="module")
def running() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture
def files(running: FileServer) -> FileServer:
    running.reset()
    running.files[PATH] = CONTENT
    return running


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", Backoff((0.0,)))


async def test_a_recording_comes_whole_with_its_hash_and_name(files: FileServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    got = await fetch(
        f"{files.url}{PATH}?x=1", tmp_path, limits=LIMITS, on_progress=lambda *far: seen.append(far)
    )
    assert got.path.read_bytes() == CONTENT
    assert (got.size_bytes, got.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert got.filename == "clip.mp3"
    assert got.path.stat().st_mode & 0o777 == 0o600
    assert [received for received, _ in seen] == sorted(received for received, _ in seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    (asked,) = files.requests
    assert (asked.path, asked.headers["accept-encoding"]) == (f"{PATH}?x=1", "identity")
    assert asked.headers["host"] == f"127.0.0.1:{files.port}"


async def test_the_length_need_not_be_known(files: FileServer, tmp_path: Path) -> None:
    files.script.append(without_length)
    got = await fetch(files.url + PATH, tmp_path, limits=LIMITS)
    assert got.path.read_bytes() == CONTENT


async def test_a_broken_connection_is_resumed_where_it_broke(files: FileServer, tmp_path: Path) -> None:
    files.script += [broken_off(0.4), broken_off(0.5), whole]
    got = await fetch(files.url + PATH, tmp_path, limits=LIMITS)
    assert got.path.read_bytes() == CONTENT
    assert got.sha256 == hashlib.sha256(CONTENT).hexdigest()
    starts = [asked.headers.get("range") for asked in files.requests]
    assert starts[0] is None
    assert [bool(start and start.startswith("bytes=")) for start in starts[1:]] == [True, True]
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_recording_that_changed_meanwhile_comes_whole(files: FileServer, tmp_path: Path) -> None:
    other = CONTENT[::-1]

    def change(handler: object, content: bytes) -> None:
        files.files[PATH] = other
        broken_off(0.5)(handler, content)  # type: ignore[arg-type]

    files.script.append(change)
    got = await fetch(files.url + PATH, tmp_path, limits=LIMITS)
    assert got.path.read_bytes() == other
    assert len(list(tmp_path.iterdir())) == 1


async def test_without_a_version_it_begins_anew(files: FileServer, tmp_path: Path) -> None:
    files.has_tags = False
    files.script.append(broken_off(0.5))
    got = await fetch(files.url + PATH, tmp_path, limits=LIMITS)
    assert got.path.read_bytes() == CONTENT
    assert "range" not in files.requests[1].headers


async def test_a_server_that_cannot_go_on_is_asked_for_all(files: FileServer, tmp_path: Path) -> None:
    files.script += [broken_off(0.5), status(416)]
    got = await fetch(files.url + PATH, tmp_path, limits=LIMITS)
    assert got.path.read_bytes() == CONTENT


async def test_a_connection_that_breaks_at_the_same_place_each_time_is_given_up(
    files: FileServer, tmp_path: Path
) -> None:
    files.has_tags = False
    files.script += [broken_off(0.5)] * 9
    with pytest.raises(UrlUnreachable):
        await fetch(files.url + PATH, tmp_path, limits=LIMITS)
    assert len(files.requests) == 4
    assert list(tmp_path.iterdir()) == []


async def test_redirects_are_followed_relative_ones_too(files: FileServer, tmp_path: Path) -> None:
    files.script += [redirect("/b", 301), redirect(f"{files.url}{PATH}", 307)]
    got = await fetch(f"{files.url}/start.m4a", tmp_path, limits=LIMITS)
    assert got.size_bytes == len(CONTENT)
    assert [asked.path for asked in files.requests] == ["/start.m4a", "/b", PATH]
    assert got.filename == "start.m4a"


async def test_no_cookie_of_one_hop_goes_to_another(files: FileServer, tmp_path: Path) -> None:
    files.script.append(status(302, Location=PATH, Set_Cookie="a=b; Path=/"))
    await fetch(f"{files.url}/start", tmp_path, limits=LIMITS)
    assert [asked.headers.get("cookie") for asked in files.requests] == [None, None]


REFUSED: dict[str, tuple[Answer, type[EscribaError]]] = {
    "gone": (status(410), UrlNotFound),
    "missing": (status(404), UrlNotFound),
    "forbidden": (status(403), UrlDenied),
    "sign in": (status(401), UrlDenied),
    "broken": (status(500), UrlUnreachable),
    "busy": (status(429, Retry_After="7"), UrlUnreachable),
    "teapot": (status(418), UrlUnusable),
    "no content": (status(204), UrlUnusable),
    "empty": (status(200), FileEmpty),
    "packed": (status(200, b"x", Content_Encoding="gzip"), UrlUnusable),
    "page": (status(200, b"\n<!DOCTYPE html><html>" + b" " * 99, Content_Type="audio/mpeg"), UrlIsPage),
    "to mail": (redirect("http://127.0.0.1:0/"), OptionInvalid),
    "to a file": (redirect("file:///etc/passwd"), OptionInvalid),
    "too large": (status(200, b"x" * 10, Content_Range="x"), UploadTooLarge),
    "endless": (endless, UploadTooLarge),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_is_no_recording_has_its_own_error_and_leaves_nothing(
    kind: str, files: FileServer, tmp_path: Path
) -> None:
    answer, error = REFUSED[kind]
    files.script.append(answer)
    limits = replace(LIMITS, max_bytes=9) if kind == "too large" else LIMITS
    with pytest.raises(error) as caught:
        await fetch(files.url + PATH, tmp_path, limits=limits)
    assert list(tmp_path.iterdir()) == []
    assert caught.value.message("en") != caught.value.message("es")
    if kind == "busy":
        assert caught.value.retry_after == 7


async def test_what_says_to_be_too_large_is_not_received(files: FileServer, tmp_path: Path) -> None:
    with pytest.raises(UploadTooLarge):
        await fetch(files.url + PATH, tmp_path, limits=replace(LIMITS, max_bytes=MB))
    assert list(tmp_path.iterdir()) == []


async def test_a_circle_of_redirects_ends(files: FileServer, tmp_path: Path) -> None:
    files.script += [redirect(PATH)] * 20
    with pytest.raises(UrlRedirects):
        await fetch(files.url + PATH, tmp_path, limits=LIMITS)
    assert len(files.requests) == 6


async def test_a_page_is_refused_by_its_first_bytes(files: FileServer, tmp_path: Path) -> None:
    files.files[PATH] = b"<html>" + b" " * MB
    files.script.append(dribble(60))
    with pytest.raises(UrlIsPage):
        await fetch(files.url + PATH, tmp_path, limits=LIMITS)


async def test_a_server_that_dribbles_or_falls_silent_is_too_slow(
    files: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.2)
    files.script.append(dribble(60, pieces=600))
    with pytest.raises(UrlTooSlow):
        await fetch(files.url + PATH, tmp_path, limits=replace(LIMITS, min_rate=10 * MB))
    files.script.append(dribble(60, pieces=600))
    with pytest.raises(UrlTooSlow):
        await fetch(files.url + PATH, tmp_path, limits=replace(LIMITS, seconds=0.5))
    files.script += [silence(3)] * 5
    with pytest.raises(UrlUnreachable):
        await fetch(files.url + PATH, tmp_path, limits=replace(LIMITS, idle=0.1))
    assert list(tmp_path.iterdir()) == []


async def test_no_connection_is_an_error_at_once(tmp_path: Path) -> None:
    with FileServer() as gone:
        url = gone.url
    with pytest.raises(UrlUnreachable):
        await fetch(url, tmp_path, limits=LIMITS)


# ── public addresses alone ────────────────────────────────────────────────────────────────────────

GUARDED = replace(LIMITS, private_allowed=False)


def resolving(names: dict[str, list[str]]) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(name: str, port: int) -> list[str]:
        return names[name]

    return resolve


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
async def test_a_name_with_private_addresses_is_not_called(
    address: str, files: FileServer, tmp_path: Path
) -> None:
    with pytest.raises(UrlNotPublic):
        await fetch(
            f"http://rebound.example:{files.port}{PATH}",
            tmp_path,
            limits=GUARDED,
            resolve=resolving({"rebound.example": [address]}),
        )
    assert files.requests == []


async def test_each_hop_is_checked_and_looked_up_once(
    files: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address of this machine is public: one is declared to be."""
    monkeypatch.setattr("common.outbound.pinned.is_public", lambda address: address == "127.0.0.1")
    looked_up: list[str] = []

    async def resolve(name: str, port: int) -> list[str]:
        looked_up.append(name)
        return ["127.0.0.1"] if name == "public.example" else ["127.0.0.2"]

    url = f"http://public.example:{files.port}{PATH}"
    got = await fetch(url, tmp_path, limits=GUARDED, resolve=resolve)
    assert got.size_bytes == len(CONTENT)
    assert looked_up == ["public.example"]
    assert files.requests[0].headers["host"] == f"public.example:{files.port}"
    files.script.append(redirect(f"http://inside.example:{files.port}/secret"))
    with pytest.raises(UrlNotPublic):
        await fetch(url, tmp_path, limits=GUARDED, resolve=resolve)
    assert looked_up == ["public.example", "public.example", "inside.example"]
    for target in ("http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://public.example:25/"):
        files.script.append(redirect(target))
        with pytest.raises(UrlNotPublic):
            await fetch(url, tmp_path, limits=GUARDED, resolve=resolve)
    assert [asked.path for asked in files.requests if asked.path != PATH] == []


# ── pure rules ────────────────────────────────────────────────────────────────────────────────────

PUBLIC = {
    "https://example.com/a.mp3": "https://example.com/a.mp3",
    "HTTP://EXAMPLE.com:80/a b.mp3#t=5": "http://example.com/a%20b.mp3",
    "https://ñandú.example/grabación.mp3?q=ñ": "https://xn--and-6ma2c.example/grabaci%C3%B3n.mp3?q=%C3%B1",
    "https://bucket.s3.amazonaws.com/a%2Fb.mp3?X-Amz-Signature=a%2Bb": (
        "https://bucket.s3.amazonaws.com/a%2Fb.mp3?X-Amz-Signature=a%2Bb"
    ),
    "https://[2606:4700:4700::1111]:8443/a": "https://[2606:4700:4700::1111]:8443/a",
}


@pytest.mark.parametrize("url", PUBLIC)
def test_an_address_is_called_as_it_is_written(url: str) -> None:
    assert str(parse_address(url, private_allowed=False)) == PUBLIC[url]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.mp3",
        "//example.com/a",
        "ftp://example.com/a.mp3",
        "file:///etc/passwd",
        "data:audio/wav;base64,AAAA",
        "https://user:password@example.com/a",
        "https://user@example.com/a",
        "https://a..com/",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://example.com:99999/",
        "https://[::1%25eth0]/",
        f"https://example.com/{'a' * 9000}",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    for private_allowed in (False, True):
        with pytest.raises(OptionInvalid):
            parse_address(url, private_allowed=private_allowed)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/a",
        "http://127.0.0.1:8000/health",
        "http://2130706433/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://printer.local/a",
        "https://example.com:25/",
        "https://example.com:81/",
        "http://db/a",
    ],
)
def test_private_addresses_are_refused_without_a_look_up(url: str) -> None:
    with pytest.raises(UrlNotPublic):
        parse_address(url, private_allowed=False)


def test_a_redirect_is_checked_as_any_address() -> None:
    address = parse_address("https://example.com/a/b.mp3", private_allowed=False)
    assert str(redirected(address, "../c.mp3?d", private_allowed=False)) == "https://example.com/c.mp3?d"
    with pytest.raises(UrlNotPublic):
        redirected(address, "//localhost/a", private_allowed=False)


def test_only_a_strong_version_continues_a_file() -> None:
    def version(**fields: str) -> str | None:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        content = content_of(200, headers, expected_start=0)
        assert content is not None
        return content.version

    assert version(etag='"a"', last_modified="Sat") == '"a"'
    assert version(etag='W/"a"', last_modified="Sat") == "Sat"
    assert version(etag='W/"a"') is None
    assert resume_headers(5, '"a"') == {"Range": "bytes=5-", "If-Range": '"a"'}
    assert resume_headers(0, '"a"') == resume_headers(5, None) == {}


@pytest.mark.parametrize("value", ["bytes 6-9/10", "bytes 4-9/10", "items 5-9/10", "", "bytes 5-9"])
def test_another_range_than_was_asked_for_is_not_appended(value: str) -> None:
    assert content_of(206, {"content-range": value}, expected_start=5) is None


def test_the_range_that_was_asked_for_is() -> None:
    for total, expected in (("10", 10), ("*", None)):
        content = content_of(206, {"content-range": f"bytes 5-9/{total}"}, expected_start=5)
        assert content is not None
        assert (content.start, content.total) == (5, expected)


def test_a_server_may_ask_to_wait_but_not_for_ever() -> None:
    assert failure_of(503, {"retry-after": "30"}).retry_after == 30
    assert failure_of(503, {"retry-after": "999999"}).retry_after == 3600
    assert failure_of(503, {"retry-after": "Sat, 28 Nov 2026"}).retry_after is None


@pytest.mark.parametrize(
    ("path", "disposition", "name"),
    [
        ("/a/clip.mp3", None, "clip.mp3"),
        ("/a/grabaci%C3%B3n%20uno.mp3", None, "grabación uno.mp3"),
        ("/a", 'attachment; filename="../../etc/x.mp3"', "x.mp3"),
        ("/", None, None),
        ("/a.mp3", "attachment" + "; a=b" * 100, "a.mp3"),
        ("/a.mp3", ";;=;\x00", "a.mp3"),
        ("/a/..%2F..%2Fpasswd", None, "passwd"),
        ("/%00%ff", 'attachment; filename=""', "\ufffd"),
    ],
)
def test_a_name_is_only_to_show(path: str, disposition: str | None, name: str | None) -> None:
    assert filename_of(path, disposition) == name
