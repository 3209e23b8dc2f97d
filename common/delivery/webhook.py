"""Signed callbacks, as https://www.standardwebhooks.com writes them: tell a URL how a job ended.

The address is resolved here and judged before a connection is made to exactly that address, so a name
cannot lead into this machine's network; redirects are not followed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from common.delivery.dns import addresses_of
from common.delivery.webhook_url import is_public
from common.jobs.view import job_view
from common.models import Job, Transcript
from common.ports import DeliveryFailed, DeliveryRejected

_TIMEOUT = 10.0
_NAMESPACE = uuid.UUID("0b5f1f0e-2f62-5c1e-8d0c-6a7f0f1f7b42")


class WebhookSender:
    """Senders of ended jobs. A receiver verifies with the same `secret`: `whsec_` and base64, as Standard
    Webhooks has it, or any other text, which is taken as its bytes. `resolve` finds a name's addresses.
    """

    def __init__(
        self,
        *,
        secret: str,
        private_allowed: bool,
        now: Callable[[], float],
        resolve: Callable[[str, int], Awaitable[list[str]]] = addresses_of,
    ) -> None:
        self.problem: str | None = None  # each callback has an address of its own
        self._secret = signing_key(secret)
        self._private_allowed = private_allowed
        self._now = now
        self._resolve = resolve

    async def send(self, job: Job, result: Transcript | None) -> None:
        """POST `{type, eventId, job}`; any 2xx confirms. The same ending always has the same eventId.

        Raises DeliveryFailed, and DeliveryRejected for an address that is none or wants no more (410).
        """
        if not job.has_ended:
            return  # the next run has begun since: its end will be told
        import httpx

        assert job.callback_url is not None
        # Of the run, not of `seq`: that grows once more when text and audio are removed.
        event_id = str(uuid.uuid5(_NAMESPACE, f"{job.job_id}/{job.run}"))
        body = _body(job, result, event_id)
        try:
            async with asyncio.timeout(_TIMEOUT):
                url, headers, extensions = await self._addressed(job.callback_url)
                async with (
                    httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT) as client,
                    client.stream(
                        "POST",
                        url,
                        content=body,
                        headers=headers | self._signed(event_id, body),
                        extensions=extensions,
                    ) as answer,
                ):
                    status = answer.status_code
        except (TimeoutError, httpx.HTTPError, OSError) as exc:
            raise DeliveryFailed(type(exc).__name__) from exc
        except (ValueError, httpx.InvalidURL) as exc:  # a name that idna, TLS or httpx cannot write down
            raise DeliveryRejected("the address is none") from exc
        if status == 410:  # as Standard Webhooks says that an address is given up
            raise DeliveryRejected("answered 410")
        if not 200 <= status < 300:
            raise DeliveryFailed(f"answered {status}")

    def _signed(self, event_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._now()))
        signed = f"{event_id}.{timestamp}.".encode() + body
        digest = hmac.new(self._secret, signed, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "User-Agent": "escriba",
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }

    async def _addressed(self, url: str) -> tuple[str, dict[str, str], dict[str, str]]:
        """The URL by number, with the name in Host and in TLS: what was judged is what is connected to."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self._resolve(parts.hostname, port)
        if not self._private_allowed and not all(is_public(address) for address in addresses):
            raise DeliveryFailed("the address is not a public one")
        shown = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
        pinned = parts._replace(netloc=f"{shown}:{port}").geturl()
        return pinned, {"Host": parts.netloc}, {"sni_hostname": parts.hostname}


def signing_key(secret: str) -> bytes:
    """Raises ValueError where `whsec_` is not followed by base64."""
    encoded = secret.removeprefix("whsec_")
    return secret.encode() if encoded == secret else base64.b64decode(encoded, validate=True)


def _body(job: Job, result: Transcript | None, event_id: str) -> bytes:
    told = {
        "type": f"job.{job.status}",
        "eventId": event_id,
        "job": job_view(job, language=job.locale, result=result),
    }
    return json.dumps(told, ensure_ascii=False).encode()
