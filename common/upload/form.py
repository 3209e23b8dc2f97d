"""Reads a multipart form as it arrives: keeps its fields, and writes the part named `file` to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from common.errors import BodyMalformed, FileEmpty, FileMissing, FileRepeated, Sentence
from common.upload.file import UploadFile
from common.upload.part_headers import display_name, field_name, is_text, read_disposition, utf8

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartParser

Admit = Callable[[Mapping[str, str]], int]

MAX_PARTS = 32
MAX_VALUE_BYTES = 48 * 1024
MAX_FIELDS_BYTES = 64 * 1024
MAX_PART_HEADERS = 8
MAX_HEADER_BYTES = 12 * 1024

_LONGEST_TEXT = 1024  # bytes of a `file` without a name that may be a mistake instead of a recording
_UNENCODED = {b"", b"binary", b"8bit", b"7bit"}


class FormReader:
    """Callbacks for python-multipart's push parser. Each raises as soon as a part is wrong.

    `admit` gets the fields before the file, and returns the most bytes that the file may have.
    """

    def __init__(self, file: UploadFile, admit: Admit | None = None) -> None:
        self.file = file
        self._admit = admit
        self.filename: str | None = None
        self.fields: list[tuple[str, str]] = []
        self._has_file = self._is_named = False
        self._is_complete = False
        self._parts = 0
        self._fields_bytes = 0
        self._field = ""
        self._value: bytearray | None = None  # None while the part is the file
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""

    def parser(self, boundary: bytes) -> MultipartParser:
        from python_multipart.multipart import MultipartParser

        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_header_name,
                "on_header_value": self._add_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._add_data,
                "on_part_end": self._end_part,
                "on_end": self._end_form,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )

    def check_complete(self) -> None:
        """Raises unless the form has its last boundary, and its file, if it has one, is not empty."""
        if not self._is_complete:
            raise BodyMalformed(
                problem=Sentence("it ends before its last boundary", "termina antes de su último límite")
            )
        if self.has_recording and not self.file.size_bytes:
            raise FileEmpty

    @property
    def has_recording(self) -> bool:
        """Ask before the file is written to disk."""
        return self._has_file and (self._is_named or not self._is_no_recording())

    def _is_no_recording(self) -> bool:
        """A browser sends nothing when no file was chosen, curl the name itself when `@` was forgotten."""
        content = self.file.unwritten()
        return self.file.size_bytes <= min(len(content), _LONGEST_TEXT) and is_text(content)

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise BodyMalformed(
                problem=Sentence(f"it has more than {MAX_PARTS} parts", f"tiene más de {MAX_PARTS} partes")
            )
        self._headers.clear()

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in _UNENCODED:
            raise BodyMalformed(
                problem=Sentence(
                    "a part has a Content-Transfer-Encoding", "una parte lleva Content-Transfer-Encoding"
                )
            )
        part = read_disposition(self._headers.get(b"content-disposition"))
        self._field = field_name(part.name)
        self._value = bytearray()
        if part.is_file:
            self._begin_file(part.filename)

    def _begin_file(self, filename: bytes) -> None:
        if self._has_file:
            raise FileRepeated
        if self._field != "file":
            raise FileMissing
        self._has_file = True
        self._is_named = bool(filename)
        self._value = None
        self.filename = display_name(filename)
        if self._admit:
            self.file.max_bytes = min(self.file.max_bytes, self._admit(dict(self.fields)))
        self.file.open()

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._value is None:
            self.file.add(memoryview(data)[start:end])
        elif len(self._value) + end - start > MAX_VALUE_BYTES:
            raise BodyMalformed(
                problem=Sentence(
                    f"the value of a field is larger than {MAX_VALUE_BYTES} bytes",
                    f"el valor de un campo pasa de {MAX_VALUE_BYTES} bytes",
                )
            )
        else:
            self._value += memoryview(data)[start:end]

    def _end_part(self) -> None:
        if self._value is None:
            return
        self._fields_bytes += len(self._field.encode()) + len(self._value)
        if self._fields_bytes > MAX_FIELDS_BYTES:
            raise BodyMalformed(
                problem=Sentence(
                    f"its fields are larger than {MAX_FIELDS_BYTES} bytes in all",
                    f"sus campos pasan de {MAX_FIELDS_BYTES} bytes en total",
                )
            )
        self.fields.append((self._field, utf8(self._value)))

    def _end_form(self) -> None:
        self._is_complete = True
