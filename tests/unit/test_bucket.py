"""The bucket's address and signature, and recordings in a real bucket: full, away, left half done."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from common.bucket.address import BucketAddress, read_address
from common.bucket.audio import BucketAudio
from common.bucket.half_uploads import abort_half_uploads, parse_uploads
from common.bucket.objects import BucketObjects, ObjectMissing
from common.bucket.signature import presign
from common.errors import AudioGone, JobNotFound, StorageFull, StoreUnavailable, UploadTooLarge
from common.settings import MB, SettingInvalid, read_settings
from common.upload.ticket import UploadTickets
from tests.contract.sample_jobs import new_id
from tests.s3_faults import FaultyBucket
from tests.s3_server import BUCKET, s3_server
from tests.server import ROOT

_ENVIRONMENT = {
    "DATABASE_URL": "postgres://x@127.0.0.1/x",
    "AUDIO_URL": "s3://voices/of/people/",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def test_the_settings_name_bucket_prefix_and_endpoint() -> None:
    address = read_address(read_settings(_ENVIRONMENT))
    assert (address.bucket, address.prefix) == ("voices", "of/people/")
    assert address.url == "https://s3.us-east-1.amazonaws.com/voices"
    elsewhere = {**_ENVIRONMENT, "AUDIO_URL": "s3://voices", "AWS_ENDPOINT_URL_S3": "https://s3.example.com/"}
    address = read_address(read_settings(elsewhere))
    assert (address.url, address.prefix) == ("https://s3.example.com/voices", "")


def test_an_endpoint_that_names_the_bucket_is_used_as_it_is() -> None:
    address = BucketAddress(
        bucket="voices", prefix="", region="auto", endpoint="https://voices.t3.example.com"
    )
    assert address.url == "https://voices.t3.example.com"


def test_keys_are_in_no_repr() -> None:
    assert "secret" not in repr(read_address(read_settings(_ENVIRONMENT)))


def test_the_signature_is_the_one_in_amazons_documentation() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""
    address = BucketAddress(
        bucket="examplebucket",
        prefix="",
        region="us-east-1",
        endpoint="https://examplebucket.s3.amazonaws.com",
        key_id="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    url = presign(address, "GET", "test.txt", now=1369353600, seconds=86400)
    assert url.endswith("Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


# ── a real bucket ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def address() -> BucketAddress:
    server = s3_server()
    return server.address(server.new_prefix())


def audio_in(address: BucketAddress, *, budget_bytes: int = 1_000_000_000, now: float = 0.0) -> BucketAudio:
    return BucketAudio(address, budget_bytes=budget_bytes, tickets=UploadTickets(b"secret"), now=lambda: now)


def test_a_server_without_a_bucket_imports_none_of_it() -> None:
    program = "import sys, local_server; print([m for m in sys.modules if 'bucket' in m or 'obstore' in m])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['common.token_bucket']"


# ── what a client puts there itself ───────────────────────────────────────────────────────────────


def status_of(method: str, url: str, content: bytes = b"") -> int:
    return httpx.request(method, url, content=content or None).status_code


async def put_address(address: BucketAddress, job_id: str, size_bytes: int) -> str:
    ticket = await audio_in(address).ticket(job_id, max_bytes=MB, now=time.time(), size_bytes=size_bytes)
    assert ticket.direct_url is not None
    return ticket.direct_url


async def test_a_client_puts_exactly_the_bytes_that_it_announced(
    address: BucketAddress, tmp_path: Path
) -> None:
    audio, job_id = audio_in(address), new_id()
    url = await put_address(address, job_id, 1000)
    assert status_of("PUT", url, bytes(1001)) == 403
    assert status_of("PUT", url, bytes(999)) == 403
    assert await audio.adopt(job_id, max_bytes=MB) is None
    assert status_of("PUT", url, b"x" * 1000) == 200
    adopted = await audio.adopt(job_id, max_bytes=MB)
    assert adopted is not None
    assert adopted.size_bytes == 1000
    assert await audio.adopt(job_id, max_bytes=MB) == adopted  # its answer was lost
    assert s3_server().keys(address.prefix) == [f"{address.prefix}audio/{job_id}"]
    # The address is still valid, but what is put there now changes nothing.
    assert status_of("PUT", url, b"y" * 1000) == 200
    assert (await audio.fetch(job_id, tmp_path)).read_bytes() == b"x" * 1000
    await audio.remove(job_id)
    assert s3_server().keys(address.prefix) == []


async def test_an_address_is_for_one_job_and_for_putting(address: BucketAddress) -> None:
    first, second = new_id(), new_id()
    url = await put_address(address, first, 10)
    assert status_of("GET", url) == 403
    assert status_of("DELETE", url) == 403
    assert status_of("PUT", url.replace(first, second), bytes(10)) == 403


async def test_a_client_that_does_not_say_how_much_comes_gets_no_address(address: BucketAddress) -> None:
    for size_bytes in (0, -1, MB + 1):
        ticket = await audio_in(address).ticket(
            new_id(), max_bytes=MB, now=time.time(), size_bytes=size_bytes
        )
        assert ticket.direct_url is None


async def test_addresses_promise_no_more_than_the_budget(address: BucketAddress, tmp_path: Path) -> None:
    audio = audio_in(address, budget_bytes=1000)

    async def is_promised(size_bytes: int, job_id: str = "") -> bool:
        ticket = await audio.ticket(job_id or new_id(), max_bytes=MB, now=0.0, size_bytes=size_bytes)
        return ticket.direct_url is not None

    (tmp_path / "received").write_bytes(bytes(300))
    await audio.keep(new_id(), tmp_path / "received")
    job_id = new_id()
    assert await is_promised(500, job_id)
    assert await is_promised(500, job_id)  # the same promise
    assert not await is_promised(300)
    assert await is_promised(200)


async def test_too_large_a_recording_is_not_adopted(address: BucketAddress) -> None:
    job_id = new_id()
    assert status_of("PUT", await put_address(address, job_id, 1000), bytes(1000)) == 200
    with pytest.raises(UploadTooLarge):
        await audio_in(address).adopt(job_id, max_bytes=999)
    assert s3_server().keys(address.prefix) == []


# ── what the server stores ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size_bytes", [0, 1, 4 * MB, 4 * MB + 1, 8 * MB, 8 * MB + 1, 21 * MB])
async def test_recordings_of_every_size_come_back_whole(
    address: BucketAddress, tmp_path: Path, size_bytes: int
) -> None:
    audio, job_id, content = audio_in(address), new_id(), os.urandom(size_bytes)
    (tmp_path / "received").write_bytes(content)
    await audio.keep(job_id, tmp_path / "received")
    assert (await audio.fetch(job_id, tmp_path)).read_bytes() == content
    assert s3_server().keys(address.prefix) == [f"{address.prefix}audio/{job_id}"]


async def test_a_budget_counts_what_other_instances_store(address: BucketAddress, tmp_path: Path) -> None:
    first, second = (audio_in(address, budget_bytes=1000) for _ in range(2))
    for audio, size_bytes, fits in ((first, 600, True), (second, 600, False), (second, 400, True)):
        (tmp_path / "received").write_bytes(bytes(size_bytes))
        if fits:
            await audio.keep(new_id(), tmp_path / "received")
        else:
            with pytest.raises(StorageFull):
                await audio.keep(new_id(), tmp_path / "received")


async def test_the_sweep_removes_what_no_job_needs_and_nothing_else(
    address: BucketAddress, tmp_path: Path
) -> None:
    audio, ids = audio_in(address), [new_id() for _ in range(3)]
    for job_id in ids:
        (tmp_path / "received").write_bytes(b"x")
        await audio.keep(job_id, tmp_path / "received")
    foreign = f"{address.prefix}audio/notes.txt"
    s3_server().client.put_object(Bucket=BUCKET, Key=foreign, Body=b"x")

    async def find_needed(job_ids: list[str]) -> set[str]:
        assert sorted(job_ids) == sorted(ids)
        return {ids[0]}

    assert await audio.sweep(find_needed) == 2
    assert sorted(s3_server().keys(address.prefix)) == sorted([f"{address.prefix}audio/{ids[0]}", foreign])


async def test_an_idle_bucket_is_listed_once_an_hour(address: BucketAddress, tmp_path: Path) -> None:
    asked: list[list[str]] = []

    async def find_needed(job_ids: list[str]) -> set[str]:
        asked.append(job_ids)
        return set(job_ids)

    clock = [1_000_000.0]
    audio = BucketAudio(address, budget_bytes=1000, tickets=UploadTickets(b"secret"), now=lambda: clock[0])
    (tmp_path / "received").write_bytes(b"x")
    await audio.keep(new_id(), tmp_path / "received")
    for _ in range(60):
        await audio.sweep(find_needed)
        clock[0] += 60
    assert len(asked) == 1
    await audio.sweep(find_needed)
    assert len(asked) == 2


async def test_half_uploads_are_ended_once_they_are_old(address: BucketAddress) -> None:
    client = s3_server().client
    client.create_multipart_upload(Bucket=BUCKET, Key=f"{address.prefix}audio/{new_id()}")
    client.create_multipart_upload(Bucket=BUCKET, Key=f"another{address.prefix}audio/x")
    assert await abort_half_uploads(address, older_than=3600, now=time.time) == 0
    assert len(s3_server().keys(address.prefix)) == 1
    assert await abort_half_uploads(address, older_than=-5, now=time.time) == 1
    assert s3_server().keys(address.prefix) == []
    assert len(s3_server().keys(f"another{address.prefix}")) == 1


async def test_a_bucket_that_cannot_list_half_uploads_is_no_failure() -> None:
    nowhere = BucketAddress(bucket="b", prefix="", region="us-east-1", endpoint="http://127.0.0.1:9")
    assert await abort_half_uploads(nowhere, older_than=0, now=lambda: 0.0) == 0


def test_lists_of_half_uploads_are_read_with_and_without_a_namespace() -> None:
    upload = (
        "<Upload><Key>a</Key><UploadId>u</UploadId><Initiated>1970-01-01T00:01:00.000Z</Initiated></Upload>"
    )
    for namespace in ("", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'):
        xml = f"<ListMultipartUploadsResult{namespace}>{upload}</ListMultipartUploadsResult>"
        assert parse_uploads(xml) == [("a", "u", 60.0)]


@pytest.mark.parametrize("wrong", [{"bucket": "no-such-bucket"}, {"secret": "another"}, {"key_id": "nobody"}])
async def test_a_bucket_that_refuses_us_stops_the_start(
    address: BucketAddress, wrong: dict[str, str]
) -> None:
    with pytest.raises(SettingInvalid) as caught:
        await audio_in(replace(address, **wrong)).open()
    assert "another" not in str(caught.value)
    assert str(caught.value).startswith(f"The{'re is no' if 'bucket' in wrong else ''} bucket")


async def test_a_bucket_that_does_not_answer_does_not_stop_the_start(
    address: BucketAddress, tmp_path: Path
) -> None:
    nowhere = replace(address, endpoint="http://127.0.0.1:9")
    audio = audio_in(nowhere)
    audio._objects = BucketObjects(nowhere, retry_seconds=0.1)
    await audio.open()
    assert audio.problem is not None
    with pytest.raises(StoreUnavailable) as caught:
        await audio.fetch(new_id(), tmp_path)
    assert caught.value.retry_after


async def test_problems_end_with_the_first_answer(address: BucketAddress) -> None:
    objects = BucketObjects(address)
    objects.problem = "away"
    with pytest.raises(ObjectMissing):
        await objects.copy("audio/a", "audio/b")
    assert objects.problem is None


async def test_a_bucket_that_is_gone_is_no_missing_recording(address: BucketAddress, tmp_path: Path) -> None:
    audio = audio_in(replace(address, bucket="no-such-bucket"))
    with pytest.raises((StoreUnavailable, AudioGone)):
        await audio.fetch(new_id(), tmp_path)
    (tmp_path / "received").write_bytes(b"x")
    with pytest.raises(StoreUnavailable):
        await audio.keep(new_id(), tmp_path / "received")
    assert (tmp_path / "received").exists()


async def test_slow_answers_half_bodies_and_refusals_amid_transfers_change_no_byte(
    address: BucketAddress, tmp_path: Path
) -> None:
    content, job_id = os.urandom(13 * MB), new_id()
    (tmp_path / "received").write_bytes(content)
    with FaultyBucket(s3_server().url) as faulty:
        chance = random.Random(4)
        faulty.fault = lambda _: chance.choice(["none", "none", "slow", "half", "away"])
        audio = audio_in(replace(address, endpoint=faulty.url))
        for _ in range(10):
            try:
                await audio.keep(job_id, tmp_path / "received")
                break
            except StoreUnavailable:
                assert (tmp_path / "received").exists()
        for _ in range(10):
            try:
                assert (await audio.fetch(job_id, tmp_path)).read_bytes() == content
                break
            except StoreUnavailable:
                continue
        assert {"slow", "half", "away"} <= set(faulty.faults)
    assert not (tmp_path / "received").exists()
    assert (tmp_path / job_id).read_bytes() == content


async def test_what_could_not_be_removed_is_found_by_the_next_sweep(
    address: BucketAddress, tmp_path: Path
) -> None:
    async def find_needed(_: list[str]) -> set[str]:
        return set()

    job_id = new_id()
    with FaultyBucket(s3_server().url) as faulty:
        audio = audio_in(replace(address, endpoint=faulty.url))
        audio._objects = BucketObjects(replace(address, endpoint=faulty.url), retry_seconds=0.1)
        assert await audio.sweep(find_needed) == 0
        (tmp_path / "received").write_bytes(b"x")
        await audio.keep(job_id, tmp_path / "received")
        faulty.fault = lambda _: "away"
        with pytest.raises(StoreUnavailable):
            await audio.remove(job_id)
        faulty.fault = lambda _: "none"
        assert await audio.sweep(find_needed) == 1
    assert s3_server().keys(address.prefix) == []


async def test_only_job_ids_name_a_recording(address: BucketAddress, tmp_path: Path) -> None:
    for name in ("../x", "", new_id().upper()):
        with pytest.raises(JobNotFound):
            await audio_in(address).fetch(name, tmp_path)


async def test_uploads_side_by_side_all_arrive(address: BucketAddress, tmp_path: Path) -> None:
    audio, ids = audio_in(address), [new_id() for _ in range(6)]
    for job_id in ids:
        (tmp_path / job_id).write_bytes(job_id.encode())
    await asyncio.gather(*(audio.keep(job_id, tmp_path / job_id) for job_id in ids))
    (tmp_path / "out").mkdir()
    for job_id in ids:
        assert (await audio.fetch(job_id, tmp_path / "out")).read_bytes() == job_id.encode()
