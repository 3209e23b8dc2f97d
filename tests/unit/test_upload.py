"""Receiving a multipart body: any division, any order, hostile names, every limit, no file left behind."""

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
from common.upload.form import MAX_FIELDS_BYTES, MAX_PARTS, MAX_VALUE_BYTES
from common.upload.part_headers import display_name
from common.upload.receive import ENVELOPE_BYTES, MAX_PREAMBLE_BYTES, Upload, receive

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


async def stream(blocks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def divide(body: bytes, sizes: Iterator[int]) -> list[bytes]:
    blocks, at = [], 0
    while at < len(body):
        size = next(sizes)
        blocks.append(body[at : at + size])
        at += size
    return blocks


def always(size: int) -> Iterator[int]:
    while True:
        yield size


def headers(boundary: bytes = BOUNDARY) -> dict[str, str]:
    return {"content-type": f"multipart/form-data; boundary={boundary.decode('latin-1')}"}


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def delete_files(folder: Path) -> None:
    for path in files_in(folder):
        path.unlink()


def receive_body(
    folder: Path,
    body: bytes,
    *,
    block: int = 65536,
    max_bytes: int = 25 * MB,
    digest: bool = False,
    boundary: bytes = BOUNDARY,
) -> Upload:
    blocks = stream(divide(body, always(block)))
    return asyncio.run(receive(blocks, headers(boundary), folder, max_bytes=max_bytes, digest=digest))


def assert_refused(
    folder: Path, body: bytes, error: type[errors.EscribaError], **how: int
) -> errors.EscribaError:
    with pytest.raises(error) as raised:
        receive_body(folder, body, **how)  # type: ignore[arg-type]
    assert files_in(folder) == []
    return raised.value


# ── uploads that are accepted ─────────────────────────────────────────────────────────────────────


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
def test_any_division_and_any_order_give_the_same_upload(
    tmp_path: Path, content: bytes, fields: list[tuple[str, str]], place: int, sizes: list[int]
) -> None:
    parts = [field_part(name.encode(), value.encode()) for name, value in fields]
    parts.insert(place, file_part(content))
    body = body_of(*parts)

    def repeat() -> Iterator[int]:
        while True:
            yield from sizes

    upload = asyncio.run(
        receive(stream(divide(body, repeat())), headers(), tmp_path, max_bytes=MB, digest=True)
    )

    assert upload.path.read_bytes() == content
    assert upload.size_bytes == len(content)
    assert upload.fields == tuple(fields)
    assert upload.filename == "a.mp3"
    assert upload.sha256 == hashlib.sha256(content).hexdigest()
    upload.path.unlink()


@pytest.mark.parametrize("size", [1000, 65536, 262144, 4 * MB])
def test_a_file_of_many_writes_is_complete(tmp_path: Path, size: int) -> None:
    content = os.urandom(5 * MB + 17)
    upload = receive_body(tmp_path, body_of(file_part(content), field_part(b"language", b"es")), block=size)
    assert upload.path.read_bytes() == content
    assert upload.sha256 is None
    assert upload.fields == (("language", "es"),)


def test_the_file_is_private_and_has_our_own_name(tmp_path: Path) -> None:
    upload = receive_body(tmp_path, body_of(file_part(b"sound", b"../../etc/passwd")))
    assert upload.path.parent == tmp_path
    assert upload.path.stat().st_mode & 0o777 == 0o600
    assert "passwd" not in upload.path.name
    assert upload.filename == "passwd"


def test_an_existing_file_is_neither_overwritten_nor_deleted(tmp_path: Path) -> None:
    existing = tmp_path / "same.upload"
    existing.write_text("another's")
    blocks = stream([body_of(file_part(b"sound"))])
    with pytest.raises(FileExistsError):
        asyncio.run(receive(blocks, headers(), tmp_path, max_bytes=MB, token=lambda: "same"))
    assert existing.read_text() == "another's"


def test_fields_may_repeat_and_keep_their_order(tmp_path: Path) -> None:
    body = body_of(
        field_part(b"timestamps", b"word"), file_part(b"sound"), field_part(b"timestamps", b"segment")
    )
    assert receive_body(tmp_path, body).fields == (("timestamps", "word"), ("timestamps", "segment"))


def test_bytes_after_the_last_boundary_are_ignored_but_counted(tmp_path: Path) -> None:
    body = body_of(file_part(b"sound"))
    assert receive_body(tmp_path, body + b"epilogue").size_bytes == 5
    delete_files(tmp_path)
    assert_refused(tmp_path, body + b"x" * (MB + ENVELOPE_BYTES), errors.UploadTooLarge, max_bytes=MB)


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
def test_a_file_name_is_cleaned_for_display(raw: bytes, shown: str | None) -> None:
    assert display_name(raw) == shown


@given(st.binary(max_size=2000))
def test_no_name_is_a_path_or_longer_than_255_bytes(raw: bytes) -> None:
    name = display_name(raw)
    assert name is None or (len(name.encode()) <= 255 and name.isprintable() and not {"/", "\\"} & set(name))


def test_a_long_name_keeps_its_extension() -> None:
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
        (b"; name=\"file\"; filename*=UTF-8''grabaci%C3%B3n%20uno.mp3", "grabación uno.mp3"),
        (b"; name=\"file\"; FILENAME*=utf-8'es'a.mp3", "a.mp3"),
        (b"; filename*=iso-8859-1''a%F1o.mp3; name=\"file\"", "año.mp3"),
        (b"; name=\"file\"; filename*=UTF-8''..%2F..%2Fevil.mp3", "evil.mp3"),
        (b'; name="file"; filename=""; filename*=UTF-8\'\'a.mp3', "a.mp3"),
        (b'; filename="nameless.mp3"', "nameless.mp3"),
        (b"; filename*=UTF-8''nameless.mp3", "nameless.mp3"),
        (b"; filename*=UTF-8''c.mp3; name=\"file\"; x=\"; filename*=UTF-8''d.mp3\"", "c.mp3"),
    ],
)
def test_names_are_parsed_as_browsers_and_curl_write_them(
    tmp_path: Path, disposition: bytes, shown: str
) -> None:
    assert receive_body(tmp_path, body_of((disposition, b"sound"))).filename == shown


