"""How the end of a job is posted: signed so that others' libraries agree, to the address that was judged."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from common.delivery.webhook import WebhookSender
from common.errors import EngineKeyInvalid
from common.jobs import state
from common.models import Audio, Job, Transcript
from common.ports import DeliveryFailed, DeliveryRejected
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


def callbacks(**more: Any) -> WebhookSender:
    usual: dict[str, Any] = {"secret": SECRET, "private_allowed": True, "now": time.time}
    return WebhookSender(**usual | more)


def resolving(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(name: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


async def test_others_libraries_find_the_signature_good_and_notice_any_change() -> None:
    with Receiver() as receiver:
        await callbacks().send(completed(receiver.url), Transcript(text="Hola, ñandú", duration=2))
    (got,) = receiver.received
    told = got.verified(SECRET.encode())
    assert (told["type"], told["job"]["result"]["text"]) == ("job.completed", "Hola, ñandú")
    assert told["job"]["userId"] == "ana"
    assert got.headers["webhook-id"] == told["eventId"]
    for forged in (got.body + b" ", got.body.replace(b"Hola", b"Hole")):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET.encode()).verify(forged, dict(got.headers))
    for name, value in (("webhook-id", "other"), ("webhook-timestamp", str(int(time.time()) + 1))):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET.encode()).verify(got.body, {**got.headers, name: value})


async def test_a_secret_in_standard_webhooks_own_form_is_read_as_they_read_it() -> None:
    secret = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"
    with Receiver() as receiver:
        await callbacks(secret=secret).send(completed(receiver.url), None)
    assert receiver.received[0].verified(secret)["type"] == "job.completed"


async def test_the_end_of_one_run_is_one_event_and_that_of_the_next_another() -> None:
    with Receiver() as receiver:
        failed = state.fail(running(receiver.url), EngineKeyInvalid(), now=NOW, expires_at=LATER)
        erased = state.erase(failed, now=NOW, forget_at=LATER)
        again = state.start(state.retry(failed, now=NOW, expires_at=LATER, has_audio=True), now=NOW)
        done = state.complete(again, language="es", now=NOW, expires_at=LATER)
        for job in (failed, failed, erased, done):
            await callbacks().send(job, None)
    events = [json.loads(got.body) for got in receiver.received]
    ids = [event["eventId"] for event in events]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [event["type"] for event in events] == ["job.failed"] * 3 + ["job.completed"]
    assert events[0]["job"]["error"]["message"].startswith("La clave")  # in the language it was asked for in


async def test_of_a_job_that_runs_again_nothing_is_told() -> None:
    with Receiver() as receiver:
        await callbacks().send(running(receiver.url), None)
    assert receiver.received == []


@pytest.mark.parametrize("code", [300, 301, 302, 307, 308, 400, 404, 429, 500, 503])
async def test_only_2xx_confirms_and_redirects_are_not_followed(code: int) -> None:
    with Receiver() as receiver, Receiver() as elsewhere:
        receiver.script.append(status(code, Location=elsewhere.url))
        with pytest.raises(DeliveryFailed, match=f"answered {code}"):
            await callbacks().send(completed(receiver.url), None)
    assert (len(receiver.received), elsewhere.received) == (1, [])


@pytest.mark.parametrize("code", [200, 201, 202, 204])
async def test_any_2xx_confirms(code: int) -> None:
    with Receiver() as receiver:
        receiver.script.append(status(code))
        await callbacks().send(completed(receiver.url), None)


async def test_an_address_that_wants_no_more_is_given_up() -> None:
    with Receiver() as receiver:
        receiver.script.append(status(410))
        with pytest.raises(DeliveryRejected):
            await callbacks().send(completed(receiver.url), None)


async def test_an_answer_without_end_is_not_read() -> None:
    with Receiver() as receiver:
        receiver.script.append(endless)
        began = time.monotonic()
        await callbacks().send(completed(receiver.url), None)
        assert time.monotonic() - began < 9  # ten would be the longest


async def test_an_answer_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.delivery.webhook._TIMEOUT", 0.3)
    with Receiver() as receiver:
        receiver.script.append(silence(3))
        with pytest.raises(DeliveryFailed, match="Timeout"):
            await callbacks().send(completed(receiver.url), None)


async def test_nobody_there_is_not_delivered() -> None:
    with Receiver() as receiver:
        url = receiver.url
    with pytest.raises(DeliveryFailed, match="ConnectError"):
        await callbacks().send(completed(url), None)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["::1"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["127.0.0.1", "93.184.215.14"],
    ],
)
async def test_a_name_of_which_any_address_is_private_is_not_called(addresses: list[str]) -> None:
    with Receiver() as receiver:
        job = completed(f"http://receiver.example:{receiver.port}/hook")
        guarded = callbacks(private_allowed=False, resolve=resolving(*addresses))
        with pytest.raises(DeliveryFailed, match="not a public one"):
            await guarded.send(job, None)
    assert receiver.received == []


async def test_what_was_judged_is_what_is_called_under_the_name_that_was_given() -> None:
    asked: list[str] = []

    async def resolve(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]  # as who turns a name around in between

    with Receiver() as receiver:
        job = completed(f"http://receiver.example:{receiver.port}/hook?a=b")
        await callbacks(resolve=resolve).send(job, None)
    (got,) = receiver.received
    assert asked == ["receiver.example"]
    assert (got.headers["Host"], got.path) == (f"receiver.example:{receiver.port}", "/hook?a=b")


async def test_a_name_that_cannot_be_found_is_not_delivered() -> None:
    async def resolve(name: str, port: int) -> list[str]:
        raise socket.gaierror  # not by asking: where names are not answered at all, that takes its time

    with pytest.raises(DeliveryFailed, match="gaierror"):
        await callbacks(resolve=resolve).send(completed("https://nothing.invalid/hook"), None)
