"""The parts of a multipart form as they arrive: fields are kept, the part named `file` goes to its file."""

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
MAX_VALUE_BYTES = 8 * 1024
MAX_FIELDS_BYTES = 64 * 1024
MAX_PART_HEADERS = 8
MAX_HEADER_BYTES = 12 * 1024
MAX_SEMICOLONS = 64

_MAX_FILENAME_BYTES = 255
_PLAIN = {b"", b"binary", b"8bit", b"7bit"}


class FormReader:
    """Callbacks for python-multipart's push parser. Each raises as soon as a part is wrong.

    `admit`, when given, is shown the fields that came before the file, and answers how large it may be.
    """

    def __init__(self, file: UploadFile, admit: Admit | None = None) -> None:
        self.file = file
        self._admit = admit
        self.filename: str | None = None
        self.fields: list[tuple[str, str]] = []
        self._has_file = False
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
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name_comes,
                "on_header_value": self._header_value_comes,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data_comes,
                "on_part_end": self._part_ends,
                "on_end": self._form_ends,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )

    def check_complete(self) -> None:
        """Raises unless the last boundary has come, with one file, and the file holds something."""
        if not self._is_complete:
            raise BodyMalformed(
                problem=Sentence("it ends before its last boundary", "termina antes de su último límite")
            )
        if not self._has_file:
            raise FileMissing
        if not self.file.size_bytes:
            raise FileEmpty

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise BodyMalformed(
                problem=Sentence(f"it has more than {MAX_PARTS} parts", f"tiene más de {MAX_PARTS} partes")
            )
        self._headers.clear()

    def _header_name_comes(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value_comes(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_end(self) -> None:
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN:
            raise BodyMalformed(
                problem=Sentence(
                    "a part has a Content-Transfer-Encoding", "una parte lleva Content-Transfer-Encoding"
                )
            )
        # Of `filename` and `filename*` only the first counts: RFC 7578, 4.2 forbids the second.
        kind, parameters = header_parameters(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or not parameters.get(b"name"):
            raise BodyMalformed(problem=Sentence("a part has no name", "una parte no tiene nombre"))
        self._field = _field_name(parameters[b"name"])
        self._value = bytearray()
        if b"filename" in parameters:
            self._file_begins(parameters[b"filename"])
        elif self._field == "file":
            raise FileMissing

    def _file_begins(self, filename: bytes) -> None:
        if self._has_file:
            raise FileRepeated
        # An empty name is how a browser says that no file was chosen.
        if self._field != "file" or not filename:
            raise FileMissing
        self._has_file = True
        self._value = None
        self.filename = display_name(filename)
        if self._admit:
            self.file.max_bytes = min(self.file.max_bytes, self._admit(dict(self.fields)))
        self.file.open()

    def _data_comes(self, data: bytes, start: int, end: int) -> None:
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

    def _part_ends(self) -> None:
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

    def _form_ends(self) -> None:
        self._is_complete = True


def header_parameters(value: str | bytes | None) -> tuple[bytes, dict[bytes, bytes]]:
    """A header such as `form-data; name="file"`: what comes first, and its parameters.

    The parser looks for each semicolon from the beginning: 11 KB of them took a quarter of a second.
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
    """A file name as it may be shown: no path, nothing invisible, NFC, at most 255 bytes; None if nothing."""
    # Browsers write a quote as %22 (HTML standard, multipart/form-data encoding algorithm).
    text = raw.decode("utf-8", "replace").replace("%22", '"').replace("\\", "/")
    last = text.rsplit("/", 1)[-1]
    name = unicodedata.normalize("NFC", "".join(map(_seen, last))).strip()
    return _shortened(name) if name.strip(". ") else None


def _seen(character: str) -> str:
    """Spaces of any width as a space; controls and marks that turn the reading direction as nothing."""
    if character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else ""


def _shortened(name: str) -> str:
    """At most 255 bytes, keeping an ending such as `.mp3`, which tells the reader what it was."""
    if len(name.encode()) <= _MAX_FILENAME_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > 16:
        stem, dot, ending = name, "", ""
    room = _MAX_FILENAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending
