"""The root of the tree of errors, and `RetryLater`, which is outside it: a delay is not a failure."""

from __future__ import annotations

from typing import ClassVar

from common.errors.sentence import Detail, Language, Sentence


class RetryLater(Exception):
    """Not now: the quota is spent or the engine asked to wait. Try again after `delay` seconds."""

    def __init__(self, delay: float, reason: str = "") -> None:
        super().__init__(f"retry in {delay:.1f} s: {reason}")
        self.delay = delay
        self.reason = reason


class EscribaError(Exception):
    """A failure that is explained to the person at the other end.

    `details` fill the sentence and nothing else; they must hold nothing secret.
    `retry_after` (seconds) becomes the Retry-After header.
    """

    status: int = 500  # a class's own, unless the web framework refused a request with another
    code: ClassVar[str] = "internal_error"
    sentence: ClassVar[Sentence] = Sentence(
        "Something broke on our side.",
        "Algo se rompió de nuestro lado.",
    )
    hint: ClassVar[Sentence | None] = Sentence(
        "Try again; if it goes on, report the requestId.",
        "Inténtalo de nuevo; si continúa, comunica el requestId.",
    )
    retryable: ClassVar[bool] = False

    def __init__(self, *, retry_after: float | None = None, **details: Detail) -> None:
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.message("en"))

    def message(self, language: Language) -> str:
        return self.sentence.render(language, self.details)

    def advice(self, language: Language) -> str | None:
        return self.hint.render(language, self.details) if self.hint else None


def by_code(code: str) -> type[EscribaError]:
    """The class with this code; EscribaError itself for a stored code that no longer exists."""
    classes = [EscribaError]
    for known in classes:
        if known.code == code:
            return known
        classes.extend(known.__subclasses__())
    return EscribaError
