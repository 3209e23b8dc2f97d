"""Jobs and their text as DynamoDB's items: every value comes back the same, long text in parts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from common.aws import job_items
from common.aws.table import plain, wired
from common.jobs import state
from common.models import Piece, Transcript, Word
from tests.contract.sample_jobs import NOW, sample_job, sample_transcript

NUMBERS = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False, width=64)
VALUES = st.dictionaries(st.text(min_size=1), st.text() | NUMBERS | st.booleans() | st.binary())


@given(VALUES)
def test_what_goes_over_the_wire_comes_back_equal(item: dict[str, object]) -> None:
    assert plain(wired(item)) == item


def test_what_is_none_is_no_attribute() -> None:
    assert wired({"a": None, "b": 1}) == {"b": {"N": "1"}}


def test_an_event_with_text_comes_back_equal() -> None:
    job = sample_job()
    spoken = Piece(index=3, start=29.5, transcript=sample_transcript("Ñandú 日本語 \x00"))
    event = state.event_of(job, piece=spoken)
    assert job_items.event_of(plain(wired(job_items.event_item(event)))) == event


def test_a_long_text_is_cut_into_parts_that_an_item_can_hold() -> None:
    chance = random.Random(5)
    words = tuple(
        Word(word=f"{chance.getrandbits(64):x}", start=index / 3, end=index / 3 + 0.3)
        for index in range(60_000)
    )
    long = Transcript(text=" ".join(word.word for word in words), duration=20_000.0, words=words)
    parts = job_items.result_items(sample_job(), long)
    assert len(parts) > 2
    assert all(len(part["bytes"]) <= 350_000 for part in parts)
    (document,) = job_items.documents(parts)
    assert Transcript.model_validate_json(document) == long


def test_what_a_longer_text_before_left_is_passed_over() -> None:
    job = sample_job()
    short = job_items.result_items(job, sample_transcript("short"))
    stale = {**short[0], "sk": "result#001", "bytes": b"of another"}
    assert job_items.documents([*short, stale]) == job_items.documents(short)


def test_time_to_live_is_long_after_a_job_expired() -> None:
    assert job_items.ttl_of(NOW) - NOW > 7 * 86_400