@pytest.mark.parametrize(
    "disposition",
    [
        b'; name="file"',
        b'; name="file"; filename=""',
        b'; name="file"; filename*=no-charset',
        b"; name=\"file\"; filename*=koi8-r''%C1",
        b'; name="file; filename*=UTF-8\'\'x"; name="file"',
    ],
)
def test_a_recording_without_a_file_name_is_accepted(tmp_path: Path, disposition: bytes) -> None:
    upload = receive_body(tmp_path, body_of((disposition, b"RIFF\x00\xff"), field_part(b"language", b"es")))
    assert (upload.filename, upload.size_bytes, upload.fields) == (None, 6, (("language", "es"),))


@pytest.mark.parametrize("size", [1, 7, 100_000], ids=str)
@pytest.mark.parametrize(
    "before", [b"\r\n", b"This is a form.\r\n--not it\r\n", b"x" * 8000 + b"\r\n"], ids=len
)
def test_text_before_the_first_boundary_and_after_the_last_is_ignored(
    tmp_path: Path, before: bytes, size: int
) -> None:
    body = before + body_of(file_part(b"sound")) + b"and this is not\r\n"
    upload = receive_body(tmp_path, body, block=size)
    assert upload.path.read_bytes() == b"sound"


def test_a_body_in_which_no_boundary_comes_is_refused_before_it_ends(tmp_path: Path) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b"x" * 1000

    with pytest.raises(errors.BodyMalformed):
        asyncio.run(receive(endless(), headers(), tmp_path, max_bytes=MB))
    assert read <= MAX_PREAMBLE_BYTES + 1000


@pytest.mark.alone
def test_headers_of_many_semicolons_take_little_cpu(tmp_path: Path) -> None:
    costly = field_part(b"prompt", b"x")[0] + b";" * 11_000
    start = time.process_time()
    assert_refused(tmp_path, body_of(*[(costly, b"x")] * 30), errors.BodyMalformed)
    many = {"content-type": "multipart/form-data" + ";" * 24_000}
    with pytest.raises(errors.BodyMalformed):
        asyncio.run(receive(stream([]), many, tmp_path, max_bytes=MB))
    assert time.process_time() - start < 1  # without the limit, the first parts alone take as long


# ── uploads that are refused ──────────────────────────────────────────────────────────────────────


def test_a_file_of_exactly_the_limit_is_accepted_and_one_byte_more_is_not(tmp_path: Path) -> None:
    assert receive_body(tmp_path, body_of(file_part(bytes(MB))), max_bytes=MB).size_bytes == MB
    delete_files(tmp_path)
    error = assert_refused(tmp_path, body_of(file_part(bytes(MB + 1))), errors.UploadTooLarge, max_bytes=MB)
    assert error.details == {"limit_mb": "1"}


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield body_of(file_part(b"")).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        while True:
            sent += 65536
            yield bytes(65536)

    with pytest.raises(errors.UploadTooLarge):
        asyncio.run(receive(endless(), headers(), tmp_path, max_bytes=MB))
    assert sent <= MB + 65536
    assert files_in(tmp_path) == []


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
        ([(b"; x=y", b"nameless")], errors.BodyMalformed),
        ([field_part(b"file", b"")], errors.FileMissing),
        ([field_part(b"file", "grabación.mp3".encode())], errors.FileMissing),
        ([file_part(b"@recording.mp3", b"")], errors.FileMissing),
        ([(b"; filename=x", b"one"), field_part(b"file", b"\xff")], errors.FileRepeated),
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
def test_a_wrong_form_is_refused_and_leaves_no_file(
    tmp_path: Path, parts: list[Part], error: type[errors.EscribaError]
) -> None:
    assert_refused(tmp_path, body_of(*parts), error)


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
def test_a_body_without_a_valid_form_is_malformed(tmp_path: Path, body: bytes) -> None:
    assert_refused(tmp_path, body, errors.BodyMalformed)


