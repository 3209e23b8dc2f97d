"""Speakers that come after the text: as a later snapshot, after a kill, on words corrected meanwhile."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from common.audio.prepare import PreparedAudio
from common.transcription.cut_rule import cuts_for
from tests.acceptance.test_speakers import share_of_wrong
from tests.cluster import Cluster
from tests.conversation import Conversation, make_conversation
from tests.receiver import Receiver
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

WRONG = 0.03  # of the words
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
TABLES = ("speaker_tasks", "later_voices", "voices")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    return make_conversation(tmp_path_factory.mktemp("short"))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    """Two stretches, mostly quiet: between them a server can be killed."""
    return make_conversation(tmp_path_factory.mktemp("long"), turns=2, times=2, silence=560.0)


@pytest.fixture(scope="module")
def at_once(
    long: Conversation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, Any], dict[str, Any]]]:
    """A server whose texts wait for their speakers, a job, and its text."""
    with Upstream() as upstream:
        environment = settings(upstream, long, SPEAKERS_WAIT="600", LOG_LEVEL="WARNING")
        with Server(tmp_path_factory.mktemp("at-once") / "data", **environment) as server:
            job_id = send(server, long)
            wait_until(lambda: has_text(server, job_id))
            yield server, read(server, job_id), text(server, job_id).json()


def settings(upstream: Upstream, conversation: Conversation, **more: str) -> dict[str, str]:
    """The engine answers each piece in turn with the words of its time."""
    size = conversation.path.stat().st_size
    audio = PreparedAudio(conversation.path, "wav", conversation.seconds, size, "as_is")
    cuts = cuts_for("job", audio, engine_streams=False, most_seconds=math.inf)
    upstream.script.extend([conversation.reply(cut.start, cut.length) for cut in cuts])
    return {"GROQ_BASE_URL": upstream.url, "SPEAKERS_LATER": "true", "PIECES_AT_ONCE": "1", **more}


def send(server: Server, conversation: Conversation, **fields: str) -> str:
    with conversation.path.open("rb") as file:
        answer = httpx.post(
            f"{server.url}/transcribe-job",
            files={"file": ("c.wav", file)},
            data={"speakers": "2", "timestamps": "segment,word", **fields},
            timeout=120,
        )
    job_id: str = answer.raise_for_status().json()["jobId"]
    return job_id


def read(server: Server, job_id: str) -> dict[str, Any]:
    view: dict[str, Any] = httpx.get(f"{server.url}/job/{job_id}", timeout=30).json()
    return view


def text(server: Server, job_id: str, known: httpx.Response | None = None) -> httpx.Response:
    headers = {"If-None-Match": known.headers["ETag"]} if known else {}
    answer = httpx.get(f"{server.url}/job/{job_id}/transcript", headers=headers, timeout=30)
    return answer if answer.status_code == 304 else answer.raise_for_status()


def has_text(server: Server, job_id: str) -> bool:
    return bool(read(server, job_id)["status"] == "completed")


def has_speakers(server: Server, job_id: str) -> bool:
    return has_text(server, job_id) and "speakers" not in read(server, job_id)


def count(server: Server, table: str) -> int:
    with closing(sqlite3.connect(server.data_dir / "escriba.sqlite3", timeout=30)) as database:
        number: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return number


def assert_nothing_is_left(server: Server) -> None:
    assert {table: count(server, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    wait_until(lambda: not [path for path in (server.data_dir / "audio").rglob("*") if path.is_file()])
    wait_until(lambda: not list((server.data_dir / "scratch").rglob("*.*")))


def listens(server: Server) -> bool:
    return any(map(is_listener, server.ps.children()))


def is_listener(child: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):  # it may end meanwhile
        return "common.speakers.child" in child.cmdline()
    return False


def listener_of(*servers: Server) -> Server:
    """The only one that listens, once one does."""
    wait_until(lambda: any(map(listens, servers)))
    (listener,) = filter(listens, servers)
    return listener


def correct(server: Server, job_id: str, etag: str, segments: list[dict[str, Any]]) -> httpx.Response:
    url, headers = f"{server.url}/job/{job_id}/transcript", {"If-Match": etag}
    return httpx.put(url, json={"segments": segments}, headers=headers, timeout=30)


def test_the_text_is_there_at_once_and_its_speakers_are_the_next_news(
    start: Callable[..., Server], upstream: Upstream, short: Conversation
) -> None:
    with Receiver() as receiver:
        server = start(**settings(upstream, short), CALLBACK_SECRET=SECRET, CALLBACK_PRIVATE_ADDRESSES="true")
        job_id = send(server, short, callbackUrl=receiver.url)
        events = watch(server, job_id)
        wait_until(lambda: has_text(server, job_id))
        view, first = read(server, job_id), text(server, job_id)
        assert view["speakers"] == {"state": "pending", "progress": 0.0}
        assert first.headers["X-Escriba-Speakers"] == "pending"
        assert not any("speaker" in segment for segment in first.json()["segments"])

        after = httpx.get(f"{server.url}/job/{job_id}?wait=25&after={view['seq']}", timeout=60).json()
        wait_until(lambda: has_speakers(server, job_id))
        assert after["seq"] > view["seq"]
        second = text(server, job_id)
        assert second.headers["ETag"] != first.headers["ETag"]
        assert second.headers["X-Escriba-Speakers"] == "added"
        assert second.json()["text"] == first.json()["text"]
        assert share_of_wrong(second.json()["words"]) <= WRONG
        states = [event["job"] for event in events() if event["type"] in {"state", "snapshot"}]
        assert [("speakers" in job) for job in states if job["status"] == "completed"] == [True, False]
        wait_until(lambda: len(receiver.received) >= 2)
        bodies = [json.loads(request.body) for request in receiver.received]
        assert len({body["eventId"] for body in bodies}) == len(bodies) == 2
        assert ["speakers" in body["job"]["result"] for body in bodies] == [False, True]
        assert_nothing_is_left(server)


def watch(server: Server, job_id: str) -> Callable[[], list[dict[str, Any]]]:
    """Begins to read the events of a job; the result waits for their end."""
    found: list[dict[str, Any]] = []

    def read_all() -> None:
        with httpx.stream("GET", f"{server.url}/job/{job_id}/events", timeout=120) as answer:
            found.extend(json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:"))

    thread = threading.Thread(target=read_all)
    thread.start()

    def end() -> list[dict[str, Any]]:
        thread.join(300)
        assert not thread.is_alive(), "the stream has no end"
        return found

    return end


def test_a_correction_made_meanwhile_stays_and_gets_the_speakers(
    start: Callable[..., Server], upstream: Upstream, long: Conversation
) -> None:
    """Of the text without speakers: before they come, and once more after that, by a page that was slow."""
    server = start(**settings(upstream, long))
    job_id = send(server, long)
    wait_until(lambda: has_text(server, job_id))
    first = text(server, job_id)
    segments = [{"start": s["start"], "end": s["end"], "text": s["text"]} for s in first.json()["segments"]]
    segments[0]["text"] = "Uno " + segments[0]["text"]
    wait_until(lambda: count(server, "later_voices") == 1)
    one = correct(server, job_id, first.headers["ETag"], segments)
    assert one.status_code == 200, one.text
    assert "speakers" in read(server, job_id), "it came too late to test anything"

    assert text(server, job_id, known=one).status_code == 304
    second = text(server, job_id)
    wait_until(lambda: has_speakers(server, job_id))
    labelled = text(server, job_id).json()
    assert labelled["text"] == second.json()["text"]
    assert labelled["text"].startswith("Uno ")
    assert share_of_wrong(labelled["words"][1:]) <= WRONG

    segments[0]["text"] = "Dos " + segments[0]["text"]
    two = correct(server, job_id, second.headers["ETag"], segments)
    assert two.status_code == 200, two.text
    answer = text(server, job_id, known=two)
    assert answer.headers["X-Escriba-Speakers"] == "added", "the page could not know that its text lacks them"
    assert text(server, job_id, known=answer).status_code == 304
    late = answer.json()
    assert late["text"].startswith("Dos Uno ")
    assert [(s["speaker"], s["start"]) for s in late["segments"]] == [
        (s["speaker"], s["start"]) for s in labelled["segments"]
    ]
    assert correct(server, job_id, first.headers["ETag"], segments).status_code == 412
    original = httpx.get(f"{server.url}/job/{job_id}/transcript?version=engine").json()
    assert original["text"] == first.json()["text"]
    assert_nothing_is_left(server)


def test_speakers_that_a_person_named_meanwhile_stay(
    start: Callable[..., Server], upstream: Upstream, long: Conversation
) -> None:
    server = start(**settings(upstream, long))
    job_id = send(server, long)
    wait_until(lambda: has_text(server, job_id))
    first = text(server, job_id)
    named = [
        {"start": s["start"], "end": s["end"], "text": s["text"], "speaker": "Z"}
        for s in first.json()["segments"]
    ]
    assert correct(server, job_id, first.headers["ETag"], named).status_code == 200
    wait_until(lambda: has_speakers(server, job_id))
    assert {segment["speaker"] for segment in text(server, job_id).json()["segments"]} == {"Z"}
    assert_nothing_is_left(server)


def test_a_server_killed_meanwhile_and_the_one_beside_it_find_the_same_speakers(
    start: Callable[..., Server],
    upstream: Upstream,
    long: Conversation,
    at_once: tuple[Server, dict[str, Any], dict[str, Any]],
) -> None:
    """One of two servers on the same data has the task; when it dies, the other goes on where it was."""
    environment = settings(upstream, long, LEASE_SECONDS="12")
    pieces = len(upstream.script)
    server, other = start(**environment), start(**environment)
    job_id = send(server, long)
    wait_until(lambda: count(server, "later_voices") == 1)
    killed = listener_of(server, other)
    left = other if killed is server else server
    killed.kill()
    wait_until(lambda: has_speakers(left, job_id))
    assert len(upstream.requests) == pieces  # none was transcribed again
    undisturbed = at_once[2]
    assert text(left, job_id).json()["segments"] == undisturbed["segments"]
    # The killed server's own folder goes at its next start.
    assert {table: count(left, table) for table in TABLES} == dict.fromkeys(TABLES, 0)


def test_of_two_instances_one_has_the_task_and_the_other_goes_on_when_it_is_killed(
    tmp_path: Path, upstream: Upstream, long: Conversation
) -> None:
    cluster = Cluster(tmp_path, upstream, settings(upstream, long, LEASE_SECONDS="12", CACHE_MB="0"))
    try:
        instances = [cluster.start() for _ in range(2)]
        job_id = send(instances[0], long)
        wait_until(lambda: cluster.query("SELECT 1 FROM escriba.later_voices") != [])
        killed = listener_of(*instances)
        (left,) = (each for each in instances if each is not killed)
        killed.kill()
        wait_until(lambda: has_speakers(left, job_id))
        assert share_of_wrong(text(left, job_id).json()["words"]) <= WRONG
        for table in TABLES:
            assert cluster.query(f"SELECT 1 FROM escriba.{table}") == [], table
        wait_until(lambda: cluster.recordings() == [])
    finally:
        cluster.stop()


def test_a_server_killed_alone_goes_on_at_its_next_start(
    start: Callable[..., Server], upstream: Upstream, long: Conversation
) -> None:
    server = start(**settings(upstream, long, LEASE_SECONDS="3600"))  # its end is not what the task waits for
    job_id = send(server, long)
    wait_until(lambda: count(server, "later_voices") == 1)
    server.kill()
    assert server.start()
    wait_until(lambda: has_speakers(server, job_id))
    assert share_of_wrong(text(server, job_id).json()["words"]) <= WRONG
    assert_nothing_is_left(server)


@pytest.mark.parametrize("kept", [0, 1], ids=["at-once", "midway"])
def test_a_deleted_job_leaves_no_task_and_no_voice(
    start: Callable[..., Server], upstream: Upstream, long: Conversation, kept: int
) -> None:
    server = start(**settings(upstream, long))
    job_id = send(server, long)
    wait_until(lambda: has_text(server, job_id) and count(server, "later_voices") >= kept)
    assert count(server, "speaker_tasks") == 1
    view = httpx.delete(f"{server.url}/job/{job_id}", timeout=30).json()
    assert "speakers" not in view
    assert_nothing_is_left(server)
    wait_until(lambda: not server.ps.children())


def test_speakers_that_cannot_be_found_are_a_warning_after_some_tries(
    start: Callable[..., Server], upstream: Upstream, short: Conversation
) -> None:
    server = start(**settings(upstream, short, SPEAKERS_TIMEOUT="0.01", MAX_ATTEMPTS="2"))
    job_id = send(server, short)
    wait_until(lambda: has_speakers(server, job_id))
    answer = text(server, job_id).json()
    assert [warning["code"] for warning in answer["warnings"]] == ["speakers_failed"]
    assert not any("speaker" in segment for segment in answer["segments"])
    assert_nothing_is_left(server)


def test_a_text_waits_as_long_as_it_is_told_to(
    at_once: tuple[Server, dict[str, Any], dict[str, Any]],
) -> None:
    """Speakers that come within that time come with the text."""
    server, job, transcript = at_once
    assert "speakers" not in job
    assert transcript["speakers"] == {"A": "A", "B": "B"}
    assert_nothing_is_left(server)
