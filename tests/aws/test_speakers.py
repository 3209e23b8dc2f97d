"""Who says what on AWS: embeddings in the jobs' table, stretch by stretch, while sandboxes come and go."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from common.audio.prepare import PreparedAudio
from common.aws.clients import Clients
from common.aws.dynamo_voices import DynamoVoices
from common.aws.s3_audio import S3Audio
from common.aws.table import Table
from common.jobs.events import make_event
from common.models import Audio, Options
from common.ports import Target
from common.transcription.cut_rule import cuts_for
from tests.aws.world import World, call
from tests.conversation import Conversation, make_conversation
from tests.new_jobs import queued_job
from tests.recorded import sqs_event
from tests.runtime_api import Killed, LambdaProcess
from tests.server import ROOT
from tests.serving import wait_until

WRONG = 0.03  # of the words
STRETCHES = 3


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    return make_conversation(tmp_path_factory.mktemp("conversation"))


def form(conversation: Conversation) -> dict[str, Any]:
    options = {"speakers": "true", "timestamps": "segment,word"}
    return {"files": {"file": ("c.wav", conversation.path.read_bytes())}, "data": options}


def share_of_wrong(words: list[dict[str, Any]]) -> float:
    """Words whose speaker is not their reader's: the English one begins, and is A."""
    wrong = [word for word in words if word["speaker"] != {"e": "A", "s": "B"}[word["word"][0]]]
    return len(wrong) / len(words)


def items_of_voices(world: World) -> list[str]:
    """The sort keys of all embeddings in the table."""
    items = world.emulator.client("dynamodb").scan(TableName=world.names.table)["Items"]
    return [item["sk"]["S"] for item in items if item["sk"]["S"].startswith("voices#")]


async def test_a_job_of_two_voices_names_them_and_leaves_no_voice(
    world: World, conversation: Conversation
) -> None:
    world.upstream.default = conversation.reply()
    with world.sandbox("transcribe_job") as sandbox:
        code, job = call(sandbox, "POST", "/transcribe-job", **form(conversation))
    assert code == 202
    (message,) = world.messages()
    with world.sandbox("run_job") as worker:
        assert worker.invoke(sqs_event(message["Body"])) == {"batchItemFailures": []}
        log = worker.log.read_text()
    with world.sandbox("job") as reader:
        result = call(reader, "GET", f"/job/{job['jobId']}")[1]["result"]
    assert [said["speaker"] for said in result["utterances"]] == list("ABABAB")
    assert share_of_wrong(result["words"]) <= WRONG
    assert "warnings" not in result
    assert items_of_voices(world) == []
    assert "speakers.failed" not in log


async def test_a_request_that_waits_for_its_text_gets_speakers_too(
    world: World, conversation: Conversation
) -> None:
    world.upstream.default = conversation.reply()
    with world.sandbox("transcribe") as sandbox:
        code, answer = call(sandbox, "POST", "/transcribe", **form(conversation))
    assert (code, set(answer["speakers"])) == (200, {"A", "B"})


async def test_without_the_layer_the_hint_says_how_to_get_it(
    world: World, conversation: Conversation
) -> None:
    with world.sandbox("transcribe_job", SPEAKERS="false") as sandbox:
        code, answer = call(sandbox, "POST", "/transcribe-job", **form(conversation))
    assert (code, answer["error"]["code"]) == (422, "speakers_unavailable")
    assert "Speakers=yes" in answer["error"]["hint"]


class Ears:
    """Sees which stretches the child processes of a sandbox listen to, and stops those at `stuck`."""

    def __init__(self, sandbox: LambdaProcess, length: float, stuck: int | None) -> None:
        self.heard: set[int] = set()
        self._stopped: set[psutil.Process] = set()
        self._sandbox, self._length, self._stuck = psutil.Process(sandbox.process.pid), length, stuck
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.02):
            with suppress(psutil.Error):
                for child in self._sandbox.children():
                    command = child.cmdline()
                    if "embed" in command:
                        self._note(child, round(json.loads(command[-1])["at"] / self._length))

    def _note(self, child: psutil.Process, stretch: int) -> None:
        self.heard.add(stretch)
        if stretch == self._stuck:
            child.suspend()
            self._stopped.add(child)

    @staticmethod
    @contextmanager
    def of(sandbox: LambdaProcess, length: float, stuck: int | None = None) -> Iterator[Ears]:
        ears = Ears(sandbox, length, stuck)
        ears._thread.start()
        try:
            yield ears
        finally:
            ears._over.set()
            ears._thread.join()
            for child in ears._stopped:  # at its very start it does not end with its sandbox
                with suppress(psutil.NoSuchProcess):
                    child.kill()


