"""What every AudioStore promises about recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.bucket.audio import BucketAudio
from common.errors import AudioGone, UploadTicketInvalid
from common.ports import AudioStore
from common.upload.ticket import UploadTickets
from tests.contract.sample_jobs import NOW, new_id
from tests.contract.targets import DEPLOYMENT_TARGETS
from tests.s3_server import s3_server


@pytest.fixture(params=["container", "bucket", "aws"])
def audio(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AudioStore]:
    """A folder; a bucket of a real S3 server, as the container uses it; S3, as the functions do."""
    if request.param == "bucket":
        server = s3_server()
        address = server.address(server.new_prefix())
        tickets = UploadTickets(b"secret")
        yield BucketAudio(address, budget_bytes=1_000_000_000, tickets=tickets, now=lambda: NOW)
    else:
        with DEPLOYMENT_TARGETS[request.param](tmp_path) as target:
            yield target.audio


@pytest.fixture
def received(tmp_path: Path) -> Path:
    """A file as an upload leaves it."""
    file = tmp_path / "received"
    file.write_bytes(os.urandom(70_000))
    return file


async def test_a_kept_recording_is_fetched_byte_for_byte(
    audio: AudioStore, received: Path, tmp_path: Path
) -> None:
    content, job_id = received.read_bytes(), new_id()
    await audio.keep(job_id, received)
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        assert (await audio.fetch(job_id, folder)).read_bytes() == content


async def test_the_received_file_is_moved_not_copied(audio: AudioStore, received: Path) -> None:
    await audio.keep(new_id(), received)
    assert not received.exists()


async def test_each_job_has_a_recording_of_its_own(audio: AudioStore, tmp_path: Path) -> None:
    contents = {new_id(): os.urandom(10) for _ in range(3)}
    for job_id, content in contents.items():
        file = tmp_path / "received"
        file.write_bytes(content)
        await audio.keep(job_id, file)
    for job_id, content in contents.items():
        assert (await audio.fetch(job_id, tmp_path)).read_bytes() == content


async def test_keeping_again_replaces_the_recording(
    audio: AudioStore, received: Path, tmp_path: Path
) -> None:
    job_id = new_id()
    await audio.keep(job_id, received)
    received.write_bytes(b"the second time")
    await audio.keep(job_id, received)
    assert (await audio.fetch(job_id, tmp_path)).read_bytes() == b"the second time"


async def test_a_recording_that_was_never_kept_or_was_removed_is_gone(
    audio: AudioStore, received: Path, tmp_path: Path
) -> None:
    job_id = new_id()
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


async def test_removing_a_recording_that_was_never_kept_is_harmless(audio: AudioStore) -> None:
    await audio.remove(new_id())


async def test_a_ticket_holds_an_address_fields_and_a_time(audio: AudioStore) -> None:
    ticket = await audio.ticket(new_id(), max_bytes=1000, now=NOW)
    assert ticket.url
    assert ticket.fields
    assert "file" not in ticket.fields
    assert all(isinstance(value, str) for value in ticket.fields.values())
    assert NOW < ticket.expires_at <= NOW + 3600


async def test_a_ticket_is_valid_no_longer_than_was_asked_for(audio: AudioStore) -> None:
    ticket = await audio.ticket(new_id(), max_bytes=1000, now=NOW, until=NOW + 60)
    assert NOW < ticket.expires_at <= NOW + 60


async def test_a_kept_recording_is_no_upload(audio: AudioStore, received: Path) -> None:
    job_id = new_id()
    assert not await audio.has_upload(job_id)
    await audio.keep(job_id, received)
    assert not await audio.has_upload(job_id)


async def test_only_the_fields_of_a_job_s_own_ticket_are_admitted(audio: AudioStore) -> None:
    job_id = new_id()
    fields = (await audio.ticket(job_id, max_bytes=1000, now=NOW)).fields
    for forged in (
        {},
        dict.fromkeys(fields, "1"),
        (await audio.ticket(new_id(), max_bytes=1, now=NOW)).fields,
    ):
        with pytest.raises(UploadTicketInvalid):
            audio.admit(job_id, forged, now=NOW)


async def test_tickets_of_two_jobs_differ(audio: AudioStore) -> None:
    first, second = [await audio.ticket(new_id(), max_bytes=1000, now=NOW) for _ in range(2)]
    assert first.fields != second.fields
