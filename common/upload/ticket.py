"""Signed permission to post one job's recording to this server, in the shape of S3's presigned POST."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping

from common.errors import UploadExpired, UploadTicketInvalid
from common.ports import UploadTicket


class UploadTickets:
    """Tickets valid for `seconds`, signed with `secret`; their addresses are relative to this server."""

    def __init__(self, secret: bytes, *, seconds: float = 900) -> None:
        self._secret = secret
        self._seconds = seconds

    def issue(self, job_id: str, *, max_bytes: int, now: float, until: float = math.inf) -> UploadTicket:
        expires = int(min(now + self._seconds, until))
        fields = {"expires": str(expires), "maxBytes": str(max_bytes)}
        return UploadTicket(
            url=f"/job/{job_id}/audio",
            fields={**fields, "signature": self._sign(job_id, fields)},
            expires_at=float(expires),
        )

    def check(self, job_id: str, fields: Mapping[str, str], *, now: float) -> int:
        """The most bytes that may be posted. Raises UploadTicketInvalid, UploadExpired."""
        signature = fields.get("signature", "").encode("utf-8", "replace")
        if not hmac.compare_digest(signature, self._sign(job_id, fields).encode()):
            raise UploadTicketInvalid
        if now >= int(fields["expires"]):
            raise UploadExpired
        return int(fields["maxBytes"])

    def _sign(self, job_id: str, fields: Mapping[str, str]) -> str:
        # The signed text names its purpose, since the secret may come to sign other things.
        parts = ("escriba upload", job_id, fields.get("expires", ""), fields.get("maxBytes", ""))
        payload = "|".join(parts).encode("utf-8", "replace")
        return hmac.new(self._secret, payload, hashlib.sha256).hexdigest()
