"""While an engine streams a piece, watchers see its text and true progress; a cancellation ends it midway."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.acceptance.api import Api, files_below
from tests.acceptance.client import tone
from tests.replies import Reply
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(12)
WORDS = [f"palabra{number}" for number in range(20)]


@pytest.fixture(scope="module")
def server(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("partial") / "data"
    with Server(data, GROQ_BASE_URL=engine.url, LOG_LEVEL="WARNING") as running:
        yield running


def streamed(seconds: float, *, drip: float) -> Reply:
    """A segment for each word, then the whole answer, a hundredth of it each `drip` seconds."""
    step = seconds / len(WORDS)
    segments = [
        {"id": i, "start": i * step, "end": (i + 1) * step, "text": f" {word}", "avg_logprob": -0.2}
        for i, word in enumerate(WORDS)
    ]
    whole = {"text": " ".join(WORDS), "language": "Spanish", "segments": segments}
    events: list[dict[str, Any]] = [{"type": "transcript.text.segment", **each} for each in segments]
    events.append({"type": "transcript.text.done", **whole})
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return Reply(body=body, headers={"content-type": "text/event-stream"}, drip=drip)


def watch(server: Server, job_id: str) -> Iterator[dict[str, Any]]:
    with httpx.stream("GET", f"{server.url}/job/{job_id}/events", timeout=60) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line.removeprefix("data:"))


def test_watchers_see_text_and_progress_within_a_piece(server: Server, engine: Upstream) -> None:
    api = Api(server.url)
    engine.script.append(streamed(3.0, drip=0.08))
    job_id = api.accepted(tone(RANDOM, seconds=3.0))
    messages = list(watch(server, job_id))
    parts = [message for message in messages if message.get("partial")]
    texts = [str(part["text"]).split() for part in parts]
    assert texts, messages
    for part, words in zip(parts, texts, strict=True):
        assert (part["type"], part["index"], part["start"]) == ("text", 0, 0.0)
        assert words == WORDS[: len(words)]
        assert part["job"]["progress"] == pytest.approx(10 + 89 * part["end"] / 3.0, abs=0.5)
        assert part["end"] == pytest.approx(3.0 * len(words) / len(WORDS), abs=0.01)
    assert [len(words) for words in texts] == sorted({len(words) for words in texts})
    whole = next(each for each in messages if each["type"] == "text" and not each.get("partial"))
    assert whole["text"].split() == WORDS
    assert api.completed(job_id).split() == WORDS


def test_a_watcher_that_comes_later_gets_the_text_so_far(server: Server, engine: Upstream) -> None:
    api = Api(server.url)
    engine.script.append(streamed(3.0, drip=0.1))
    job_id = api.accepted(tone(RANDOM, seconds=3.0))
    wait_until(lambda: api.job(job_id).json()["progress"] > 10)
    snapshot = next(watch(server, job_id))
    assert snapshot["type"] == "snapshot"
    assert snapshot["pieces"][0]["partial"] is True
    assert snapshot["pieces"][0]["text"].split()[0] == WORDS[0]
    api.delete(job_id)


def test_a_cancellation_ends_the_stream_midway(server: Server, engine: Upstream) -> None:
    api = Api(server.url)
    engine.script.append(streamed(3.0, drip=0.5))
    job_id = api.accepted(tone(RANDOM, seconds=3.0))
    wait_until(lambda: api.job(job_id).json()["progress"] > 10)
    api.delete(job_id)
    assert api.job(job_id).json()["status"] == "cancelled"
    wait_until(lambda: engine._at_once == 0, seconds=20)  # the whole stream would take 50
    wait_until(lambda: files_below(server.data_dir) == [])


def test_a_stream_that_breaks_off_is_tried_again(server: Server, engine: Upstream) -> None:
    api = Api(server.url)
    whole = streamed(3.0, drip=0.0)
    engine.script += [Reply(body=str(whole.body)[:400], headers=whole.headers), whole]
    assert api.completed(api.accepted(tone(RANDOM, seconds=3.0))).split() == WORDS
