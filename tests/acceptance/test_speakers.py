"""Who says what, by the real server: two readers by turns, in a request, in a job, and after two kills."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from common.audio.prepare import PreparedAudio
from common.transcription.cut_rule import cuts_for
from tests.conversation import Conversation, make_conversation
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

WRONG = 0.03  # of the words


@pytest.fixture(scope="module")
def server(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("speakers") / "data"
    with Server(data, GROQ_API_KEY="gsk", GROQ_BASE_URL=engine.url) as running:
        yield running


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    return make_conversation(tmp_path_factory.mktemp("conversation"))


@pytest.fixture
def upstream(engine: Upstream, conversation: Conversation) -> Upstream:
    engine.reset()
    engine.default = conversation.reply()
    return engine


def post(server: Server, path: str, conversation: Conversation, **fields: Any) -> httpx.Response:
    with conversation.path.open("rb") as file:
        return httpx.post(server.url + path, files={"file": ("c.wav", file)}, data=fields, timeout=120)


def finish(answer: httpx.Response) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = httpx.get(f"{answer.json()['statusUrl']}?wait=20", timeout=60).json()
        if job["status"] in {"completed", "failed", "cancelled"}:
            return job


def share_of_wrong(words: list[dict[str, Any]]) -> float:
    """Words whose label is not that of most words of their reader."""
    wrong = 0
    for reader in "es":
        labels = [word["speaker"] for word in words if word["word"].startswith(reader)]
        wrong += len(labels) - max(labels.count(label) for label in "AB")
    return wrong / len(words)


def test_each_word_and_segment_gets_its_speaker(
    server: Server, upstream: Upstream, conversation: Conversation
) -> None:
    answer = post(server, "/transcribe", conversation, speakers="true", timestamps="segment,word").json()
    assert {word["speaker"] for word in answer["words"]} == {"A", "B"}
    assert answer["words"][0]["speaker"] == "A"
    assert share_of_wrong(answer["words"]) <= WRONG
    assert " ".join(segment["text"] for segment in answer["segments"]) == answer["text"]
    assert [said["speaker"] for said in answer["utterances"]] == list("ABABAB")
    assert [turn["speaker"] for turn in answer["turns"]] == list("ABABAB")
    assert "warnings" not in answer
    assert "speakers" in answer["processing"]


def test_who_speaks_where_the_engine_wrote_nothing_has_a_turn(
    server: Server, upstream: Upstream, conversation: Conversation
) -> None:
    """The third turn, of the English reader, has no words."""
    runs = [list(run) for _, run in groupby(conversation.words, lambda word: word[0][0])]
    start, end = runs[2][0][1], runs[2][-1][2]
    words = [word for run in (*runs[:2], *runs[3:]) for word in run]
    upstream.default = replace(conversation, words=words).reply()
    answer = post(server, "/transcribe", conversation, speakers="true").json()
    assert [said["speaker"] for said in answer["utterances"]] == list("ABAB")
    inside = [turn for turn in answer["turns"] if min(turn["end"], end) - max(turn["start"], start) > 0.5]
    assert {turn["speaker"] for turn in inside} == {"A"}
    heard = sum(min(turn["end"], end) - max(turn["start"], start) for turn in inside)
    assert heard > 0.7 * (end - start)
    (warning,) = answer["warnings"]
    assert warning["code"] == "speech_without_words"
    assert float(warning["message"].split()[0]) == pytest.approx(end - start, rel=0.3)
    assert all(0 <= turn["start"] < turn["end"] <= answer["duration"] for turn in answer["turns"])


def test_a_job_without_a_word_says_who_speaks_when(
    server: Server, upstream: Upstream, conversation: Conversation
) -> None:
    upstream.default = replace(conversation, words=[]).reply()
    answer = post(server, "/transcribe-job", conversation, speakers="true")
    url, result = answer.json()["statusUrl"], finish(answer)["result"]
    assert (result["text"], result["segments"], result["speakers"]) == ("", [], {"A": "A", "B": "B"})
    assert "utterances" not in result
    wrong = heard = 0.0
    for word, start, end in conversation.words:
        for turn in result["turns"]:
            shared = max(0.0, min(turn["end"], end) - max(turn["start"], start))
            heard += shared
            wrong += shared * (turn["speaker"] != {"e": "A", "s": "B"}[word[0]])
    assert heard > 0.7 * sum(end - start for _, start, end in conversation.words)
    assert wrong < 0.1 * heard
    httpx.put(f"{url}/speakers", json={"B": "Blas"}, headers={"If-Match": "*"}).raise_for_status()
    rttm = httpx.get(f"{url}/transcript?format=rttm").text
    assert {line.split()[7] for line in rttm.splitlines()} == {"A", "Blas"}
    assert httpx.get(f"{url}/transcript?format=vtt").text == "WEBVTT\n\n"


def test_without_the_option_no_answer_changes(
    server: Server, upstream: Upstream, conversation: Conversation
) -> None:
    for fields in ({}, {"speakers": "false"}):
        answer = post(server, "/transcribe", conversation, **fields).json()
        assert not {"speakers", "utterances", "turns", "words"} & answer.keys()
        assert not any("speaker" in segment for segment in answer["segments"])
        assert "speakers" not in answer["processing"]


def test_the_number_of_speakers_may_be_said(
    server: Server, upstream: Upstream, conversation: Conversation
) -> None:
    for said, found in (("1", "A"), ("3-4", "ABC")):
        answer = post(server, "/transcribe", conversation, speakers=said).json()
        assert set(answer["speakers"]) >= set(found), said
    answer = post(server, "/transcribe", conversation, speakers="5-2")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "option_invalid")


def test_openai_s_client_gets_segments_with_speakers(
    server: Server, upstream: Upstream, conversation: Conversation
) -> None:
    fields = {"model": "gpt-4o-transcribe-diarize", "response_format": "diarized_json"}
    answer = post(server, "/v1/audio/transcriptions", conversation, **fields).json()
    assert [segment["type"] for segment in answer["segments"]] == ["transcript.text.segment"] * len(
        answer["segments"]
    )
    assert {segment["speaker"] for segment in answer["segments"]} == {"A", "B"}
    streamed = post(server, "/v1/audio/transcriptions", conversation, stream="true", speakers="true")
    assert streamed.status_code == 400


def test_a_job_names_speakers_in_its_files(
    server: Server, upstream: Upstream, conversation: Conversation
) -> None:
    answer = post(server, "/transcribe-job", conversation, speakers="2")
    job = finish(answer)
    assert set(job["result"]["speakers"]) == {"A", "B"}
    assert "<v A>" in httpx.get(f"{answer.json()['statusUrl']}/transcript?format=vtt").text
    rttm = httpx.get(f"{answer.json()['statusUrl']}/transcript?format=rttm").text
    assert [line.split()[7] for line in rttm.splitlines()] == list("ABABAB")
    refused = post(server, "/transcribe", conversation, format="rttm")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "option_invalid")


def test_a_server_without_the_weights_refuses_by_name(
    start: Callable[..., Server], upstream: Upstream, conversation: Conversation
) -> None:
    server = start(GROQ_API_KEY="gsk", GROQ_BASE_URL=upstream.url, SPEAKERS="false")
    for path in ("/transcribe", "/transcribe-job"):
        answer = post(server, path, conversation, speakers="true")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "speakers_unavailable")
    answer = post(server, "/v1/audio/transcriptions", conversation, response_format="diarized_json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "speakers_unavailable")
    assert not upstream.requests


def test_a_job_killed_twice_while_it_listens_has_the_same_speakers(
    start: Callable[..., Server], upstream: Upstream, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Stretches of ten minutes, mostly quiet; a kill costs one of them at most."""
    stretches = request.config.getoption("--stretches")
    conversation = make_conversation(tmp_path, turns=2, times=stretches, silence=560.0)
    size = conversation.path.stat().st_size
    audio = PreparedAudio(conversation.path, "wav", conversation.seconds, size, "as_is")
    cuts = cuts_for("job", audio, engine_streams=False, most_seconds=math.inf)
    replies = [conversation.reply(cut.start, cut.length) for cut in cuts]
    settings = {
        "GROQ_API_KEY": "gsk",
        "GROQ_BASE_URL": upstream.url,
        "PIECES_AT_ONCE": "1",
        "MAX_JOB_UPLOAD_MB": "500",
    }
    server = start(**settings)
    upstream.script.extend(replies)
    undisturbed = finish(post(server, "/transcribe-job", conversation, speakers="true"))

    upstream.script.extend(replies)
    answer = post(server, "/transcribe-job", conversation, speakers="true")
    for kill in (1, 2):
        wait_until(lambda: kept_stretches(server) >= min(kill, stretches - 1), 600)  # noqa: B023
        server.kill()
        assert server.start()
    job = finish(answer)
    assert len(upstream.requests) == 2 * len(cuts)  # no piece was transcribed again
    for part in ("segments", "turns"):
        assert job["result"][part] == undisturbed["result"][part]
    assert set(job["result"]["speakers"]) == {"A", "B"}
    assert kept_stretches(server) == 0


