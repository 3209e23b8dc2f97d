"""The sentences of errors, whatever a stranger put into their details."""

from __future__ import annotations

import pytest

from common.errors import (
    AN_HOUR,
    YOUR_ADDRESS,
    BodyMalformed,
    LimitReached,
    OptionUnknown,
    Sentence,
    by_code,
)
from common.http.error_response import failure


def test_a_detail_in_our_own_words_is_in_the_language_of_the_sentence() -> None:
    error = BodyMalformed(problem=Sentence("it is not JSON", "no es JSON"))
    assert error.message("en") == "The request body is not what its Content-Type says: it is not JSON."
    assert error.message("es") == "El cuerpo de la petición no es lo que dice su Content-Type: no es JSON."


def test_a_strangers_text_loses_characters_that_reverse_a_line_or_colour_a_terminal() -> None:
    for hostile in ("\x1b[31m", "\x9b31m", "\u202e", "\n", "\0", "\ufeff"):
        message = OptionUnknown(option=f"a{hostile}", known="").message("en")
        assert message.startswith("There is no option 'a\ufffd")


def test_half_a_character_does_not_break_the_response() -> None:
    _, _, body = failure(OptionUnknown(option="\ud800", known="language"), accept_language="", request_id="r")
    assert "There is no option '\ufffd'." in body.decode()


def test_a_missing_detail_is_a_question_mark() -> None:
    assert by_code("upload_too_large").sentence.render("es", {}) == "El archivo pesa más de ? MB."


def limits_reached(kind: type[LimitReached] = LimitReached) -> list[type[LimitReached]]:
    return [kind, *(each for sub in kind.__subclasses__() for each in limits_reached(sub))]


@pytest.mark.parametrize("kind", limits_reached(), ids=lambda kind: str(kind.code))
def test_whose_limit_it_is_begins_the_sentence(kind: type[LimitReached]) -> None:
    error = kind(retry_after=1, whose=YOUR_ADDRESS, limit=5, window=AN_HOUR)
    assert error.message("en").startswith("Your address ")
    assert error.message("es").startswith("Tu dirección ")
