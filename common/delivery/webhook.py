"""The sender of webhooks: posts how a job ended, signed as https://www.standardwebhooks.com describes.

It resolves the host name itself, checks each address, and connects to exactly an address that it has checked,
so that no name leads into this machine's network. It follows no redirect.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING

from common.delivery import rules
from common.delivery.silent_receivers import SilentReceivers
from common.delivery.webhook_secret import signing_key
from common.jobs.view import job_view
from common.models import Job, Transcript
from common.outbound.dns import addresses_of
from common.outbound.pinned import (
    NotPublic,
    Resolve,
    checked_addresses,
    open_response,
    trusted_authorities,
)
from common.sender_port import DeliveryFailed, DeliveryRejected

if TYPE_CHECKING:
    import httpx

# Seconds for one delivery: the look-up, every address that is tried, and the answer.
_TIMEOUT = 10.0
_NAMESPACE = uuid.UUID("0b5f1f0e-2f62-5c1e-8d0c-6a7f0f1f7b42")


class WebhookSender:
    """Sends ended jobs to their `callback_url`. `resolve` finds the addresses of a name.

    A receiver verifies with the same `secret`: `whsec_` and base64, as Standard Webhooks has it, or any other
    text, which is taken as its bytes. For jobs of an access key it is that key's own: `webhook_secret`.
    """

    def __init__(
        self,
        *,
        secret: str,
        private_allowed: bool,
        now: Callable[[], float],
        resolve: Resolve = addresses_of,
    ) -> None:
        self.problem: str | None = None  # each webhook has an address of its own
        signing_key(secret)  # so that a wrong one shows at the start
        self._secret = secret
        self._private_allowed = private_allowed
        self._now = now
        self._resolve = resolve
        self._silent = SilentReceivers()

    async def send(self, job: Job, result: Transcript | None, *, is_asked: bool = False) -> None:
        """POST `{type, eventId, job}`; any 2xx confirms. The same end always has the same eventId, each
        correction of its text another, and the text with the speakers that came later, too.

        Raises DeliveryFailed, and DeliveryRejected for an invalid address or one that answers 410.
        """
        if not job.has_ended:
            return  # another run has started since: its end will be sent
        import httpx

        # Not of `seq`: that grows once more when text and audio are removed.
        correction = f"/{job.revision}" if job.revision else ""
        speakers = "/speakers" if job.unlabelled_seq else ""
        event_id = str(uuid.uuid5(_NAMESPACE, f"{job.job_id}/{job.run}{correction}{speakers}"))
        # By path, not by host: one client's silent address must not hold up another's at the same host.
        receiver = (job.callback_url or "").partition("?")[0]
        if (wait := self._silent.wait(receiver, self._now())) and not is_asked:
            raise DeliveryFailed("the receiver did not answer lately", retry_after=wait)
        try:
            status, retry_after = await self._post(job, event_id, _body(job, result, event_id))
        except (TimeoutError, httpx.HTTPError, OSError) as exc:
            if isinstance(exc, TimeoutError | httpx.TimeoutException):
                self._silent.note_silence(receiver, self._now())
            raise DeliveryFailed(type(exc).__name__) from exc
        except (ValueError, httpx.InvalidURL) as exc:  # a name that idna, TLS or httpx cannot write down
            raise DeliveryRejected("the address is not valid") from exc
        self._silent.note_answer(receiver)
        if status == 410:  # Standard Webhooks: the receiver wants nothing more
            raise DeliveryRejected("answered 410")
        if not 200 <= status < 300:
            raise DeliveryFailed(
                f"answered {status}", retry_after=parse_retry_after(retry_after, self._now())
            )

    async def _post(self, job: Job, event_id: str, body: bytes) -> tuple[int, str]:
        """Status and Retry-After of the first address that takes a connection."""
        import httpx

        assert job.callback_url is not None
        address = httpx.URL(job.callback_url)
        ends_at = asyncio.get_running_loop().time() + _TIMEOUT
        async with (
            asyncio.timeout_at(ends_at),
            httpx.AsyncClient(trust_env=False, verify=trusted_authorities()) as client,
            open_response(
                client,
                "POST",
                address,
                await self._addresses(address),
                ends_at=ends_at,
                read_timeout=_TIMEOUT,
                headers=self._sign(job.owner, event_id, body),
                content=body,
            ) as response,
        ):
            return response.status_code, response.headers.get("retry-after", "")

    async def _addresses(self, url: httpx.URL) -> list[str]:
        """Those that may be called, the best first. Raises DeliveryFailed where there is none."""
        try:
            return await checked_addresses(url, resolve=self._resolve, private_allowed=self._private_allowed)
        except NotPublic as exc:
            raise DeliveryFailed("the address is not a public one") from exc

    def _sign(self, owner: str | None, event_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._now()))
        signed = f"{event_id}.{timestamp}.".encode() + body
        digest = hmac.new(signing_key(self._secret, owner=owner), signed, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "User-Agent": "escriba",
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }


def parse_retry_after(value: str, now: float) -> float | None:
    """Seconds to wait, of a number or a date (RFC 9110, 10.2.3), an hour at most; None without either."""
    from email.utils import parsedate_to_datetime

    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(min(int(value[:9]), rules.FAR))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
    return min(max(seconds, 0.0), rules.FAR)


def _body(job: Job, result: Transcript | None, event_id: str) -> bytes:
    payload = {
        "type": f"job.{job.status}",
        "eventId": event_id,
        "job": job_view(job, language=job.locale, result=result),
    }
    return json.dumps(payload, ensure_ascii=False).encode()
