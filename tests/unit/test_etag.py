"""Entity tags, which save a body when nothing is new."""

from __future__ import annotations

import pytest

from common.http.etag import etag_of, is_known, known_seq, required_seqs
from common.jobs import state
from common.models import Job, Options


def job_at(seq: int) -> Job:
    return state.accept("j", options=Options(), now=0, expires_at=1).model_copy(update={"seq": seq})


def test_the_tag_changes_with_the_job_and_with_the_state_of_its_delivery() -> None:
    tags = {
        etag_of(job_at(1), None),
        etag_of(job_at(2), None),
        etag_of(job_at(2), {"state": "pending", "lastSeq": 1}),
        etag_of(job_at(2), {"state": "confirmed", "lastSeq": 2}),
    }
    assert len(tags) == 4


@pytest.mark.parametrize(
    "if_none_match", ['W/"7"', '"7"', '"6", W/"7"', "*", ' W/"7" ', '"a", "7-other", "7"']
)
def test_a_tag_that_the_client_sent_is_known(if_none_match: str) -> None:
    assert is_known('W/"7"', if_none_match)


@pytest.mark.parametrize("if_none_match", [None, "", '"6"', "7", '"7-0000"', 'W/"77"', '"' * 5000])
def test_any_other_tag_is_not_known(if_none_match: str | None) -> None:
    assert not is_known('W/"7"', if_none_match)


@pytest.mark.parametrize(
    ("if_match", "seqs"),
    [("*", None), ('"7"', {7}), ('W/"7-0a1b2c3d"', {7}), ('"x", "7", W/"9"', {7, 9}), ('"5","6"', {5, 6})],
)
def test_a_change_names_one_state_or_several(if_match: str, seqs: set[int] | None) -> None:
    assert required_seqs(if_match) == seqs


@pytest.mark.parametrize(
    ("if_none_match", "seq"),
    [
        ('W/"7"', 7),
        ('"5", "7", "6"', 7),
        ('W/"7-0a1b2c3d"', 7),
        ('"12"', 12),
        ('"another server\'s"', None),
        ('"-7"', None),
        ('"' + "9" * 400 + '"', None),
        ("*", None),
        (None, None),
    ],
)
def test_a_tag_of_ours_contains_the_seq(if_none_match: str | None, seq: int | None) -> None:
    assert known_seq(if_none_match) == seq
