"""What the headers of a part of a form say: its name, and the name of its file as it may be shown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from common.errors import BodyMalformed, Sentence

MAX_NAME_BYTES = 8 * 1024
MAX_SEMICOLONS = 64

_MAX_FILENAME_BYTES = 255
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_EXTENDED = re.compile(rb";\s*filename\*\s*=\s*([\w-]*)'[^';]*'([^\s;\"]*)", re.IGNORECASE)
_CHARSETS = {b"utf-8": "utf-8", b"iso-8859-1": "latin-1"}


@dataclass(frozen=True, slots=True)
class Disposition:
    """The Content-Disposition of a part. `filename` is empty where the client sent none."""

    name: bytes
    filename: bytes
    is_file: bool


def read_disposition(value: bytes | None) -> Disposition:
    """Raises BodyMalformed for a part that has no name and no file.

    A part with the name of a file is the file, and so is one named `file`: some clients send only one.
    """
    kind, parameters = header_parameters(value)
    filename = parameters.get(b"filename") or _extended_filename(value or b"")
    has_file = b"filename" in parameters or filename is not None
    name = parameters.get(b"name", b"file" if has_file else None)
    if kind != b"form-data" or name is None:
        raise BodyMalformed(problem=Sentence("a part has no name", "una parte no tiene nombre"))
    return Disposition(name=name, filename=filename or b"", is_file=has_file or name == b"file")


def _extended_filename(value: bytes) -> bytes | None:
    """The name in `filename*` (RFC 8187), in UTF-8.

    RFC 7578, 4.2 forbids it in forms, but some clients send nothing else; beside a plain name it is ignored.
    """
    found = _EXTENDED.search(_QUOTED.sub(b'""', value))
    charset = _CHARSETS.get(found[1].lower()) if found else None
    if not (found and charset):
        return None
    return unquote_to_bytes(found[2]).decode(charset, "replace").encode()


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


def field_name(raw: bytes) -> str:
    if len(raw) > MAX_NAME_BYTES:
        raise BodyMalformed(
            problem=Sentence(
                f"the name of a field is larger than {MAX_NAME_BYTES} bytes",
                f"el nombre de un campo pasa de {MAX_NAME_BYTES} bytes",
            )
        )
    # A character that cannot be seen shows in the error that names an unknown option.
    return "".join(character if character.isprintable() else "\ufffd" for character in utf8(raw))


def utf8(raw: bytes | bytearray) -> str:
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


def is_text(raw: bytes) -> bool:
    """Whether a person may have written it, perhaps nothing at all."""
    try:
        return all(character.isprintable() or character.isspace() for character in raw.decode())
    except UnicodeDecodeError:
        return False