async def test_a_killed_and_a_cut_off_sandbox_cost_no_stretch_that_was_kept(
    world: World, tmp_path: Path
) -> None:
    """Three stretches of ten minutes, mostly quiet: each is listened to by another sandbox."""
    conversation = make_conversation(tmp_path, turns=2, times=STRETCHES, silence=560.0)
    length = conversation.seconds / STRETCHES
    pieces = expect_pieces(world, conversation)
    job_id = await stored_job(world, conversation)
    voices = DynamoVoices(Table(Clients(), world.names.table))
    message = json.dumps({"jobId": job_id, "dueAt": 0})
    settings = {"LEASE_SECONDS": "2", "PIECES_AT_ONCE": "1"}

    with world.sandbox("run_job", **settings) as first, Ears.of(first, length, stuck=1) as ears:
        run = first.begin(sqs_event(message), seconds=900)
        await asyncio.to_thread(wait_until, lambda: 1 in ears.heard, 120)
        first.kill()
        with pytest.raises(Killed):
            first.wait(run)
    assert list(await voices.kept(job_id)) == [0]
    await asyncio.sleep(2)

    with world.sandbox("run_job", **settings) as second, Ears.of(second, length, stuck=2) as ears:
        assert second.invoke(sqs_event(message), seconds=40) == {"batchItemFailures": []}
        assert not psutil.Process(second.process.pid).children()
    assert 0 not in ears.heard
    kept = list(await voices.kept(job_id))
    assert (await world.jobs.get(job_id)).status == "waiting"
    (again,) = world.messages()
    is_fruitless = kept == [0]  # on a busy machine
    assert json.loads(again["Body"]).get("fruitless", 0) == is_fruitless

    with world.sandbox("run_job", **settings) as third, Ears.of(third, length) as ears:
        assert third.invoke(sqs_event(again["Body"]), seconds=900) == {"batchItemFailures": []}
    assert ears.heard == {0, 1, 2} - set(kept)
    result = await world.jobs.result(job_id)
    assert result
    words = [word.model_dump() for word in result.words or ()]
    assert share_of_wrong(words) <= WRONG
    assert items_of_voices(world) == []
    assert len(world.upstream.requests) == pieces  # none was transcribed again


def expect_pieces(world: World, conversation: Conversation) -> int:
    """Prepare the engine's answers; how many there are."""
    size = conversation.path.stat().st_size
    audio = PreparedAudio(conversation.path, "wav", conversation.seconds, size, "as_is")
    cuts = cuts_for("job", audio, engine_streams=False, most_seconds=math.inf)
    world.upstream.script.extend(conversation.reply(cut.start, cut.length) for cut in cuts)
    return len(cuts)


async def stored_job(
    world: World, conversation: Conversation, *, targets: tuple[Target, ...] = (), **fields: Any
) -> str:
    """A queued job whose recording lies in the bucket, with no message yet."""
    now, options = time.time(), Options(speakers="true", timestamps=("segment", "word"))
    digest = hashlib.sha256(conversation.path.read_bytes()).hexdigest()
    audio = Audio(size_bytes=conversation.path.stat().st_size, sha256=digest)
    job = queued_job(str(uuid4()), options=options, audio=audio, now=now, expires_at=now + 86_400, **fields)
    await S3Audio(Clients(), world.names.bucket, ticket_seconds=900).keep(job.job_id, conversation.path)
    await world.jobs.create(job, make_event(job), targets=targets)
    return job.job_id


def test_the_child_finds_numpy_and_the_weights_in_a_layer(tmp_path: Path) -> None:
    """As on Lambda: Python's own folders have neither, a folder of its path has both."""
    packages, layer = Path(psutil.__file__).parents[1], tmp_path / "python"
    layer.mkdir()
    for package in packages.iterdir():
        (layer / package.name).symlink_to(package)
    (layer / "speakers").symlink_to(ROOT / ".venv" / "speakers")
    sound = tmp_path / "pcm"
    sound.write_bytes(bytes(64_000))
    program = f"""
import asyncio
from pathlib import Path
from common.speakers.process import embed
from common.speakers.stretch import stretch_of
from common.speakers.weights import is_installed
from common.speakers.windows import Span
assert is_installed()
stretch = stretch_of([Span(0.0, 1.6)], at=0.0, start=0.0, end=2.0)
print(len(asyncio.run(embed(Path({str(sound)!r}), stretch))))
"""
    environment = {"PYTHONPATH": f"{ROOT}:{layer}", "PYTHONDONTWRITEBYTECODE": "1"}
    python = Path(sys.executable).resolve()  # that of no virtual environment
    done = subprocess.run(
        [python, "-c", program], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.stderr, int(done.stdout) > 0) == ("", True)
