"""The text of an access key: recognised with its checksum, and nothing else is."""

from __future__ import annotations

import os

import pytest

from common.access.keys import digest_of, make_key, parse_key


def test_a_key_names_its_id_and_is_never_the_same_twice() -> None:
    keys = [make_key(os.urandom) for _ in range(200)]
    assert all(parse_key(key.text) == key.key_id for key in keys)
    assert len({key.text for key in keys}) == len({key.key_id for key in keys}) == 200
    assert {len(key.text) for key in keys} == {len("esc_") + 8 + 1 + 43 + 6}


def test_every_bit_of_the_random_bytes_is_in_the_key() -> None:
    lowest, highest = make_key(bytes), make_key(lambda count: b"\xff" * count)
    assert lowest.text.startswith("esc_00000000_" + "0" * 43)
    assert len(set(highest.text)) > 10


@pytest.mark.parametrize("at", [4, 12, 13, 20, 55, 61])
def test_a_typing_error_anywhere_is_no_key(at: int) -> None:
    text = make_key(os.urandom).text
    other = "a" if text[at] != "a" else "b"
    assert parse_key(text[:at] + other + text[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", "esc_", "esc_short", "sk-1234", "esc_" + "é" * 58])
def test_other_text_is_no_key(text: str) -> None:
    assert parse_key(text) is None
    assert len(digest_of(text)) == 64
