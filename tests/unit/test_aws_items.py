"""Jobs and their text as DynamoDB's items: every value comes back the same, long text in parts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from common.aws import job_items
from common.aws.table_requests import from_wire, to_wire
from common.jobs.events import make_event
from common.models import Piece, Transcript, Word
from tests.contract.sample_jobs import NOW, sample_job, sample_transcript

NUMBERS = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False, width=64)
VALUES = st.dictionaries(st.text(min_size=1), st.text() | NUMBERS | st.booleans() | st.binary())


@given(VALUES)
def test_an_item_comes_back_from_the_wire_equal(item: dict[str, object]) -> None:
    assert from_wire(to_wire(item)) == item


def test_none_is_no_attribute() -> None:
    assert to_wire({"a": None, "b": 1}) == {"b": {"N": "1"}}


def test_an_event_with_text_comes_back_equal() -> None:
    spoken = Piece(index=3, start=29.5, transcript=sample_transcript("Ñandú 日本語 \x00"))
    event = make_event(sample_job(), piece=spoken)
    assert job_items.event_of(from_wire(to_wire(job_items.event_item(event)))) == event


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
    (document,) = job_items.join_parts(parts)
    assert Transcript.model_validate_json(document) == long


def test_parts_that_a_longer_text_left_behind_are_passed_over() -> None:
    short = job_items.result_items(sample_job(), sample_transcript("short"))
    stale = {**short[0], "sk": "result#001", "bytes": b"of a longer text"}
    assert job_items.join_parts([*short, stale]) == job_items.join_parts(short)


def test_time_to_live_ends_long_after_a_job_expired() -> None:
    assert job_items.ttl_of(NOW) - NOW > 7 * 86_400
