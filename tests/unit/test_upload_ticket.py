"""Signed upload tickets, and the changes that make them invalid."""

from __future__ import annotations

import pytest

from common.errors import UploadExpired, UploadTicketInvalid
from common.upload.ticket import UploadTickets
from tests.contract.sample_jobs import NOW, new_id

TICKETS = UploadTickets(b"a secret", seconds=900)
JOB = new_id()


def test_a_ticket_holds_an_address_fields_and_a_time() -> None:
    ticket = TICKETS.issue(JOB, max_bytes=1000, now=NOW + 0.9)
    assert ticket.url == f"/job/{JOB}/audio"
    assert ticket.expires_at == NOW + 900
    assert sorted(ticket.fields) == ["expires", "maxBytes", "signature"]


def test_a_ticket_is_valid_until_it_expires() -> None:
    fields = TICKETS.issue(JOB, max_bytes=1000, now=NOW).fields
    assert TICKETS.check(JOB, fields, now=NOW) == 1000
    assert TICKETS.check(JOB, {**fields, "another": "field"}, now=NOW + 899.9) == 1000
    with pytest.raises(UploadExpired):
        TICKETS.check(JOB, fields, now=NOW + 900)


@pytest.mark.parametrize(
    "change",
    [
        {"expires": str(int(NOW) + 90_000)},
        {"expires": ""},
        {"expires": f"{int(NOW) + 900}|1000", "maxBytes": ""},
        {"maxBytes": "1000000000"},
        {"maxBytes": "01000"},
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": "ñ" * 64},
        {"signature": "\ud800"},
        {"maxBytes": "\ud800"},
    ],
)
def test_a_changed_field_is_refused(change: dict[str, str]) -> None:
    fields = TICKETS.issue(JOB, max_bytes=1000, now=NOW).fields
    with pytest.raises(UploadTicketInvalid):
        TICKETS.check(JOB, fields | change, now=NOW)


@pytest.mark.parametrize("missing", ["expires", "maxBytes", "signature"])
def test_a_missing_field_is_refused(missing: str) -> None:
    fields = TICKETS.issue(JOB, max_bytes=1000, now=NOW).fields
    del fields[missing]
    with pytest.raises(UploadTicketInvalid):
        TICKETS.check(JOB, fields, now=NOW)


def test_a_ticket_is_valid_for_one_job_and_one_secret_only() -> None:
    fields = TICKETS.issue(JOB, max_bytes=1000, now=NOW).fields
    with pytest.raises(UploadTicketInvalid):
        TICKETS.check(new_id(), fields, now=NOW)
    with pytest.raises(UploadTicketInvalid):
        UploadTickets(b"another secret").check(JOB, fields, now=NOW)
