"""The page's password: who may guess how often, and how long what a browser gets for it lasts."""

from __future__ import annotations

import unicodedata

import pytest

from common.access.access import Access
from common.access.page_password import LONGEST_SESSION, TOKEN_SECONDS, PagePassword
from common.access.tokens import Token, sign_token
from common.errors import KeyExpired, KeyInvalid, PasswordWrong, TooManyGuesses

PASSWORD = "la señora Muñoz canta"
SECRET = b"s" * 32
NOW = 1_800_000_000.0
HERE, THERE = "address:192.0.2.7", "address:192.0.2.8"


def page(password: str = PASSWORD) -> PagePassword:
    return PagePassword(password, SECRET)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_letter_counts_the_same_in_whatever_way_a_keyboard_writes_it(form: str) -> None:
    guess = unicodedata.normalize(form, PASSWORD)  # type: ignore[arg-type]
    page().check(guess, client=HERE, now=NOW)


@pytest.mark.parametrize("guess", ["", PASSWORD.upper(), PASSWORD[:-1], "\ud800", "x" * 100_000])
def test_another_password_is_wrong(guess: str) -> None:
    with pytest.raises(PasswordWrong):
        page().check(guess, client=HERE, now=NOW)


@pytest.mark.parametrize("client", [HERE, "address:127.0.0.1", ""], ids=["remote", "own machine", "unnamed"])
def test_after_ten_guesses_even_the_right_one_waits_some_seconds_and_others_do_not(client: str) -> None:
    door = page()
    for _ in range(10):
        with pytest.raises(PasswordWrong):
            door.check("a guess", client=client, now=NOW)
    with pytest.raises(TooManyGuesses) as refused:
        door.check(PASSWORD, client=client, now=NOW)
    assert refused.value.retry_after
    assert 5 < refused.value.retry_after < 7
    door.check(PASSWORD, client=THERE, now=NOW)
    door.check(PASSWORD, client=client, now=NOW + refused.value.retry_after)


def test_many_addresses_together_have_no_more_than_three_hundred_guesses_a_minute() -> None:
    door, compared = page(), 0
    for number in range(1000):
        try:
            door.check("a guess", client=f"address:198.51.{number}.0/64", now=NOW)
        except PasswordWrong:
            compared += 1
        except TooManyGuesses:
            pass
    assert compared == 300


async def test_another_password_ends_all_tokens_and_the_browser_finds_its_jobs_again() -> None:
    old, new = page(), page("otra contraseña larga")
    text = old.write(old.sign(old.subject_of("b" * 32), signed_in_at=NOW, now=NOW))
    before = Access(is_on=True, secret=SECRET, page=old, now=lambda: NOW)
    after = Access(is_on=True, secret=SECRET, page=new, now=lambda: NOW)
    caller = await before.identify(text, client=HERE)
    with pytest.raises(KeyInvalid):
        await after.identify(text, client=HERE)
    again = new.write(new.sign(new.subject_of("b" * 32), signed_in_at=NOW, now=NOW))
    assert (await after.identify(again, client=HERE)).owner == caller.owner
    assert caller.scopes == {"transcribe", "read"}
    assert "b" * 32 not in str(caller.owner)


async def test_a_token_that_the_password_did_not_sign_is_no_browsers() -> None:
    access = Access(is_on=True, secret=SECRET, page=page(), now=lambda: NOW)
    forged = Token(key_id="page", scopes=("read",), expires_at=NOW + 60, subject="a")
    with pytest.raises(KeyInvalid):
        await access.identify(sign_token(forged, secret=SECRET), client=HERE)


async def test_a_browser_signs_in_anew_after_thirty_days_at_the_latest() -> None:
    door = page()
    first = door.sign("a", signed_in_at=NOW, now=NOW)
    assert first.expires_at == NOW + TOKEN_SECONDS
    last = door.sign("a", signed_in_at=NOW, now=NOW + LONGEST_SESSION - 60)
    assert last.expires_at == NOW + LONGEST_SESSION
    with pytest.raises(KeyExpired):
        door.find(door.write(last), now=NOW + LONGEST_SESSION)
