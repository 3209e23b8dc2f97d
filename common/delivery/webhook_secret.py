"""The secrets that sign webhooks: one for jobs without an access key, and one of its own for each key. Pure.

With one secret for all, anybody who may submit a job could have a message of any text signed for another's
receiver.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

PREFIX = "whsec_"


def signing_key(secret: str, *, owner: str | None = None) -> bytes:
    """The bytes that sign for jobs of `owner`, an access key and perhaps a user of it.

    Raises ValueError where `whsec_` is not followed by base64.
    """
    encoded = secret.removeprefix(PREFIX)
    shared = secret.encode() if encoded == secret else base64.b64decode(encoded, validate=True)
    if owner is None:
        return shared
    key_id = owner.partition("/")[0]
    return hmac.new(shared, f"escriba webhook|{key_id}".encode(), hashlib.sha256).digest()


def secret_of_key(secret: str, key_id: str) -> str:
    """What the receiver of a key's webhooks verifies with, as Standard Webhooks writes it."""
    return PREFIX + base64.b64encode(signing_key(secret, owner=key_id)).decode()