def test_a_job_that_is_cancelled_while_its_child_stands_still_leaves_no_voice(
    start: Callable[..., Server], upstream: Upstream, tmp_path: Path
) -> None:
    conversation = make_conversation(tmp_path, times=2)
    upstream.default = conversation.reply()
    server = start(GROQ_API_KEY="gsk", GROQ_BASE_URL=upstream.url, CACHE_MB="0")
    answer = post(server, "/transcribe-job", conversation, speakers="true")
    wait_until(lambda: httpx.get(answer.json()["statusUrl"]).json()["stage"] == "speakers")
    may_answer = threading.Event()
    upstream.recognise = not_before(may_answer)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(post, server, "/transcribe", conversation)
        wait_until(lambda: any(map(is_stopped, server.ps.children())))
        httpx.delete(answer.json()["statusUrl"]).raise_for_status()
        may_answer.set()
        assert other.result().status_code == 200
    assert kept_stretches(server) == 0
    wait_until(lambda: not list((server.data_dir / "scratch").rglob("*.pcm")))
    wait_until(lambda: not server.ps.children())


def is_stopped(child: psutil.Process) -> bool:
    with suppress(psutil.Error):  # it has ended
        return bool(child.status() == psutil.STATUS_STOPPED)
    return False


def kept_stretches(server: Server) -> int:
    with closing(sqlite3.connect(server.data_dir / "escriba.sqlite3", timeout=30)) as database:
        count: int = database.execute("SELECT count(*) FROM voices").fetchone()[0]
        return count
