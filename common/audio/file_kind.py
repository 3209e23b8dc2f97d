"""Names what a file is that holds no recording, by its first bytes. Pure."""

from __future__ import annotations

import re

from common.errors import (
    AudioUnreadable,
    FileIsArchive,
    FileIsDocument,
    FileIsImage,
    FileIsPlaylist,
    FileIsSubtitles,
)

HEAD_BYTES = 1024

# The first pattern that the head matches decides. Texts may begin with a byte order mark and empty lines.
_TEXT = rb"^(?:\xef\xbb\xbf)?\s*"
_XML = _TEXT + rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
_KINDS: tuple[tuple[bytes, type[AudioUnreadable]], ...] = (
    (_TEXT + rb"(?:#EXTM3U|\[playlist\]|ffconcat version|v=0\r?\no=)", FileIsPlaylist),
    (_XML + rb"<(?:MPD|smil|asx|playlist|SmoothStreamingMedia)\b", FileIsPlaylist),
    (_TEXT + rb"(?:WEBVTT\b|\[Script Info\]|\d+\s*\r?\n\d+:\d\d:\d\d[,.]\d+ *-->)", FileIsSubtitles),
    (_XML + rb"<tt\b", FileIsSubtitles),
    (rb"^(?:\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|BM.{4}\0\0\0\0|RIFF.{4}WEBP)", FileIsImage),
    (rb"^.{4}ftyp(?:heic|heix|mif1|msf1|avif)", FileIsImage),
    (_XML + rb"<svg\b", FileIsImage),
    (
        rb"^(?:PK\x03\x04|Rar!|7z\xbc\xaf\x27\x1c|\x1f\x8b|BZh|\xfd7zXZ\0|\x28\xb5\x2f\xfd|.{257}ustar)",
        FileIsArchive,
    ),
    (rb"^(?:%PDF|\xd0\xcf\x11\xe0|\{\\rtf)", FileIsDocument),
    (_XML + rb"<(?:!DOCTYPE html|html)\b", FileIsDocument),
)


def refusal_of(head: bytes) -> AudioUnreadable | None:
    """The error that names the kind of file which begins with `head`; None for an unknown kind."""
    for pattern, error in _KINDS:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return error()
    return None
