"""The files of the page as `page/` builds them: compressed on disk, read at their first use and kept.

Browsers take Brotli or gzip; what takes neither gets the decompressed bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("page_files")
INDEX = "index.html"

# What the build writes; nothing else in a path reaches the disk.
_NAME = re.compile(r"[A-Za-z]+(-[A-Za-z0-9]+)*\.(html|js|css|svg|png|webmanifest)")
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
_SUFFIXES = {"br": ".br", "gzip": ".gz"}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file in one encoding; `encoding` is None for plain bytes."""

    body: bytes
    media_type: str
    encoding: str | None
    etag: str


def read_page_file(name: str, accept_encoding: str) -> PageFile | None:
    """The file in the best encoding that the client takes; None where there is no such file."""
    if not _NAME.fullmatch(name):
        return None
    return _read(name, choose_encoding(accept_encoding))


def choose_encoding(accept_encoding: str) -> str | None:
    """`br`, `gzip` or None, by Accept-Encoding (RFC 9110, 12.5.3)."""
    weights = dict(_weight(part) for part in accept_encoding.lower()[:500].split(",") if part.strip())
    return next((name for name in _SUFFIXES if weights.get(name, weights.get("*", 0.0)) > 0), None)


def _weight(part: str) -> tuple[str, float]:
    name, _, parameters = part.partition(";")
    match = re.search(r"q=([01](?:\.\d{0,3})?)\s*$", parameters)
    return name.strip(), float(match[1]) if match else 1.0


@lru_cache(maxsize=64)
def _read(name: str, encoding: str | None) -> PageFile | None:
    try:
        body = (FOLDER / (name + _SUFFIXES[encoding or "gzip"])).read_bytes()
    except FileNotFoundError:
        return None
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}{"" if encoding else "-plain"}"'
    if encoding is None:
        body = gzip.decompress(body)
    return PageFile(body, _TYPES[name.rpartition(".")[2]], encoding, etag)
