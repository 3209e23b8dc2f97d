"""Receiving a multipart body: any chunking, any order, hostile names, every limit, no file left behind."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from common import errors
from common.http.disconnect import body_of as blocks_of
from common.upload.file import UploadFile
from common.upload.form import MAX_FIELDS_BYTES, MAX_PARTS, MAX_VALUE_BYTES, display_name
from common.upload.receive import ENVELOPE_BYTES, Upload, receive

BOUNDARY = b"------------------------x3d74496d66958873e"
MB = 1024 * 1024

Part = tuple[bytes, bytes]  # everything after `Content-Disposition: form-data`, content


def file_part(content: bytes, filename: bytes = b"a.mp3", name: bytes = b"file") -> Part:
    return b'; name="%s"; filename="%s"\r\nContent-Type: audio/mpeg' % (name, filename), content


def field_part(name: bytes, value: bytes) -> Part:
    return b'; name="%s"' % name, value


def body_of(*parts: Part, boundary: bytes = BOUNDARY) -> bytes:
    head = b"".join(
        b"--" + boundary + b"\r\nContent-Disposition: form-data" + rest + b"\r\n\r\n" + content + b"\r\n"
        for rest, content in parts
    )
    return head + b"--" + boundary + b"--\r\n"


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def cut(body: bytes, sizes: Iterator[int]) -> list[bytes]:
    pieces, at = [], 0
    while at < len(body):
        size = next(sizes)
        pieces.append(body[at : at + size])
        at += size
    return pieces


def every(size: int) -> Iterator[int]:
    while True:
        yield size


def headers(boundary: bytes = BOUNDARY) -> dict[str, str]:
    return {"content-type": f"multipart/form-data; boundary={boundary.decode('latin-1')}"}


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def empty(folder: Path) -> None:
    for path in left_in(folder):
        path.unlink()


def take(
    folder: Path,
    body: bytes,
    *,
    piece: int = 65536,
    max_bytes: int = 25 * MB,
    digest: bool = False,
    boundary: bytes = BOUNDARY,
) -> Upload:
    pieces = stream(cut(body, every(piece)))
    return asyncio.run(receive(pieces, headers(boundary), folder, max_bytes=max_bytes, digest=digest))


def refused(folder: Path, body: bytes, error: type[errors.EscribaError], **how: int) -> errors.EscribaError:
    with pytest.raises(error) as caught:
        take(folder, body, **how)  # type: ignore[arg-type]
    assert left_in(folder) == []
    return caught.value


# ── what arrives ──────────────────────────────────────────────────────────────────────────────────


awkward = st.binary(max_size=600) | st.lists(
    st.sampled_from(
        [b"\r\n", b"\r", b"--", BOUNDARY[:-1], b"\r\n--" + BOUNDARY[:-1], b"\r\n--x", b"a", b"\0"]
    ),
    max_size=40,
).map(b"".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=awkward.filter(bool),
    fields=st.lists(
        st.tuples(st.sampled_from(["language", "prompt", "timestamps"]), st.text(max_size=30)), max_size=4
    ),
    place=st.integers(0, 4),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=8),
)
def test_any_chunking_and_any_order_give_the_same_upload(
    tmp_path: Path, content: bytes, fields: list[tuple[str, str]], place: int, sizes: list[int]
) -> None:
    parts = [field_part(name.encode(), value.encode()) for name, value in fields]
    parts.insert(place, file_part(content))
    body = body_of(*parts)

    def around() -> Iterator[int]:
        while True:
            yield from sizes

    upload = asyncio.run(receive(stream(cut(body, around())), headers(), tmp_path, max_bytes=MB, digest=True))

    assert upload.path.read_bytes() == content
    assert upload.size_bytes == len(content)
    assert upload.fields == tuple(fields)
    assert upload.filename == "a.mp3"
    assert upload.sha256 == hashlib.sha256(content).hexdigest()
    upload.path.unlink()


@pytest.mark.parametrize("piece", [1000, 65536, 262144, 4 * MB])
def test_a_file_of_many_writes_arrives_whole(tmp_path: Path, piece: int) -> None:
    content = os.urandom(5 * MB + 17)
    upload = take(tmp_path, body_of(file_part(content), field_part(b"language", b"es")), piece=piece)
    assert upload.path.read_bytes() == content
    assert upload.sha256 is None
    assert upload.fields == (("language", "es"),)


def test_the_file_is_ours_alone_and_its_name_is_not_the_clients(tmp_path: Path) -> None:
    upload = take(tmp_path, body_of(file_part(b"sound", b"../../etc/passwd")))
    assert upload.path.parent == tmp_path
    assert upload.path.stat().st_mode & 0o777 == 0o600
    assert "passwd" not in upload.path.name
    assert upload.filename == "passwd"


def test_a_file_that_is_there_is_neither_overwritten_nor_deleted(tmp_path: Path) -> None:
    taken = tmp_path / "same.upload"
    taken.write_text("another's")
    pieces = stream([body_of(file_part(b"sound"))])
    with pytest.raises(FileExistsError):
        asyncio.run(receive(pieces, headers(), tmp_path, max_bytes=MB, token=lambda: "same"))
    assert taken.read_text() == "another's"


def test_a_field_may_repeat_and_keeps_its_order(tmp_path: Path) -> None:
    body = body_of(
        field_part(b"timestamps", b"word"), file_part(b"sound"), field_part(b"timestamps", b"segment")
    )
    assert take(tmp_path, body).fields == (("timestamps", "word"), ("timestamps", "segment"))


def test_text_after_the_last_boundary_is_ignored_but_counted(tmp_path: Path) -> None:
    body = body_of(file_part(b"sound"))
    assert take(tmp_path, body + b"epilogue").size_bytes == 5
    empty(tmp_path)
    refused(tmp_path, body + b"x" * (MB + ENVELOPE_BYTES), errors.UploadTooLarge, max_bytes=MB)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"../../etc/passwd", "passwd"),
        (b"C:\\fakepath\\voz.m4a", "voz.m4a"),
        (b"a\0b.mp3", "ab.mp3"),
        (b"\x1b[31mred\x1b[0m.mp3", "[31mred[0m.mp3"),
        (b"%22quoted%22.mp3", '"quoted".mp3'),
        ("gpj.\u202eexe".encode(), "gpj.exe"),
        ("3.00\u202fPM.mp4".encode(), "3.00 PM.mp4"),
        ("n\u0303.mp3".encode(), "ñ.mp3"),
        (b"\xff.mp3", "\ufffd.mp3"),
        (b"..", None),
        (b"a/", None),
        (b" \r\n\t", None),
        (b"", None),
    ],
)
def test_a_name_is_made_fit_to_be_shown(raw: bytes, shown: str | None) -> None:
    assert display_name(raw) == shown


@given(st.binary(max_size=2000))
def test_no_name_is_a_path_or_longer_than_a_file_system_takes(raw: bytes) -> None:
    name = display_name(raw)
    assert name is None or (len(name.encode()) <= 255 and name.isprintable() and not {"/", "\\"} & set(name))


def test_a_long_name_keeps_its_ending() -> None:
    name = display_name("ñ".encode() * 300 + b".mp3")
    assert name is not None
    assert name.endswith("ñ.mp3")
    assert 250 <= len(name.encode()) <= 255
    assert display_name(b"a" * 300 + b"." + b"b" * 40) == "a" * 255


@pytest.mark.parametrize(
    ("disposition", "shown"),
    [
        (b'; name="file"; filename="plain.mp3"; filename*=UTF-8\'\'..%2F..%2Fevil.mp3', "plain.mp3"),
        (b'; name="file"; filename="a\\"b.mp3"', 'a"b.mp3'),
        (b'; name="file"; filename="a;b=c.mp3"', "a;b=c.mp3"),
        (b"; name=file; filename=bare.mp3", "bare.mp3"),
        ('; name="file"; filename="grabación.mp3"'.encode(), "grabación.mp3"),
    ],
)
def test_names_are_read_as_browsers_and_curl_write_them(
    tmp_path: Path, disposition: bytes, shown: str
) -> None:
    assert take(tmp_path, body_of((disposition, b"sound"))).filename == shown


@pytest.mark.alone
def test_headers_made_of_semicolons_cost_next_to_nothing(tmp_path: Path) -> None:
    costly = field_part(b"prompt", b"x")[0] + b";" * 11_000
    began = time.process_time()
    refused(tmp_path, body_of(*[(costly, b"x")] * 30), errors.BodyMalformed)
    told = {"content-type": "multipart/form-data" + ";" * 24_000}
    with pytest.raises(errors.BodyMalformed):
        asyncio.run(receive(stream([]), told, tmp_path, max_bytes=MB))
    assert time.process_time() - began < 1  # the first parts alone took as long


# ── what is refused ───────────────────────────────────────────────────────────────────────────────


def test_a_file_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    assert take(tmp_path, body_of(file_part(bytes(MB))), max_bytes=MB).size_bytes == MB
    empty(tmp_path)
    error = refused(tmp_path, body_of(file_part(bytes(MB + 1))), errors.UploadTooLarge, max_bytes=MB)
    assert error.details == {"limit_mb": "1"}


def test_reading_stops_where_the_limit_is_passed(tmp_path: Path) -> None:
    given_out = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given_out
        yield body_of(file_part(b"")).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        while True:
            given_out += 65536
            yield bytes(65536)

    with pytest.raises(errors.UploadTooLarge):
        asyncio.run(receive(endless(), headers(), tmp_path, max_bytes=MB))
    assert given_out <= MB + 65536
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([], errors.FileMissing),
        ([field_part(b"language", b"es")], errors.FileMissing),
        ([field_part(b"file", b"sound")], errors.FileMissing),
        ([file_part(b"sound", name=b"audio")], errors.FileMissing),
        ([file_part(b"", b"")], errors.FileMissing),
        ([file_part(b"")], errors.FileEmpty),
        ([file_part(b"one"), file_part(b"two")], errors.FileRepeated),
        ([file_part(b"one"), file_part(b"two", name=b"other")], errors.FileRepeated),
        ([file_part(b"one"), field_part(b"language", b"\xff")], errors.BodyMalformed),
        ([field_part(b"\xff", b"es"), file_part(b"one")], errors.BodyMalformed),
        ([field_part(b"a\x00b", b"es"), file_part(b"one")], errors.BodyMalformed),
        ([(b"; filename=x", b"nameless")], errors.BodyMalformed),
        (
            [(b'; name="file"; filename="x"\r\nContent-Transfer-Encoding: base64', b"c291bmQ=")],
            errors.BodyMalformed,
        ),
        ([file_part(b"one")] + [field_part(b"a", b"b")] * MAX_PARTS, errors.BodyMalformed),
        ([file_part(b"one"), field_part(b"a", b"b" * (MAX_VALUE_BYTES + 1))], errors.BodyMalformed),
        ([field_part(b"n" * 9000, b"b"), file_part(b"one")], errors.BodyMalformed),
        ([field_part(b"n" * 90000, b"b"), file_part(b"one")], errors.BodyMalformed),
        (
            [file_part(b"one")] + [field_part(b"a", b"b" * 8000)] * (MAX_FIELDS_BYTES // 8000 + 1),
            errors.BodyMalformed,
        ),
    ],
)
def test_a_wrong_form_is_refused_and_leaves_nothing(
    tmp_path: Path, parts: list[Part], error: type[errors.EscribaError]
) -> None:
    refused(tmp_path, body_of(*parts), error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not multipart at all",
        body_of(file_part(b"sound"))[:-10],
        body_of(file_part(b"sound")).replace(b"Content-Disposition: form-data", b"X: y"),
        body_of(file_part(b"sound")).replace(b"form-data", b"attachment"),
        body_of((b"\r\nA b: c", b"sound")),
    ],
)
def test_a_body_that_is_no_form_is_malformed(tmp_path: Path, body: bytes) -> None:
    refused(tmp_path, body, errors.BodyMalformed)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({}, errors.MediaTypeUnsupported),
        ({"content-type": "application/json"}, errors.MediaTypeUnsupported),
        ({"content-type": "multipart/mixed; boundary=x"}, errors.MediaTypeUnsupported),
        ({"content-type": "multipart/form-data"}, errors.BodyMalformed),
        ({"content-type": "multipart/form-data; boundary="}, errors.BodyMalformed),
        ({"content-type": "multipart/form-data; boundary=" + "x" * 71}, errors.BodyMalformed),
        ({**headers(), "content-encoding": "gzip"}, errors.EncodingUnsupported),
    ],
)
def test_wrong_headers_are_refused_before_the_body_is_read(
    tmp_path: Path, sent: dict[str, str], error: type[errors.EscribaError]
) -> None:
    given_out: list[bytes] = []

    async def watched() -> AsyncIterator[bytes]:
        given_out.append(b"some")
        yield b"some"

    with pytest.raises(error):
        asyncio.run(receive(watched(), sent, tmp_path, max_bytes=MB))
    assert given_out == []


def test_identity_is_no_encoding(tmp_path: Path) -> None:
    sent = {**headers(), "content-encoding": "identity"}
    pieces = stream([body_of(file_part(b"sound"))])
    assert asyncio.run(receive(pieces, sent, tmp_path, max_bytes=MB)).size_bytes == 5


@pytest.mark.alone
def test_a_short_boundary_serves_but_not_thousands_of_them(tmp_path: Path) -> None:
    assert take(tmp_path, body_of(file_part(b"sound"), boundary=b"x"), boundary=b"x").size_bytes == 5
    empty(tmp_path)
    body = body_of(file_part(b"\r\n--x." * 500_000), boundary=b"x")
    began = time.process_time()
    with pytest.raises(errors.BodyMalformed):
        take(tmp_path, body, boundary=b"x")
    # The parser alone takes ten times as long for all of it.
    assert time.process_time() - began < 0.2
    assert left_in(tmp_path) == []


# ── what goes wrong around it ─────────────────────────────────────────────────────────────────────


def test_a_client_that_hangs_up_leaves_no_file(tmp_path: Path) -> None:
    body = body_of(file_part(bytes(3 * MB)))[:-100]
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
    )

    async def message() -> dict[str, Any]:
        told = next(messages)
        assert len(left_in(tmp_path)) == (1 if told["type"] == "http.disconnect" else 0)
        return told

    request = Request({"type": "http"}, message)
    with pytest.raises(errors.UploadTooSlow):
        asyncio.run(receive(blocks_of(request), headers(), tmp_path, max_bytes=25 * MB))
    assert left_in(tmp_path) == []


class SlowDisk:
    """Stands before `os.writev` and sleeps, as a disk that stalls makes a thread sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[int] = []
        self.threads: set[int] = set()
        self.writing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._real = os.writev
        monkeypatch.setattr(os, "writev", self._writev)

    def _writev(self, descriptor: int, pieces: list[memoryview]) -> int:
        self.threads.add(threading.get_ident())
        if threading.current_thread() is not threading.main_thread():
            self._loop.call_soon_threadsafe(self.writing.set)
        time.sleep(0.1)
        self.written.append(self._real(descriptor, pieces))
        return self.written[-1]


