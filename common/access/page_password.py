"""The password that opens the page: which guesses are compared with it, which tokens browsers get. Pure.

Tokens are signed with a secret that the password is part of, so that another password ends all of them.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from common.access import tokens
from common.access.caller import OPEN_SCOPES, PAGE, Caller
from common.access.rates import RequestRates
from common.errors import KeyInvalid, PasswordWrong, TooManyGuesses
from common.models import Scope

PAGE_SCOPES: tuple[Scope, ...] = tuple(sorted(OPEN_SCOPES))

TOKEN_SECONDS = 12 * 3600.0
# So long a browser gets one token after another before it must send the password again.
LONGEST_SESSION = 30 * 24 * 3600.0

# A minute, for one address and for all: a guess that comes too early is compared with nothing. One address is
# never refused for longer than a few seconds, since others may be behind the same proxy.
_GUESSES = 10
_GUESSES_OF_ALL = 300
_ALL = "all"


def normalise(password: str) -> bytes:
    """Keyboards write one letter in several ways, as ñ in one code or in two."""
    import unicodedata

    return unicodedata.normalize("NFKC", password.strip()).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class PagePassword:
    """`server_secret` is the secret that signs all tokens of this server."""

    password: str = field(repr=False)
    server_secret: bytes = field(repr=False)
    _guesses: RequestRates = field(default_factory=lambda: RequestRates(_GUESSES), repr=False)
    _guesses_of_all: RequestRates = field(default_factory=lambda: RequestRates(_GUESSES_OF_ALL), repr=False)

    def check(self, guess: str, *, client: str, now: float) -> None:
        """Raises PasswordWrong, or TooManyGuesses whatever the guess is."""
        for rates, name in ((self._guesses, client), (self._guesses_of_all, _ALL)):
            rate = rates.take(_guesser(name), now)
            if rate is not None and rate.retry_after:
                raise TooManyGuesses(retry_after=rate.retry_after)
        if not hmac.compare_digest(self._keyed(b"page password", normalise(guess)), self._digest):
            raise PasswordWrong

    def sign(self, subject: str, *, signed_in_at: float, now: float) -> tokens.Token:
        """The next token of a browser, which ends with its session at the latest."""
        return tokens.Token(
            key_id=PAGE,
            scopes=PAGE_SCOPES,
            expires_at=min(now + TOKEN_SECONDS, signed_in_at + LONGEST_SESSION),
            subject=subject,
            signed_in_at=signed_in_at,
        )

    def write(self, token: tokens.Token) -> str:
        return tokens.sign_token(token, secret=self._digest)

    def find(self, text: str, *, now: float) -> tokens.Token | None:
        """The token; None for a text that was not signed for this password. Raises KeyExpired."""
        try:
            return tokens.read_token(text, secret=self._digest, now=now)
        except KeyInvalid:
            return None

    def subject_of(self, browser: str) -> str:
        """Whose jobs are those of a browser; who reads it in a list of jobs cannot act for the browser."""
        return self._keyed(b"browser", browser.encode()).hex()[:32]

    @property
    def _digest(self) -> bytes:
        return self._keyed(b"page password", normalise(self.password))

    def _keyed(self, purpose: bytes, text: bytes) -> bytes:
        return hmac.new(self.server_secret, b"escriba " + purpose + b"|" + text, hashlib.sha256).digest()


def _guesser(client: str) -> Caller:
    """Programs of the server's own machine are counted too: a proxy there may send all requests."""
    return Caller("address", f"guess:{client}", frozenset())


def browser_caller(token: tokens.Token) -> Caller:
    """The browser that a page's token was signed for."""
    owner = f"{PAGE}/{token.subject}"
    return Caller(
        "token", f"key:{owner}", frozenset(token.scopes), owner, token.subject, expires_at=token.expires_at
    )
