"""The end of a job reaches its callbackUrl: signed, once in effect, whatever happens on either side."""

from __future__ import annotations

import random
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.acceptance.api import Api, sha, text_of
from tests.acceptance.client import tone
from tests.receiver import Receiver, endless, silence, status
from tests.replies import Reply, bad_key
from tests.server import Server, free_port
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(17)
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Of each request that was received, once its signature is verified: type, eventId and job."""
    bodies = [got.verified(SECRET) for got in list(receiver.received)]
    return [(body["type"], body["eventId"], body["job"]["jobId"]) for body in bodies]


@pytest.fixture
def server(start: Callable[..., Server], upstream: Upstream) -> Server:
    return start(GROQ_BASE_URL=upstream.url, CALLBACK_SECRET=SECRET, CALLBACK_PRIVATE_ADDRESSES="true")


def test_each_end_is_told_once_and_nothing_else_is(
    server: Server, upstream: Upstream, receiver: Receiver
) -> None:
    api, done, fails, ends = Api(server.url), tone(RANDOM), tone(RANDOM), tone(RANDOM)
    upstream.by_sha256 |= {sha(fails): bad_key(), sha(ends): Reply(hang=True)}
    wanted = {}
    for audio, kind in ((done, "job.completed"), (fails, "job.failed"), (ends, "job.cancelled")):
        wanted[api.accepted(audio, callbackUrl=receiver.url, userId="ana")] = kind
    by_ticket = api.expect(callbackUrl=receiver.url).json()
    wanted[by_ticket["jobId"]] = "job.completed"
    other = tone(RANDOM)
    assert api.upload(by_ticket["upload"], other).status_code == 202
    hanging = list(wanted)[2]
    api.until(hanging, "processing")
    api.delete(hanging)
    wait_until(lambda: len(receiver.received) == 4)
    assert {job_id: kind for kind, _, job_id in told(receiver)} == wanted
    told_of = {got.verified(SECRET)["job"]["jobId"]: got.verified(SECRET)["job"] for got in receiver.received}
    first, failed, *_ = wanted
    assert told_of[first]["result"]["text"] == text_of(done)
    assert told_of[failed]["error"]["code"] == "engine_key_invalid"
    # A retry is another run, whose end is another event; that text goes later is none.
    upstream.by_sha256.clear()
    api.retry(failed)
    wait_until(lambda: len(receiver.received) == 5)
    assert told(receiver)[-1][::2] == ("job.completed", failed)
    assert len({event for _, event, _ in told(receiver)}) == 5
    for job_id in wanted:
        api.delete(job_id)
    with pytest.raises(AssertionError, match="never came"):
        wait_until(lambda: len(receiver.received) > 5, 3)


def test_it_is_told_until_it_is_confirmed_each_time_as_the_same_event(
    server: Server, upstream: Upstream, receiver: Receiver
) -> None:
    with Receiver() as elsewhere:
        receiver.script.extend([status(500), status(302, Location=elsewhere.url), endless])
        job_id = Api(server.url).accepted(tone(RANDOM), callbackUrl=receiver.url)
        wait_until(lambda: len(receiver.received) == 3)
        assert elsewhere.received == []
    assert len(set(told(receiver))) == 1
    assert told(receiver)[0][2] == job_id
    first, second, third = (got.at for got in receiver.received)
    assert second - first > 0.9
    assert third - second > 4.5  # longer each time
    signatures = {got.headers["webhook-signature"] for got in receiver.received}
    assert len(signatures) == 3  # each with the time it was sent at, which a receiver may hold to


def test_it_outlives_a_kill_and_a_receiver_that_is_away(
    server: Server, upstream: Upstream, receiver: Receiver
) -> None:
    api, away = Api(server.url), free_port()
    receiver.script.append(status(503))
    here = api.accepted(tone(RANDOM), callbackUrl=receiver.url)
    nowhere = api.accepted(tone(RANDOM), callbackUrl=f"http://127.0.0.1:{away}/hook")
    wait_until(lambda: len(receiver.received) == 1)
    wait_until(lambda: last_error(server.data_dir, nowhere) == "ConnectError")
    server.kill()
    with Receiver(away) as back:
        server.start()
        wait_until(lambda: len(receiver.received) == 2 and len(back.received) == 1)
        assert {job_id for _, _, job_id in told(back)} == {nowhere}
    assert told(receiver)[0] == told(receiver)[1]
    assert told(receiver)[0][2] == here
    wait_until(lambda: last_error(server.data_dir, nowhere) is None)


def test_who_does_not_answer_holds_up_nobody_else(
    server: Server, upstream: Upstream, receiver: Receiver
) -> None:
    api = Api(server.url)
    with Receiver() as mute:
        mute.script.extend([silence(30)] * 6)
        for _ in range(6):
            api.accepted(tone(RANDOM), callbackUrl=mute.url)
        wait_until(lambda: len(mute.received) == 6)
        job_id = api.accepted(tone(RANDOM), callbackUrl=receiver.url)
        Api(server.url).completed(job_id)
        wait_until(lambda: len(receiver.received) == 1, 8)  # before the others are given up, after ten
        assert told(receiver)[0][2] == job_id
        assert server.stop() == 0


def test_without_leave_no_private_address_is_called(start: Callable[..., Server], upstream: Upstream) -> None:
    server = start(GROQ_BASE_URL=upstream.url, CALLBACK_SECRET=SECRET)
    api = Api(server.url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        knocks: list[object] = []

        def listen() -> None:
            with suppress(OSError):  # it is closed in the end
                knocks.append(listening.accept())

        threading.Thread(target=listen, daemon=True).start()
        for url in (
            f"http://127.0.0.1:{port}/",
            f"https://127.0.0.1:{port}/",
            f"https://localhost:{port}/",
            f"https://[::1]:{port}/",
            "https://169.254.169.254/latest/meta-data",
            "http://example.com/",
            "https://user:secret@example.com/",
            "ftp://example.com/",
            "no address",
        ):
            refused = api.submit(tone(RANDOM), callbackUrl=url)
            assert (refused.status_code, refused.json()["error"]["code"]) == (422, "option_invalid"), url
        # It looks like a name, and only looking it up shows where it leads.
        audio = tone(RANDOM)
        job_id = api.accepted(audio, callbackUrl=f"https://127.1:{port}/hook")
        assert api.completed(job_id) == text_of(audio)
        wait_until(lambda: last_error(server.data_dir, job_id) == "the address is not a public one")
        assert knocks == []


def test_without_a_secret_there_are_no_callbacks(start: Callable[..., Server], upstream: Upstream) -> None:
    api = Api(start(GROQ_BASE_URL=upstream.url).url)
    refused = api.submit(tone(RANDOM), callbackUrl="https://example.com/hook")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "option_invalid")


def last_error(data_dir: Path, job_id: str) -> str | None:
    with closing(sqlite3.connect(f"file:{data_dir}/escriba.sqlite3?mode=ro", uri=True)) as db:
        row = db.execute("SELECT last_error FROM deliveries WHERE job_id = ?", (job_id,)).fetchone()
    return row[0] if row else None
