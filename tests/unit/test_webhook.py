"""How the end of a job is posted: signed as others' libraries verify it, to an address that was checked."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from common.delivery.webhook import WebhookSender
from common.delivery.webhook_secret import secret_of_key
from common.download.hops import new_client
from common.errors import EngineKeyInvalid
from common.jobs import state, text_state
from common.models import Audio, Job, Transcript
from common.outbound.pinned import trusted_authorities
from common.sender_port import DeliveryFailed, DeliveryRejected
from tests.new_jobs import queued_job
from tests.receiver import Receiver, endless, silence, status

NOW = time.time()
LATER = NOW + 3600
SECRET = "a secret of any kind: ñ"
AUDIO = Audio(size_bytes=1, sha256="0" * 64)


def running(url: str) -> Job:
    made = queued_job(
        "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10",
        now=NOW,
        expires_at=LATER,
        audio=AUDIO,
        callback_url=url,
        user_id="ana",
        locale="es",
    )
    return state.start(made, now=NOW)


def completed(url: str) -> Job:
    return state.complete(running(url), language="es", now=NOW, expires_at=LATER)


def sender(**more: Any) -> WebhookSender:
    usual: dict[str, Any] = {"secret": SECRET, "private_allowed": True, "now": time.time}
    return WebhookSender(**usual | more)


def resolving(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(name: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


@contextmanager
def unanswering(address: str, port: int = 0) -> Iterator[int]:
    """A port that neither takes a connection nor refuses one, since its queue is full."""
    with socket.create_server((address, port), backlog=0) as listening, ExitStack() as stack:
        bound = listening.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(bound)
        yield bound[1]


async def test_another_library_accepts_the_signature_and_no_change_of_what_is_signed() -> None:
    with Receiver() as receiver:
        await sender().send(completed(receiver.url), Transcript(text="Hola, ñandú", duration=2))
    (got,) = receiver.received
    payload = got.verified(SECRET.encode())
    assert (payload["type"], payload["job"]["result"]["text"]) == ("job.completed", "Hola, ñandú")
    assert payload["job"]["userId"] == "ana"
    assert got.headers["webhook-id"] == payload["eventId"]
    for forged in (got.body + b" ", got.body.replace(b"Hola", b"Hole")):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET.encode()).verify(forged, dict(got.headers))
    for name, value in (("webhook-id", "other"), ("webhook-timestamp", str(int(time.time()) + 1))):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET.encode()).verify(got.body, {**got.headers, name: value})


async def test_a_secret_in_the_form_of_standard_webhooks_signs_as_their_library_does() -> None:
    secret = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"
    with Receiver() as receiver:
        await sender(secret=secret).send(completed(receiver.url), None)
    assert receiver.received[0].verified(secret)["type"] == "job.completed"


async def test_each_correction_of_a_text_has_an_event_id_of_its_own() -> None:
    with Receiver() as receiver:
        done = completed(receiver.url)
        corrected = text_state.correct(done, now=NOW, expires_at=LATER)
        for job in (done, corrected, corrected, text_state.correct(corrected, now=NOW, expires_at=LATER)):
            await sender().send(job, Transcript(text="Hola", duration=2))
    ids = [json.loads(got.body)["eventId"] for got in receiver.received]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3


async def test_each_run_has_one_event_id_for_its_end() -> None:
    with Receiver() as receiver:
        failed = state.fail(running(receiver.url), EngineKeyInvalid(), now=NOW, expires_at=LATER)
        erased = state.erase(failed, now=NOW, forget_at=LATER)
        again = state.start(state.retry(failed, now=NOW, expires_at=LATER, has_audio=True), now=NOW)
        done = state.complete(again, language="es", now=NOW, expires_at=LATER)
        for job in (failed, failed, erased, done):
            await sender().send(job, None)
    events = [json.loads(got.body) for got in receiver.received]
    ids = [event["eventId"] for event in events]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [event["type"] for event in events] == ["job.failed"] * 3 + ["job.completed"]
    assert events[0]["job"]["error"]["message"].startswith("La clave")  # in the language of the request


async def test_nothing_is_sent_of_a_job_that_runs_again() -> None:
    with Receiver() as receiver:
        await sender().send(running(receiver.url), None)
    assert receiver.received == []


@pytest.mark.parametrize("code", [300, 301, 302, 307, 308, 400, 404, 429, 500, 503])
async def test_only_2xx_confirms_and_redirects_are_not_followed(code: int) -> None:
    with Receiver() as receiver, Receiver() as elsewhere:
        receiver.script.append(status(code, Location=elsewhere.url))
        with pytest.raises(DeliveryFailed, match=f"answered {code}"):
            await sender().send(completed(receiver.url), None)
    assert (len(receiver.received), elsewhere.received) == (1, [])


@pytest.mark.parametrize(
    ("code", "value", "seconds"),
    [
        (503, "120", 120.0),
        (429, " 7 ", 7.0),
        (429, "99999999999999", 3600.0),
        (503, "Sat, 28 Nov 2026 12:02:00 GMT", 120.0),
        (503, "Sat, 28 Nov 2026 11:00:00 GMT", 0.0),
        (503, "Mon, 30 Nov 2026 12:00:00 GMT", 3600.0),
        (503, "soon", None),
        (503, "-5", None),
        (503, "", None),
    ],
    ids=str,
)
async def test_the_receiver_says_when_to_try_again(code: int, value: str, seconds: float | None) -> None:
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
    with Receiver() as receiver:
        receiver.script.append(status(code, **{"Retry-After": value}))
        with pytest.raises(DeliveryFailed) as failed:
            await sender(now=lambda: noon).send(completed(receiver.url), None)
    assert failed.value.retry_after == seconds


@pytest.mark.parametrize("code", [200, 201, 202, 204])
async def test_any_2xx_confirms(code: int) -> None:
    with Receiver() as receiver:
        receiver.script.append(status(code))
        await sender().send(completed(receiver.url), None)


async def test_410_ends_the_deliveries_to_an_address() -> None:
    with Receiver() as receiver:
        receiver.script.append(status(410))
        with pytest.raises(DeliveryRejected):
            await sender().send(completed(receiver.url), None)


async def test_the_authorities_of_tls_are_read_once_for_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    create = ssl.create_default_context

    def count(**how: Any) -> ssl.SSLContext:
        read.append("again" if read else "once")
        return create(**how)

    monkeypatch.setattr(ssl, "create_default_context", count)
    trusted_authorities.cache_clear()
    with Receiver() as receiver:
        for _ in range(2):
            await sender().send(completed(receiver.url), None)
    async with new_client():  # of downloads
        assert read == ["once"]
    assert trusted_authorities().verify_mode == ssl.CERT_REQUIRED
    assert trusted_authorities().check_hostname


async def test_an_endless_answer_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.delivery.webhook._TIMEOUT", 60.0)
    with Receiver() as receiver:
        receiver.script.append(endless)
        began = time.monotonic()
        await sender().send(completed(receiver.url), None)
        assert time.monotonic() - began < 30


async def test_a_receiver_has_a_limited_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.delivery.webhook._TIMEOUT", 0.3)
    with Receiver() as receiver:
        receiver.script.append(silence(3))
        with pytest.raises(DeliveryFailed, match="Timeout"):
            await sender().send(completed(receiver.url), None)


async def test_a_receiver_that_did_not_answer_lately_is_called_where_a_person_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("common.delivery.webhook._TIMEOUT", 0.05)
    with Receiver() as receiver:
        answers = threading.Event()

        def answer(handler: BaseHTTPRequestHandler) -> None:
            (status(204) if answers.is_set() else silence(0.2))(handler)

        receiver.script.extend([answer] * 9)
        webhooks, job = sender(), completed(receiver.url)
        for _ in range(3):
            with pytest.raises(DeliveryFailed, match="Timeout"):
                await webhooks.send(job, None)
        with pytest.raises(DeliveryFailed, match="did not answer lately"):
            await webhooks.send(job, None)
        monkeypatch.setattr("common.delivery.webhook._TIMEOUT", 9.0)
        answers.set()
        await webhooks.send(job, None, is_asked=True)
        await webhooks.send(job, None)  # it has answered


async def test_a_refused_connection_is_a_failed_delivery() -> None:
    with Receiver() as receiver:
        url = receiver.url
    with pytest.raises(DeliveryFailed, match="ConnectError"):
        await sender().send(completed(url), None)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["::1"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["127.0.0.1", "10.1.2.3"],
    ],
)
async def test_a_name_that_has_only_private_addresses_is_not_called(addresses: list[str]) -> None:
    with Receiver() as receiver:
        job = completed(f"http://receiver.example:{receiver.port}/hook")
        guarded = sender(private_allowed=False, resolve=resolving(*addresses))
        with pytest.raises(DeliveryFailed, match="not a public one"):
            await guarded.send(job, None)
    assert receiver.received == []


async def test_of_a_name_s_addresses_only_the_public_ones_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    # No address of this machine is public: one is declared to be.
    monkeypatch.setattr("common.outbound.pinned.is_public", lambda address: address == "127.0.0.3")
    with Receiver(address="127.0.0.3") as public, Receiver(public.port, address="127.0.0.2") as private:
        job = completed(f"http://receiver.example:{public.port}/hook")
        resolve = resolving("127.0.0.2", "127.0.0.3", "127.0.0.4")
        await sender(private_allowed=False, resolve=resolve).send(job, None)
    assert (len(public.received), private.received) == (1, [])


async def test_where_an_address_refuses_connections_the_next_one_is_called() -> None:
    with Receiver() as receiver:
        job = completed(f"http://receiver.example:{receiver.port}/hook")
        await sender(resolve=resolving("127.0.0.3", "127.0.0.2", "127.0.0.1")).send(job, None)
    (got,) = receiver.received
    assert got.headers["Host"] == f"receiver.example:{receiver.port}"


async def test_an_address_that_never_answers_leaves_time_for_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("common.delivery.webhook._TIMEOUT", 4.0)
    with Receiver() as receiver, unanswering("127.0.0.2", receiver.port):
        job = completed(f"http://receiver.example:{receiver.port}/hook")
        await sender(resolve=resolving("127.0.0.2", "127.0.0.1")).send(job, None)
    assert len(receiver.received) == 1


async def test_addresses_that_never_answer_take_no_longer_together_than_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("common.delivery.webhook._TIMEOUT", 2.0)
    addresses = [f"127.0.0.{number}" for number in range(2, 10)]
    with ExitStack() as stack:
        port = 0
        for address in addresses:
            port = stack.enter_context(unanswering(address, port))
        job = completed(f"http://receiver.example:{port}/hook")
        began = time.monotonic()
        with pytest.raises(DeliveryFailed, match="Timeout"):
            await sender(resolve=resolving(*addresses)).send(job, None)
        assert time.monotonic() - began < 12  # one after the other they would take 16


async def test_an_answer_of_one_address_is_the_answer() -> None:
    with Receiver(address="127.0.0.2") as first, Receiver(first.port) as second:
        first.script.append(status(500))
        job = completed(f"http://receiver.example:{first.port}/hook")
        with pytest.raises(DeliveryFailed, match="answered 500"):
            await sender(resolve=resolving("127.0.0.2", "127.0.0.1")).send(job, None)
    assert (len(first.received), second.received) == (1, [])


async def test_a_name_cannot_make_the_server_knock_at_any_number_of_addresses() -> None:
    with Receiver() as receiver:
        job = completed(f"http://receiver.example:{receiver.port}/hook")
        others = [f"127.0.0.{last}" for last in range(2, 22)]
        with pytest.raises(DeliveryFailed, match="ConnectError"):
            await sender(resolve=resolving(*others, "127.0.0.1")).send(job, None)
    assert receiver.received == []


async def test_the_address_that_was_checked_is_called_under_the_host_name() -> None:
    names: list[str] = []

    async def resolve(name: str, port: int) -> list[str]:
        names.append(name)
        return ["127.0.0.1"] if len(names) == 1 else ["192.0.2.1"]  # the name is moved after the check

    with Receiver() as receiver:
        job = completed(f"http://receiver.example:{receiver.port}/hook?a=b")
        await sender(resolve=resolve).send(job, None)
    (got,) = receiver.received
    assert names == ["receiver.example"]
    assert (got.headers["Host"], got.path) == (f"receiver.example:{receiver.port}", "/hook?a=b")


async def test_a_name_without_an_address_is_a_failed_delivery() -> None:
    async def resolve(name: str, port: int) -> list[str]:
        raise socket.gaierror  # a real look-up takes long where no name server answers

    with pytest.raises(DeliveryFailed, match="gaierror"):
        await sender(resolve=resolve).send(completed("https://nothing.invalid/hook"), None)


async def test_a_job_of_an_access_key_is_signed_with_that_keys_own_secret() -> None:
    with Receiver() as receiver:
        for owner in ("1a2b3c4d", "1a2b3c4d/ana", "99999999", None):
            job = completed(receiver.url).model_copy(update={"owner": owner})
            await sender().send(job, None)
        own = secret_of_key(SECRET, "1a2b3c4d")
        for received in receiver.received[:2]:
            assert received.verified(own)["job"]["status"] == "completed"
        for received in receiver.received[2:]:
            with pytest.raises(WebhookVerificationError):
                received.verified(own)
