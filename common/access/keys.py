"""The text of an access key: `esc_<id><secret><checksum>`, made here and recognised here. Pure.

By prefix and checksum, secret scanners find a leaked key, and a typing error needs no look into the store:
https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from common.models import AccessKey, Scope

PREFIX = "esc_"

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH, _SECRET_LENGTH, _CHECKSUM_LENGTH = 8, 43, 6
_FORM = re.compile(
    rf"{PREFIX}([0-9a-z]{{{_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH + _CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as its holder sends it. `text` is shown once and stored nowhere."""

    key_id: str
    text: str


def make_key(random_bytes: Callable[[int], bytes]) -> KeyText:
    """A new key: 43 characters of base 62 hold 256 random bits, so that a fast hash is enough to store it."""
    key_id = _base62(random_bytes(8), _ID_LENGTH).lower()
    body = f"{PREFIX}{key_id}_{_base62(random_bytes(32), _SECRET_LENGTH)}"
    return KeyText(key_id, body + _checksum(body))


def new_access_key(
    name: str,
    *,
    scopes: tuple[Scope, ...],
    now: float,
    expires_at: float | None,
    random_bytes: Callable[[int], bytes],
) -> tuple[str, AccessKey]:
    """The text of a new key, and what is stored of it."""
    made = make_key(random_bytes)
    key = AccessKey(
        key_id=made.key_id,
        name=name,
        digest=digest_of(made.text),
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    return made.text, key


def parse_key(text: str) -> str | None:
    """The id of a well-formed key; None for any other text, a key with a typing error among them."""
    match = _FORM.fullmatch(text)
    if match is None or _checksum(text[:-_CHECKSUM_LENGTH]) != text[-_CHECKSUM_LENGTH:]:
        return None
    return match[1]


def digest_of(text: str) -> str:
    """What is stored of a key: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()).to_bytes(4, "big"), _CHECKSUM_LENGTH)


def _base62(data: bytes, length: int) -> str:
    """The last `length` digits of the number in base 62, with zeros in front."""
    number, digits = int.from_bytes(data, "big"), ""
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
