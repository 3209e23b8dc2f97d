"""Content-Disposition: names a download after its recording, although a stranger chose that name.

https://www.rfc-editor.org/rfc/rfc6266 and https://www.rfc-editor.org/rfc/rfc8187
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_MAX_BYTES = 120  # of UTF-8; file systems allow 255, and quoting triples them
_FORBIDDEN = re.compile(r'[<>:"/\\|?*%;`$]')  # by Windows, by shells, or by how browsers read headers
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")  # by Windows
_FALLBACK = "transcript"


def attachment(name: str | None, ending: str) -> str:
    """The value for the transcript of the recording `name`; `ending` is one of ours, such as `srt`.

    >>> attachment("reunión.mp3", "srt")
    'attachment; filename="reunion.srt"; filename*=UTF-8\\'\\'reuni%C3%B3n.srt'
    """
    stem = safe_stem(name or "")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().strip(" .") or _FALLBACK
    value = f'attachment; filename="{plain}.{ending}"'
    return value if plain == stem else f"{value}; filename*=UTF-8''{quote(f'{stem}.{ending}', safe='')}"


def safe_stem(name: str) -> str:
    """The file name without folders, ending, control or direction characters; never empty, never `..`."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(
        char for char in unicodedata.normalize("NFC", last) if unicodedata.category(char)[0] != "C"
    )
    stem = re.sub(r"(?<=.)\.[A-Za-z0-9]{1,5}$", "", visible)
    clean = " ".join(_FORBIDDEN.sub("_", stem).split()).strip(" .")
    short = clean.encode()[:_MAX_BYTES].decode(errors="ignore").strip(" .")
    return f"_{short}" if _RESERVED.fullmatch(short) else short or _FALLBACK