@pytest.mark.parametrize(
    ("request_headers", "error"),
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
    tmp_path: Path, request_headers: dict[str, str], error: type[errors.EscribaError]
) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"some")
        yield b"some"

    with pytest.raises(error):
        asyncio.run(receive(body(), request_headers, tmp_path, max_bytes=MB))
    assert read == []


def test_the_identity_encoding_is_accepted(tmp_path: Path) -> None:
    identity = {**headers(), "content-encoding": "identity"}
    blocks = stream([body_of(file_part(b"sound"))])
    assert asyncio.run(receive(blocks, identity, tmp_path, max_bytes=MB)).size_bytes == 5


@pytest.mark.alone
def test_a_short_boundary_is_accepted_but_not_thousands_of_them(tmp_path: Path) -> None:
    assert receive_body(tmp_path, body_of(file_part(b"sound"), boundary=b"x"), boundary=b"x").size_bytes == 5
    delete_files(tmp_path)
    body = body_of(file_part(b"\r\n--x." * 500_000), boundary=b"x")
    start = time.process_time()
    with pytest.raises(errors.BodyMalformed):
        receive_body(tmp_path, body, boundary=b"x")
    # The parser alone takes ten times as long for all of it.
    assert time.process_time() - start < 0.2
    assert files_in(tmp_path) == []


# ── clients that leave, disks that fail ───────────────────────────────────────────────────────────


def test_a_client_that_disconnects_leaves_no_file(tmp_path: Path) -> None:
    body = body_of(file_part(bytes(3 * MB)))[:-100]
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
    )

    async def message() -> dict[str, Any]:
        following = next(messages)
        assert len(files_in(tmp_path)) == (1 if following["type"] == "http.disconnect" else 0)
        return following

    request = Request({"type": "http"}, message)
    with pytest.raises(errors.UploadTooSlow):
        asyncio.run(receive(blocks_of(request), headers(), tmp_path, max_bytes=25 * MB))
    assert files_in(tmp_path) == []


class SlowDisk:
    """Replaces `os.writev`: sleeps first, as a slow disk makes a thread sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes: list[int] = []
        self.threads: set[int] = set()
        self.writing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._writev = os.writev
        monkeypatch.setattr(os, "writev", self._slow_writev)

    def _slow_writev(self, descriptor: int, blocks: list[memoryview]) -> int:
        self.threads.add(threading.get_ident())
        if threading.current_thread() is not threading.main_thread():
            self._loop.call_soon_threadsafe(self.writing.set)
        time.sleep(0.1)
        self.writes.append(self._writev(descriptor, blocks))
        return self.writes[-1]


async def test_a_slow_disk_is_written_to_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SlowDisk(monkeypatch)
    content = os.urandom(2 * MB)
    blocks = stream(divide(body_of(file_part(content)), always(MB // 2)))
    upload = await receive(blocks, headers(), tmp_path, max_bytes=25 * MB)
    assert upload.path.read_bytes() == content
    assert len(disk.writes) >= 4
    assert len(disk.threads) >= 2  # the first write, which blocks, runs on the event loop


async def test_a_fast_disk_is_written_to_on_the_event_loop(
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
    blocks = stream(divide(body_of(file_part(bytes(3 * MB))), always(MB)))
    task = asyncio.create_task(receive(blocks, headers(), tmp_path, max_bytes=25 * MB))
    await disk.writing.wait()
    before = len(disk.writes)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(disk.writes) == before + 1
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_full_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def full(_descriptor: int, _blocks: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "writev", full)
    assert_refused(tmp_path, body_of(file_part(b"sound")), errors.StorageFull)


async def test_a_really_full_disk_is_full_storage(tmp_path: Path) -> None:
    file = UploadFile(tmp_path / "never-opened", MB)
    file._descriptor = os.open("/dev/full", os.O_WRONLY)  # O_EXCL would refuse the device by its name
    file.add(memoryview(b"sound"))
    with pytest.raises(errors.StorageFull):
        await file.flush()
    file.close()


def test_other_disk_errors_are_raised_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        receive_body(tmp_path / "gone", body_of(file_part(b"sound")))


def test_the_rest_of_a_partial_write_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writev = os.writev

    def partial(descriptor: int, blocks: list[memoryview]) -> int:
        return writev(descriptor, [memoryview(blocks[0])[:1000]])

    monkeypatch.setattr(os, "writev", partial)
    content = os.urandom(70_000)
    assert receive_body(tmp_path, body_of(file_part(content))).path.read_bytes() == content
