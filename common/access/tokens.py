"""Tokens: short-lived, signed permissions that a key's holder gives to a page or puts into an address. Pure.

A token names its key, so that revoking the key ends all its tokens. It is stateless: nothing is stored.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from common.errors import KeyExpired, KeyInvalid
from common.models import Scope
from common.value import Value

PREFIX = "est_"
LONGEST = 24 * 3600.0  # seconds


class Token(Value):
    """`key_id` issued it for `subject`, a user of a page; with `job_id` it is for that job alone.

    `signed_in_at`: when a browser sent the page's password.
    """

    key_id: str
    scopes: tuple[Scope, ...]
    expires_at: float
    subject: str | None = None
    job_id: str | None = None
    signed_in_at: float | None = None


def sign_token(token: Token, *, secret: bytes) -> str:
    """The text that a page sends instead of a key."""
    body = urlsafe_b64encode(token.model_dump_json(by_alias=True, exclude_none=True).encode()).rstrip(b"=")
    return f"{PREFIX}{body.decode()}.{_signature(body, secret)}"


def read_token(text: str, *, secret: bytes, now: float) -> Token:
    """Raises KeyInvalid, KeyExpired."""
    body, _, signature = text.removeprefix(PREFIX).encode("utf-8", "replace").partition(b".")
    if not hmac.compare_digest(signature, _signature(body, secret).encode()):
        raise KeyInvalid
    try:
        token = Token.model_validate(json.loads(urlsafe_b64decode(body + b"=" * (-len(body) % 4))))
    except (ValueError, binascii.Error):  # signed by a version that knows other fields
        raise KeyInvalid from None
    if now >= token.expires_at:
        raise KeyExpired
    return token


def _signature(body: bytes, secret: bytes) -> str:
    # The signed text names its purpose, since the secret may come to sign other things.
    return hmac.new(secret, b"escriba token|" + body, hashlib.sha256).hexdigest()
