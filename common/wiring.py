"""What the container and AWS compose alike: the engine's client, the account of its quota, the senders.

Each function takes keys as plain text and the stores of its deployment target: nothing here knows either.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from common.access.access import Access
from common.access.key_store import AccessKeyStore
from common.access.keys import digest_of
from common.access.ledger import Ledger, all_but_one, share_of
from common.access.page_password import PagePassword
from common.admin.directory import JobDirectory
from common.admin.pause import PauseSwitch
from common.admin.services import AdminServices
from common.admin.store import AdminStore
from common.groq.client import Groq
from common.places import Places
from common.ports import AccountStore, QuotaStore, Target
from common.quota import Quota, QuotaNews
from common.sender_port import Sender
from common.setting_types import parse_api_keys
from common.settings import GROQ_URL, Settings
from common.token_bucket import Budget

DOWNLOADS_AT_ONCE = 5

if TYPE_CHECKING:
    from common.delivery.convex import ConvexSender
    from common.delivery.webhook import WebhookSender


def groq_client(
    settings: Settings, *, api_key: str | None, quota: QuotaStore | None, now: Callable[[], float]
) -> Groq:
    """The client of Groq or of another server with its API; `quota` learns what each answer says of it."""

    async def learn(news: QuotaNews) -> None:
        if quota is not None:
            await quota.change(lambda account: (account.learn(news, now()), None))

    return Groq(
        base_url=settings.groq_base_url,
        api_key=api_key,
        model=settings.groq_model,
        streams=settings.groq_base_url != GROQ_URL,  # Groq does not
        on_quota=learn,
    )


def first_quota(settings: Settings) -> Quota | None:
    """The account to begin with; None for an engine without limits.

    Groq has limits of its own; another server has those that the settings name.
    """
    limits = settings.quota_limits
    if settings.engine == "embedded" or (settings.groq_base_url != GROQ_URL and not limits):
        return None
    return Quota.with_limits(**limits)


def access(
    settings: Settings,
    store: AccessKeyStore,
    *,
    admin_key: str | None,
    api_keys: str | None,
    page_password: str | None,
    secret: bytes,
    now: Callable[[], float],
) -> Access:
    """Who may use the service; `secret` signs tokens. Without ADMIN_KEY, API_KEYS and PAGE_PASSWORD
    everybody may.

    The settings may be references: where one cannot be read, its keys open nothing.
    """
    return Access(
        is_on=settings.has_access_keys,
        store=store,
        now=now,
        secret=secret,
        admin_digest=digest_of(admin_key) if admin_key else None,
        configured=parse_api_keys(api_keys or ""),
        allows_anonymous=settings.anonymous_access,
        page=PagePassword(page_password, secret) if page_password else None,
    )


def admin_services(store: AdminStore, directory: JobDirectory, *, now: Callable[[], float]) -> AdminServices:
    return AdminServices(store, directory, pause=PauseSwitch(store, now=now))


def ledger(settings: Settings) -> Ledger:
    """How much one client may hold of each pool of places of this process."""
    from common.delivery.dispatch import AT_ONCE

    share = settings.client_share
    return Ledger(
        {
            "uploads": all_but_one(settings.upload_slots, share),
            "transcriptions": all_but_one(settings.transcriptions_at_once, share),
            "downloads": all_but_one(DOWNLOADS_AT_ONCE, share),
            "watchers": share_of(settings.max_watchers, share),
            "webhooks": share_of(AT_ONCE, share),
        }
    )


def download_places(shares: Ledger) -> Places:
    """The bound on recordings that are fetched for clients that wait."""
    return Places(DOWNLOADS_AT_ONCE, shares=shares.pool("downloads"))


def transcription_places(settings: Settings, shares: Ledger) -> Places:
    """The bound on transcriptions that clients wait for."""
    return Places(
        settings.transcriptions_at_once,
        length=settings.line_length,
        longest_wait=settings.line_timeout,
        max_bytes=settings.line_bytes,
        shares=shares.pool("transcriptions"),
    )


def webhook_sender(settings: Settings, secret: str | None) -> WebhookSender | None:
    """None without a secret to sign with."""
    if not secret:
        return None
    from common.delivery.webhook import WebhookSender

    # Receivers compare the signed time with their own clocks, so it is the time of day.
    return WebhookSender(secret=secret, private_allowed=settings.callback_private_addresses, now=time.time)


def convex_sender(
    settings: Settings,
    api_key: str | None,
    *,
    now: Callable[[], float],
    budget: Callable[[Budget], AccountStore[Budget]],
) -> ConvexSender | None:
    """None without a deployment or its key. `budget` makes the store that counts pushes."""
    if not (settings.convex_site_url and api_key):
        return None
    from common.delivery.convex import ConvexSender, monthly

    return ConvexSender(
        site_url=settings.convex_site_url,
        api_key=api_key,
        now=now,
        budget=budget(monthly(settings.convex_monthly_pushes)),
    )


def by_target(*, convex: Sender | None, webhook: Sender | None) -> dict[Target, Sender]:
    """The senders that are set up, each under the target that it serves."""
    senders: dict[Target, Sender] = {}
    if convex:
        senders["convex"] = convex
    if webhook:
        senders["callback"] = webhook
    return senders
