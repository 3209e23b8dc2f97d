"""Who a caller is, by the key or token of a request, and which jobs exist for that caller."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest

from common.access.access import Access
from common.access.caller import ALL_SCOPES, Caller, client_without_key
from common.access.keys import digest_of, make_key
from common.access.tokens import Token, read_token, sign_token
from common.errors import KeyExpired, KeyInvalid, KeyMissing, ScopeMissing
from common.models import NO_LIMITS, AccessKey, Limits, Scope
from common.setting_types import parse_api_keys

ADMIN_KEY = "an admin key of at least 32 characters"
SECRET = b"s" * 32
CLIENT = "address:192.0.2.7"
NOW = 1_800_000_000.0


@dataclass
class Keys:
    """An AccessKeyStore in memory that counts what it is asked."""

    stored: dict[str, AccessKey] = field(default_factory=dict)
    reads: int = 0

    async def put(self, key: AccessKey) -> None:
        self.stored[key.key_id] = key

    async def get(self, key_id: str) -> AccessKey | None:
        self.reads += 1
        return self.stored.get(key_id)

    async def all(self) -> list[AccessKey]:
        return list(self.stored.values())


@dataclass
class Doors:
    """An Access over keys in memory, with a clock that the test moves."""

    keys: Keys = field(default_factory=Keys)
    now: float = NOW
    allows_anonymous: bool = False

    def __post_init__(self) -> None:
        self.access = Access(
            is_on=True,
            store=self.keys,
            now=lambda: self.now,
            secret=SECRET,
            admin_digest=digest_of(ADMIN_KEY),
            allows_anonymous=self.allows_anonymous,
        )

    async def add(self, *scopes: Scope, expires_at: float | None = None) -> tuple[str, AccessKey]:
        made = make_key(os.urandom)
        key = AccessKey(
            key_id=made.key_id,
            name="test",
            digest=digest_of(made.text),
            scopes=scopes or ("transcribe", "read"),
            created_at=NOW,
            expires_at=expires_at,
        )
        await self.keys.put(key)
        return made.text, key

    async def identify(self, credential: str | None) -> Caller:
        return await self.access.identify(credential, client=CLIENT)


async def test_without_keys_everybody_may_transcribe_and_read_and_nobody_is_asked() -> None:
    keys = Keys()
    access = Access(store=keys, now=lambda: NOW)
    caller = await access.identify("Bearer of anything", client=CLIENT)
    assert caller == client_without_key(CLIENT)
    assert caller.scopes == {"transcribe", "read"}
    assert caller.owner is None
    assert keys.reads == 0


async def test_the_admin_key_may_everything() -> None:
    caller = await Doors().identify(ADMIN_KEY)
    assert (caller.kind, caller.scopes) == ("admin", ALL_SCOPES)
    assert caller.may_see("anybody/else", "a job")


async def test_a_request_without_a_key_is_refused_unless_anonymous_access_is_allowed() -> None:
    with pytest.raises(KeyMissing):
        await Doors().identify(None)
    doors = Doors(allows_anonymous=True)
    for credential in (None, "sk-any-text-of-an-openai-client"):
        caller = await doors.identify(credential)
        assert caller == client_without_key(CLIENT)
    assert not caller.may_see("1a2b3c4d", "a job")


@pytest.mark.parametrize("allows_anonymous", [False, True])
async def test_a_wrong_key_is_never_anonymous(allows_anonymous: bool) -> None:
    doors = Doors(allows_anonymous=allows_anonymous)
    text, _ = await doors.add()
    unknown, other = make_key(os.urandom).text, ("x" if text[-1] != "x" else "y")
    for credential in (unknown, text[:-1] + other, "esc_", "est_", "est_abc.def"):
        with pytest.raises(KeyInvalid):
            await doors.identify(credential)


async def test_a_key_with_the_id_of_another_and_a_secret_of_its_own_is_wrong() -> None:
    doors = Doors()
    _, key = await doors.add()
    forged = make_key(lambda count: b"\x01" * count)
    await doors.keys.put(key.model_copy(update={"key_id": forged.key_id}))
    with pytest.raises(KeyInvalid):
        await doors.identify(forged.text)


async def test_a_key_has_its_scopes_and_owns_its_jobs() -> None:
    doors = Doors()
    text, key = await doors.add("read")
    caller = await doors.identify(text)
    assert (caller.kind, caller.owner) == ("key", key.key_id)
    assert caller.scopes == {"read"}
    caller.require("read")
    with pytest.raises(ScopeMissing):
        caller.require("transcribe")


async def test_a_revoked_key_works_for_at_most_ten_seconds_more_and_is_read_seldom() -> None:
    doors = Doors()
    text, key = await doors.add()
    for _ in range(50):
        await doors.identify(text)
    assert doors.keys.reads == 1
    await doors.keys.put(key.model_copy(update={"revoked_at": NOW}))
    doors.now += 10
    with pytest.raises(KeyInvalid):
        await doors.identify(text)


async def test_a_clock_that_steps_back_keeps_no_key_in_the_cache() -> None:
    doors = Doors()
    text, key = await doors.add()
    await doors.identify(text)
    await doors.keys.put(key.model_copy(update={"revoked_at": NOW}))
    doors.now -= 3600
    with pytest.raises(KeyInvalid):
        await doors.identify(text)


async def test_an_expired_key_says_so() -> None:
    doors = Doors()
    text, _ = await doors.add(expires_at=NOW + 1)
    assert (await doors.identify(text)).kind == "key"
    doors.now += 1
    with pytest.raises(KeyExpired):
        await doors.identify(text)


async def test_guessed_ids_do_not_grow_the_cache_without_end() -> None:
    doors = Doors()
    for _ in range(5000):
        with pytest.raises(KeyInvalid):
            await doors.identify(make_key(os.urandom).text)
    assert len(doors.access._missing) <= 2000


async def test_keys_of_the_settings_work_without_a_store() -> None:
    made = make_key(os.urandom)
    configured = parse_api_keys(f"page {digest_of(made.text)} read; bot {digest_of('other')}")
    access = Access(is_on=True, store=Keys(), now=lambda: NOW, configured=configured)
    caller = await access.identify(made.text, client=CLIENT)
    assert caller.kind == "key"
    assert caller.scopes == {"read"}
    assert (await access.identify("other", client=CLIENT)).scopes == {"transcribe", "read"}
    with pytest.raises(KeyInvalid):
        await access.identify(make_key(os.urandom).text, client=CLIENT)


@pytest.mark.parametrize("text", ["page", "page abc", f"page {'0' * 64} write", f"a b {'0' * 64}"])
def test_a_line_of_keys_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"lines of|scopes among"):
        parse_api_keys(text)


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_acts_for_its_user_with_no_more_than_its_key_may() -> None:
    doors = Doors()
    _, key = await doors.add("read")
    token = Token(key_id=key.key_id, scopes=("transcribe", "read"), expires_at=NOW + 60, subject="ana")
    caller = await doors.identify(sign_token(token, secret=SECRET))
    assert (caller.kind, caller.owner, caller.subject) == ("token", f"{key.key_id}/ana", "ana")
    assert caller.scopes == {"read"}


async def test_a_token_ends_with_its_time_and_with_its_key() -> None:
    doors = Doors()
    _, key = await doors.add()
    text = sign_token(Token(key_id=key.key_id, scopes=("read",), expires_at=NOW + 60), secret=SECRET)
    await doors.identify(text)
    await doors.keys.put(key.model_copy(update={"revoked_at": NOW}))
    doors.now += 30
    with pytest.raises(KeyInvalid):
        await doors.identify(text)
    doors.now += 30
    with pytest.raises(KeyExpired):
        await doors.identify(text)


@pytest.mark.parametrize("at", range(0, 120, 7))
def test_a_token_that_was_changed_anywhere_is_invalid(at: int) -> None:
    token = Token(key_id="1a2b3c4d", scopes=("read",), expires_at=NOW + 60, subject="ana", job_id="j")
    text = sign_token(token, secret=SECRET)
    at = 4 + at % (len(text) - 4)
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(KeyInvalid):
        read_token(changed, secret=SECRET, now=NOW)
    with pytest.raises(KeyInvalid):
        read_token(text, secret=b"another", now=NOW)


# ── who sees which job ────────────────────────────────────────────────────────────────────────────

KEY = Caller("key", "key:one", frozenset({"transcribe", "read"}), owner="one")
USER = Caller("token", "key:one/ana", frozenset({"read"}), owner="one/ana", subject="ana")
TICKET = Caller("token", "key:one", frozenset({"read"}), owner="one", only_job="j1")


@pytest.mark.parametrize(
    ("caller", "owner", "job_id", "sees"),
    [
        (KEY, "one", "j1", True),
        (KEY, "one/ana", "j1", True),
        (KEY, "two", "j1", False),
        (KEY, "one-more", "j1", False),
        (KEY, None, "j1", True),
        (USER, "one/ana", "j1", True),
        (USER, "one", "j1", False),
        (USER, "one/anabel", "j1", False),
        (USER, "one/bea", "j1", False),
        (USER, "one/ana/bea", "j1", False),
        (TICKET, "one", "j1", True),
        (TICKET, "one", "j2", False),
        (TICKET, None, "j2", False),
        (client_without_key(CLIENT), "one", "j1", False),
        (client_without_key(CLIENT), None, "j1", True),
    ],
)
def test_a_job_exists_for_its_owner_alone(caller: Caller, owner: str | None, job_id: str, sees: bool) -> None:
    assert caller.may_see(owner, job_id) is sees


async def test_keys_that_could_not_be_read_open_nothing() -> None:
    access = Access(is_on=True, store=Keys(), now=lambda: NOW)
    for credential in (None, "", ADMIN_KEY, make_key(os.urandom).text):
        with pytest.raises((KeyMissing, KeyInvalid)):
            await access.identify(credential, client=CLIENT)


async def test_the_limits_of_a_key_count_for_it_and_its_tokens() -> None:
    doors = Doors()
    text, key = await doors.add("transcribe")
    limited = key.model_copy(update={"limits": Limits(jobs=3)})
    await doors.keys.put(limited)
    token = sign_token(Token(key_id=key.key_id, scopes=("read",), expires_at=NOW + 60), secret=SECRET)
    for credential in (text, token):
        caller = await doors.access.identify(credential, client=CLIENT)
        assert (caller.limits.jobs, caller.client) == (3, f"key:{key.key_id}")
    assert await doors.access.limits_of(f"key:{key.key_id}") == Limits(jobs=3)
    assert await doors.access.limits_of(CLIENT) == NO_LIMITS


def test_limits_of_a_configured_key_follow_its_scopes() -> None:
    (key,) = parse_api_keys(f"app {'0' * 64} read requestsPerMinute=60 jobs=2").values()
    assert (key.scopes, key.limits) == (("read",), Limits(requests_per_minute=60, jobs=2))
    (key,) = parse_api_keys(f"app {'0' * 64} audioPerHour=600").values()
    assert (key.scopes, key.limits) == (("transcribe", "read"), Limits(audio_per_hour=600))
    for wrong in ("jobs=0", "coffee=3", "jobs=x"):
        with pytest.raises(ValueError, match=r"lines of|limits among"):
            parse_api_keys(f"app {'0' * 64} read {wrong}")
