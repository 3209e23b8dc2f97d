"""The header that names a download after a recording whose name a stranger chose.

https://www.rfc-editor.org/rfc/rfc6266 and https://www.rfc-editor.org/rfc/rfc8187
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_LONGEST = 120  # bytes of UTF-8; file systems stop at 255, and quoting triples them
_FORBIDDEN = re.compile(r'[<>:"/\\|?*%;`$]')  # by Windows, by shells, or by how browsers read headers
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")  # by Windows
_FALLBACK = "transcript"


def attachment(name: str | None, ending: str) -> str:
    """The value of Content-Disposition for `name`'s transcript; `ending` is one of ours, such as `srt`.

    >>> attachment("reunión.mp3", "srt")
    'attachment; filename="reunion.srt"; filename*=UTF-8\\'\\'reuni%C3%B3n.srt'
    """
    stem = safe_stem(name or "")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().strip(" .") or _FALLBACK
    value = f'attachment; filename="{plain}.{ending}"'
    return value if plain == stem else f"{value}; filename*=UTF-8''{quote(f'{stem}.{ending}', safe='')}"


def safe_stem(name: str) -> str:
    """The file name without folders, ending, control or direction signs; never empty, never `..`."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(
        char for char in unicodedata.normalize("NFC", last) if unicodedata.category(char)[0] != "C"
    )
    stem = re.sub(r"(?<=.)\.[A-Za-z0-9]{1,5}$", "", shown)
    clean = " ".join(_FORBIDDEN.sub("_", stem).split()).strip(" .")
    short = clean.encode()[:_LONGEST].decode(errors="ignore").strip(" .")
    return f"_{short}" if _RESERVED.fullmatch(short) else short or _FALLBACK
