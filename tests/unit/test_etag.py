"""Tags that spare an answer when nothing is new."""

from __future__ import annotations

import pytest

from common.http.etag import etag_of, is_known, known_seq
from common.jobs import state
from common.models import Job, Options


def a_job(seq: int) -> Job:
    return state.accept("j", options=Options(), now=0, expires_at=1).model_copy(update={"seq": seq})


def test_the_tag_changes_with_the_job_and_with_how_its_pushing_stands() -> None:
    tags = {
        etag_of(a_job(1), None),
        etag_of(a_job(2), None),
        etag_of(a_job(2), {"state": "pending", "lastSeq": 1}),
        etag_of(a_job(2), {"state": "confirmed", "lastSeq": 2}),
    }
    assert len(tags) == 4


@pytest.mark.parametrize("told", ['W/"7"', '"7"', '"6", W/"7"', "*", ' W/"7" ', '"a", "7-other", "7"'])
def test_what_the_client_has_is_known(told: str) -> None:
    assert is_known('W/"7"', told)


@pytest.mark.parametrize("told", [None, "", '"6"', "7", '"7-0000"', 'W/"77"', '"' * 5000])
def test_what_it_has_not_is_sent(told: str | None) -> None:
    assert not is_known('W/"7"', told)


@pytest.mark.parametrize(
    ("told", "seq"),
    [
        ('W/"7"', 7),
        ('W/"7-0a1b2c3d"', 7),
        ('"12"', 12),
        ('"another server\'s"', None),
        ('"-7"', None),
        ('"' + "9" * 400 + '"', None),
        ("*", None),
        (None, None),
    ],
)
def test_a_tag_of_ours_tells_the_seq_it_was_made_from(told: str | None, seq: int | None) -> None:
    assert known_seq(told) == seq