async def test_a_disk_that_stalls_is_written_to_beside_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    content = os.urandom(2 * MB)
    pieces = stream(cut(body_of(file_part(content)), every(MB // 2)))
    upload = await receive(pieces, headers(), tmp_path, max_bytes=25 * MB)
    assert upload.path.read_bytes() == content
    assert len(disk.written) >= 4
    assert len(disk.threads) >= 2  # the first write finds out, in the loop


async def test_a_disk_that_does_not_stall_costs_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.upload.file._STALL", 60.0)
    disk = SlowDisk(monkeypatch)
    await receive(stream([body_of(file_part(b"sound"))]), headers(), tmp_path, max_bytes=MB)
    assert disk.threads == {threading.get_ident()}


async def test_a_cancelled_upload_leaves_no_file_and_waits_for_its_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    pieces = stream(cut(body_of(file_part(bytes(3 * MB))), every(MB)))
    task = asyncio.create_task(receive(pieces, headers(), tmp_path, max_bytes=25 * MB))
    await disk.writing.wait()
    before = len(disk.written)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(disk.written) == before + 1
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def full(_descriptor: int, _pieces: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "writev", full)
    refused(tmp_path, body_of(file_part(b"sound")), errors.StorageFull)


async def test_a_really_full_disk_is_told_as_such(tmp_path: Path) -> None:
    file = UploadFile(tmp_path / "never-opened", MB)
    file._descriptor = os.open("/dev/full", os.O_WRONLY)  # O_EXCL would refuse the device by its name
    file.add(memoryview(b"sound"))
    with pytest.raises(errors.StorageFull):
        await file.flush()
    file.close()


def test_another_error_of_the_disk_is_not_disguised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        take(tmp_path / "gone", body_of(file_part(b"sound")))


def test_a_disk_that_takes_only_some_is_written_to_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.writev

    def some(descriptor: int, pieces: list[memoryview]) -> int:
        return real(descriptor, [memoryview(pieces[0])[:1000]])

    monkeypatch.setattr(os, "writev", some)
    content = os.urandom(70_000)
    assert take(tmp_path, body_of(file_part(content))).path.read_bytes() == content
