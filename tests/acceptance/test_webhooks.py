"""The end of a job reaches its callbackUrl: signed, once in effect, whatever fails on either side."""

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


def events(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Type, eventId and job of each request, once its signature is verified."""
    payloads = [request.verified(SECRET) for request in list(receiver.received)]
    return [(payload["type"], payload["eventId"], payload["job"]["jobId"]) for payload in payloads]


@pytest.fixture
def server(start: Callable[..., Server], upstream: Upstream) -> Server:
    return start(GROQ_BASE_URL=upstream.url, CALLBACK_SECRET=SECRET, CALLBACK_PRIVATE_ADDRESSES="true")


def test_each_end_of_a_run_is_posted_once_and_nothing_else_is(
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
    assert {job_id: kind for kind, _, job_id in events(receiver)} == wanted
    jobs = [request.verified(SECRET)["job"] for request in receiver.received]
    by_id = {job["jobId"]: job for job in jobs}
    first, failed, *_ = wanted
    assert by_id[first]["result"]["text"] == text_of(done)
    assert by_id[failed]["error"]["code"] == "engine_key_invalid"
    # A retry is another run, whose end is another event; the removal of its text is none.
    upstream.by_sha256.clear()
    api.retry(failed)
    wait_until(lambda: len(receiver.received) == 5)
    assert events(receiver)[-1][::2] == ("job.completed", failed)
    assert len({event for _, event, _ in events(receiver)}) == 5
    for job_id in wanted:
        api.delete(job_id)
    with pytest.raises(AssertionError, match="never met"):
        wait_until(lambda: len(receiver.received) > 5, 3)


def test_it_is_posted_as_the_same_event_until_it_is_confirmed(
    server: Server, upstream: Upstream, receiver: Receiver
) -> None:
    with Receiver() as elsewhere:
        receiver.script.extend([status(500), status(302, Location=elsewhere.url), endless])
        job_id = Api(server.url).accepted(tone(RANDOM), callbackUrl=receiver.url)
        wait_until(lambda: len(receiver.received) == 3)
        assert elsewhere.received == []
    assert len(set(events(receiver))) == 1
    assert events(receiver)[0][2] == job_id
    first, second, third = (request.at for request in receiver.received)
    assert second - first > 0.9
    assert third - second > 4.5  # longer each time
    signatures = {request.headers["webhook-signature"] for request in receiver.received}
    assert len(signatures) == 3  # each is made of the time of its try, which a receiver may check


def test_a_delivery_survives_a_kill_and_a_receiver_that_is_away(
    server: Server, upstream: Upstream, receiver: Receiver
) -> None:
    api, away = Api(server.url), free_port()
    receiver.script.append(status(503))
    answered = api.accepted(tone(RANDOM), callbackUrl=receiver.url)
    unanswered = api.accepted(tone(RANDOM), callbackUrl=f"http://127.0.0.1:{away}/hook")
    wait_until(lambda: len(receiver.received) == 1)
    wait_until(lambda: last_error(server.data_dir, unanswered) == "ConnectError")
    server.kill()
    with Receiver(away) as back:
        server.start()
        wait_until(lambda: len(receiver.received) == 2 and len(back.received) == 1)
        assert {job_id for _, _, job_id in events(back)} == {unanswered}
    assert events(receiver)[0] == events(receiver)[1]
    assert events(receiver)[0][2] == answered
    wait_until(lambda: last_error(server.data_dir, unanswered) is None)


def test_a_receiver_that_does_not_answer_does_not_hold_up_another(
    server: Server, upstream: Upstream, receiver: Receiver
) -> None:
    api = Api(server.url)
    with Receiver() as mute:
        mute.script.extend([silence(30)] * 12)
        for _ in range(12):
            api.accepted(tone(RANDOM), callbackUrl=mute.url)
        wait_until(lambda: len(mute.received) == 4)  # as many as there are places
        job_id = api.accepted(tone(RANDOM), callbackUrl=receiver.url)
        Api(server.url).completed(job_id)
        wait_until(
            lambda: len(receiver.received) == 1, 18
        )  # those four time out after ten, and eight more are due
        assert events(receiver)[0][2] == job_id
        assert server.stop() == 0


def test_no_private_address_is_called_unless_the_owner_allows_it(
    start: Callable[..., Server], upstream: Upstream
) -> None:
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
        # It looks like a name; only a look-up shows that it is this machine.
        audio = tone(RANDOM)
        job_id = api.accepted(audio, callbackUrl=f"https://127.1:{port}/hook")
        assert api.completed(job_id) == text_of(audio)
        wait_until(lambda: last_error(server.data_dir, job_id) == "the address is not a public one")
        assert knocks == []


def test_without_a_secret_a_callback_url_is_refused(start: Callable[..., Server], upstream: Upstream) -> None:
    api = Api(start(GROQ_BASE_URL=upstream.url).url)
    refused = api.submit(tone(RANDOM), callbackUrl="https://example.com/hook")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "option_invalid")


def last_error(data_dir: Path, job_id: str) -> str | None:
    with closing(sqlite3.connect(f"file:{data_dir}/escriba.sqlite3?mode=ro", uri=True)) as db:
        row = db.execute("SELECT last_error FROM deliveries WHERE job_id = ?", (job_id,)).fetchone()
    return row[0] if row else None
