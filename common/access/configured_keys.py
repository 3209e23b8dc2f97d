"""Keys that the settings name, for a container whose disk is empty after each deployment. Pure.

API_KEYS holds one key a line: `<name> <SHA-256 of the key> [scope,scope]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from common.models import AccessKey, Scope

_LINE = re.compile(r"(\S{1,80})\s+([0-9a-f]{64})(?:\s+([a-z,]+))?")
_SCOPES: tuple[Scope, ...] = ("transcribe", "read", "admin")


def parse_api_keys(text: str) -> Mapping[str, AccessKey]:
    """The keys by their digest. Raises ValueError with what a line should be."""
    return {key.digest: key for key in _keys(text)}


def _keys(text: str) -> Iterator[AccessKey]:
    for line in filter(None, map(str.strip, text.replace(";", "\n").splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError("lines of: name, SHA-256 of the key in 64 hexadecimal digits, scopes")
        name, digest, scopes = match.groups()
        yield AccessKey(
            key_id=digest[:8], name=name, digest=digest, scopes=_parse_scopes(scopes), created_at=0.0
        )


def _parse_scopes(text: str | None) -> tuple[Scope, ...]:
    if text is None:
        return ("transcribe", "read")
    names = set(text.split(","))
    if not names <= set(_SCOPES):
        raise ValueError("scopes among transcribe, read and admin")
    return tuple(scope for scope in _SCOPES if scope in names)
