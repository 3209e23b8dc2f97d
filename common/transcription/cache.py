"""The text of a recording that was transcribed before: the same bytes, the same options, the same owner.

Who sends a recording has it, so its text reveals nothing new. Which text answers which request is decided
here; a deployment target only keeps it, for as long as the text of a job. docs/decisions/transcript-cache.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable

from common.cache_port import CacheKey
from common.errors import EscribaError
from common.log import log
from common.models import Options, Transcript
from common.services import VERSION, Services
from common.settings import Settings

# The owner of recordings that come without an access key.
_EVERYONE = "everyone"


def recording_of(sha256: str, *, owner: str | None) -> str:
    """Names a recording of an owner; no two owners share one."""
    return hashlib.sha256(json.dumps([owner or _EVERYONE, sha256]).encode()).hexdigest()


def cache_key(
    settings: Settings, sha256: str, options: Options, *, has_words: bool, owner: str | None = None
) -> CacheKey:
    """Differs wherever the text may: by owner, bytes, engine, model, version, and every option.

    An option that is added later counts by itself. Of `timestamps` only `has_words` counts: a text that has
    the times of words also answers those who want none.
    """
    identity = {
        "version": VERSION,
        "engine": [settings.engine, settings.groq_base_url, settings.engine_model],
        "model": options.model or settings.groq_model,
        "options": options.model_dump(
            mode="json", exclude={"cache", "timestamps", "model"}, exclude_defaults=True
        ),
        "words": has_words,
    }
    recording = recording_of(sha256, owner=owner)
    answer = hashlib.sha256(json.dumps([recording, identity], sort_keys=True).encode()).hexdigest()
    return CacheKey(recording=recording, answer=answer)


async def recall(
    services: Services, sha256: str | None, options: Options, *, owner: str | None
) -> Transcript | None:
    """The text that is kept for this recording and these options. A store that cannot answer has none."""
    if services.cache is None or sha256 is None or not options.cache:
        return None
    transcript = None
    try:
        for has_words in _acceptable(options):
            key = cache_key(services.settings, sha256, options, has_words=has_words, owner=owner)
            if transcript := await services.cache.get(key, now=services.now()):
                break
    except EscribaError as exc:
        log("cache.unreadable", level="WARNING", code=exc.code)
    services.counters.count_recall(is_hit=transcript is not None)
    return transcript


async def remember(
    services: Services, sha256: str | None, options: Options, transcript: Transcript, *, owner: str | None
) -> None:
    """Keep the text for the next request; that it cannot be kept is no failure of this one."""
    if services.cache is None or sha256 is None or not options.cache:
        return
    has_words = _wants_words(options) or transcript.words is not None
    key = cache_key(services.settings, sha256, options, has_words=has_words, owner=owner)
    try:
        await services.cache.put(key, transcript, expires_at=services.retention_end(services.now()))
    except EscribaError as exc:
        log("cache.unwritable", level="WARNING", code=exc.code)


async def forget(services: Services, sha256: str, *, owner: str | None) -> None:
    """Remove every text that is kept of this recording."""
    if services.cache is not None:
        await services.cache.forget(recording_of(sha256, owner=owner))


async def transcribe_unless_kept(
    services: Services,
    sha256: str | None,
    options: Options,
    transcribe: Callable[[], Awaitable[Transcript]],
    *,
    owner: str | None,
) -> tuple[Transcript, bool]:
    """The text, and whether it was kept; where it was not, `transcribe` makes it and it is kept now."""
    if (kept := await recall(services, sha256, options, owner=owner)) is not None:
        return kept, True
    transcript = await transcribe()
    await remember(services, sha256, options, transcript, owner=owner)
    return transcript, False


def _wants_words(options: Options) -> bool:
    return "word" in options.timestamps


def _acceptable(options: Options) -> tuple[bool, ...]:
    """Which kept texts may answer: with times of words (True) or without, the likelier first.

    A translation never has them, and only where they were requested it warns of that.
    """
    if _wants_words(options):
        return (True,)
    return (False,) if options.task == "translate" else (False, True)
