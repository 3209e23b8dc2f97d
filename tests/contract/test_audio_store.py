"""What every AudioStore promises of recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.errors import AudioGone, UploadTicketInvalid
from common.ports import AudioStore
from tests.contract.recordings import NOW, an_id


@pytest.fixture
def received(tmp_path: Path) -> Path:
    """A file as an upload leaves it."""
    file = tmp_path / "received"
    file.write_bytes(os.urandom(70_000))
    return file


async def test_what_is_kept_can_be_fetched_byte_for_byte(
    audio: AudioStore, received: Path, tmp_path: Path
) -> None:
    said, job_id = received.read_bytes(), an_id()
    await audio.keep(job_id, received)
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        assert (await audio.fetch(job_id, folder)).read_bytes() == said


async def test_the_received_file_is_moved_not_copied(audio: AudioStore, received: Path) -> None:
    await audio.keep(an_id(), received)
    assert not received.exists()


async def test_each_job_has_its_own(audio: AudioStore, tmp_path: Path) -> None:
    kept = {an_id(): os.urandom(10) for _ in range(3)}
    for job_id, said in kept.items():
        file = tmp_path / "received"
        file.write_bytes(said)
        await audio.keep(job_id, file)
    for job_id, said in kept.items():
        assert (await audio.fetch(job_id, tmp_path)).read_bytes() == said


async def test_keeping_again_replaces(audio: AudioStore, received: Path, tmp_path: Path) -> None:
    job_id = an_id()
    await audio.keep(job_id, received)
    received.write_bytes(b"the second time")
    await audio.keep(job_id, received)
    assert (await audio.fetch(job_id, tmp_path)).read_bytes() == b"the second time"


async def test_what_was_never_kept_or_was_removed_is_gone(
    audio: AudioStore, received: Path, tmp_path: Path
) -> None:
    job_id = an_id()
    assert not await audio.has(job_id)
    with pytest.raises(AudioGone):
        await audio.fetch(job_id, tmp_path)
    await audio.keep(job_id, received)
    assert await audio.has(job_id)
    await audio.remove(job_id)
    await audio.remove(job_id)
    assert not await audio.has(job_id)
    with pytest.raises(AudioGone):
        await audio.fetch(job_id, tmp_path)


async def test_removing_what_was_never_there_is_harmless(audio: AudioStore) -> None:
    await audio.remove(an_id())


async def test_a_ticket_tells_where_to_post_with_what_and_until_when(audio: AudioStore) -> None:
    ticket = await audio.ticket(an_id(), max_bytes=1000, now=NOW)
    assert ticket.url
    assert ticket.fields
    assert "file" not in ticket.fields
    assert all(isinstance(value, str) for value in ticket.fields.values())
    assert NOW < ticket.expires_at <= NOW + 3600


async def test_a_ticket_is_good_no_longer_than_it_may_be(audio: AudioStore) -> None:
    ticket = await audio.ticket(an_id(), max_bytes=1000, now=NOW, until=NOW + 60)
    assert NOW < ticket.expires_at <= NOW + 60


async def test_what_is_kept_is_not_what_was_posted(audio: AudioStore, received: Path) -> None:
    job_id = an_id()
    assert not await audio.posted(job_id)
    await audio.keep(job_id, received)
    assert not await audio.posted(job_id)


async def test_only_the_fields_that_were_given_out_for_a_job_are_admitted(audio: AudioStore) -> None:
    job_id = an_id()
    fields = (await audio.ticket(job_id, max_bytes=1000, now=NOW)).fields
    for forged in (
        {},
        dict.fromkeys(fields, "1"),
        (await audio.ticket(an_id(), max_bytes=1, now=NOW)).fields,
    ):
        with pytest.raises(UploadTicketInvalid):
            audio.admit(job_id, forged, now=NOW)


async def test_tickets_of_two_jobs_differ(audio: AudioStore) -> None:
    one, other = [await audio.ticket(an_id(), max_bytes=1000, now=NOW) for _ in range(2)]
    assert (one.url, one.fields) != (other.url, other.fields)
    assert one.fields != other.fields
