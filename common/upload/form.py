"""Reads a multipart form as it arrives: keeps its fields, and writes the part named `file` to a file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from common.errors import BodyMalformed, FileEmpty, FileMissing, FileRepeated, Sentence
from common.upload.file import UploadFile

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartParser

Admit = Callable[[Mapping[str, str]], int]

MAX_PARTS = 32
MAX_NAME_BYTES = 8 * 1024
MAX_VALUE_BYTES = 48 * 1024
MAX_FIELDS_BYTES = 64 * 1024
MAX_PART_HEADERS = 8
MAX_HEADER_BYTES = 12 * 1024
MAX_SEMICOLONS = 64

_MAX_FILENAME_BYTES = 255
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
        self.has_file = False
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
        if self.has_file and not self.file.size_bytes:
            raise FileEmpty

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
        # Only `filename` counts, not `filename*`: RFC 7578, 4.2 forbids the latter.
        kind, parameters = header_parameters(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or not parameters.get(b"name"):
            raise BodyMalformed(problem=Sentence("a part has no name", "una parte no tiene nombre"))
        self._field = _field_name(parameters[b"name"])
        self._value = bytearray()
        if b"filename" in parameters:
            self._begin_file(parameters[b"filename"])
        elif self._field == "file":
            raise FileMissing

    def _begin_file(self, filename: bytes) -> None:
        if self.has_file:
            raise FileRepeated
        # A browser sends an empty name when no file was chosen.
        if self._field != "file" or not filename:
            raise FileMissing
        self.has_file = True
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
        self.fields.append((self._field, _utf8(self._value)))

    def _end_form(self) -> None:
        self._is_complete = True


def header_parameters(value: str | bytes | None) -> tuple[bytes, dict[bytes, bytes]]:
    """A header such as `form-data; name="file"`: its value, and its parameters.

    The parser searches from the beginning for each semicolon: 11 KB of them took a quarter of a second.
    """
    from python_multipart.multipart import parse_options_header

    raw = value.encode("latin-1", "replace") if isinstance(value, str) else value or b""
    if raw.count(b";") > MAX_SEMICOLONS:
        raise BodyMalformed(
            problem=Sentence("a header has too many parameters", "una cabecera tiene demasiados parámetros")
        )
    return parse_options_header(raw)


def _field_name(raw: bytes) -> str:
    if len(raw) > MAX_NAME_BYTES:
        raise BodyMalformed(
            problem=Sentence(
                f"the name of a field is larger than {MAX_NAME_BYTES} bytes",
                f"el nombre de un campo pasa de {MAX_NAME_BYTES} bytes",
            )
        )
    name = _utf8(raw)
    if not name.isprintable():
        raise BodyMalformed(
            problem=Sentence(
                "the name of a field has characters that cannot be seen",
                "el nombre de un campo tiene caracteres que no se ven",
            )
        )
    return name


def _utf8(raw: bytes | bytearray) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BodyMalformed(problem=Sentence("a field is not UTF-8", "un campo no es UTF-8")) from None


def display_name(raw: bytes) -> str | None:
    """A file name to show: no path, nothing invisible, NFC, at most 255 bytes; None if nothing is left."""
    # Browsers write a quote as %22 (HTML standard, multipart/form-data encoding algorithm).
    text = raw.decode("utf-8", "replace").replace("%22", '"').replace("\\", "/")
    last = text.rsplit("/", 1)[-1]
    name = unicodedata.normalize("NFC", "".join(map(_visible, last))).strip()
    return _shorten(name) if name.strip(". ") else None


def _visible(character: str) -> str:
    """Any space as a plain space; nothing for controls and marks of the reading direction."""
    if character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else ""


def _shorten(name: str) -> str:
    """At most 255 bytes, with the extension (such as `.mp3`), which says what the file is."""
    if len(name.encode()) <= _MAX_FILENAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    limit = _MAX_FILENAME_BYTES - len((dot + extension).encode())
    return stem.encode()[:limit].decode(errors="ignore") + dot + extension
