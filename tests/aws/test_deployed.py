"""template.yaml itself, deployed to the emulator with IAM enforced, and used as a page uses it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.aws.world import KEY
from tests.deployed import Deployed, deploy
from tests.emulator import Emulator
from tests.server import ROOT
from tests.upstream import Upstream

SPEECH = ROOT / "tests" / "data" / "english-short.wav"
ORIGIN = "https://page.example"


@pytest.fixture(scope="module")
def deployed(upstream_server: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    emulator = Emulator(tmp_path_factory.mktemp("deployed"), AUTH="true").start()
    try:
        secret = {"Name": "/escriba/groq-api-key", "Value": KEY, "Type": "SecureString"}
        emulator.client("ssm").put_parameter(**secret)
        environment = {"GROQ_BASE_URL": upstream_server.url, "QUOTA_REQUESTS_PER_MINUTE": "1000"}
        yield deploy(emulator, environment)
    finally:
        emulator.stop()


def test_health_is_well_and_what_is_nowhere_is_said_in_our_words(deployed: Deployed) -> None:
    with httpx.Client(base_url=deployed.api, timeout=60) as client:
        told = client.get("/health").json()
        assert (told["status"], told["engine"], told["limits"]["maxUploadMb"]) == ("ok", "groq", 4)
        nowhere = client.get("/nothing")
        assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")


def test_a_recording_is_transcribed_while_one_waits(deployed: Deployed, upstream: Upstream) -> None:
    with SPEECH.open("rb") as file:
        answer = httpx.post(f"{deployed.api}/transcribe", files={"file": file}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"].startswith("heard ")
    assert upstream.seen[0].headers["authorization"] == f"Bearer {KEY}"


async def test_from_a_presigned_upload_to_the_last_event_on_a_websocket(deployed: Deployed) -> None:
    """As the page does it: expect the job, watch it, post the file to S3, see it end, read the text."""
    async with httpx.AsyncClient(base_url=deployed.api, timeout=60) as client:
        asked = await client.post("/transcribe-job", json={"filename": "speech.wav", "language": "en"})
        job = asked.json()
        assert (asked.status_code, job["status"]) == (201, "pending")
        watched = asyncio.create_task(watch(job["websocketUrl"], job["jobId"]))
        posted = await client.post(
            job["upload"]["url"], data=job["upload"]["fields"], files={"file": SPEECH.read_bytes()}
        )
        assert posted.status_code in {201, 204}, posted.text
        messages = await asyncio.wait_for(watched, 60)
        answer = await client.get(f"/job/{job['jobId']}")
    assert messages[0]["type"] == "snapshot"
    seqs = [message["seq"] for message in messages]
    assert seqs == sorted(set(seqs))
    assert [message["text"] for message in messages if message["type"] == "text"]
    assert messages[-1]["job"]["status"] == "completed"
    assert answer.json()["result"]["text"].startswith("heard ")
    assert kept_in(deployed) == []


def kept_in(deployed: Deployed) -> list[str]:
    """The names of all recordings."""
    s3 = deployed.emulator.client("s3")
    found = s3.list_objects_v2(Bucket=deployed.outputs["BucketName"])
    return [item["Key"] for item in found.get("Contents", [])]


async def watch(url: str, job_id: str, after: int | None = None) -> list[dict[str, Any]]:
    """Everything that a page is told until the job has ended."""
    messages = []
    async with websockets.connect(url, origin=websockets.Origin(ORIGIN)) as socket:
        await socket.send(json.dumps({"jobId": job_id, **({} if after is None else {"after": after})}))
        async for text in socket:
            message = json.loads(text)
            if message.get("job"):
                messages.append(message)
                if message["job"]["status"] in {"completed", "failed", "cancelled"}:
                    break
    return messages


async def test_a_strange_page_may_not_watch(deployed: Deployed) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(deployed.websocket, origin=websockets.Origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403


def test_s3_takes_no_larger_file_and_no_other_name_than_the_ticket_says(deployed: Deployed) -> None:
    asked = httpx.post(f"{deployed.api}/transcribe-job", json={"filename": "a.wav"}, timeout=60).json()
    url, fields = asked["upload"]["url"], asked["upload"]["fields"]
    other = {**fields, "key": f"uploads/{uuid.uuid4()}"}
    assert httpx.post(url, data=other, files={"file": b"RIFF"}, timeout=60).status_code == 403
    assert httpx.post(url, data=fields, files={"file": b""}, timeout=60).status_code == 400
    assert httpx.post(url, files={"file": b"RIFF"}, timeout=60).status_code == 403


def test_every_way_to_treat_a_job_is_open(deployed: Deployed) -> None:
    """What IAM would refuse shows here: each function may do what its endpoints need."""
    with httpx.Client(base_url=deployed.api, timeout=60) as client:
        asked = client.post("/transcribe-job", json={"filename": "a.wav"}).json()
        path = f"/job/{asked['jobId']}"
        assert client.delete(path).json()["status"] == "cancelled"
        again = client.post(f"{path}/retry")
        assert (again.status_code, again.json()["status"]) == (202, "pending")
        assert again.json()["upload"]["url"]
        assert client.post(f"{path}/redeliver").status_code == 202
        assert client.get(f"{path}/events?after=1").text.startswith("retry:")
        assert client.get(f"{path}/transcript").status_code in {404, 409}
        with SPEECH.open("rb") as file:
            done = client.post("/transcribe-job", files={"file": file}).json()
        path = f"/job/{done['jobId']}"
        assert client.get(f"{path}?wait=20").status_code == 200
        while client.get(f"{path}?wait=20").json()["status"] != "completed":
            pass
        assert client.get(f"{path}/transcript?format=srt").status_code == 200
        assert client.get("/v1/models").status_code == 200


def test_the_round_of_every_minute_may_do_all_it_has_to(deployed: Deployed) -> None:
    """Its role reads every index, fails what expired, forgets what was erased."""
    answer = deployed.emulator.client("lambda").invoke(
        FunctionName=deployed.functions["SweepFunction"],
        Payload=Path(ROOT / "tests/events/schedule.json").read_bytes(),
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_nothing_was_refused_to_any_function(deployed: Deployed) -> None:
    said = deployed.log()
    assert "aws.refused" not in said, [line for line in said.splitlines() if "aws.refused" in line]
    assert "gsk_" not in said
