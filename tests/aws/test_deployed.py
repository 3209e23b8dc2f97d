"""template.yaml itself, deployed to the emulator with IAM enforced, and used as a page uses it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from common.models import Job
from tests.conversation import make_conversation
from tests.deployed import Deployed, deploy, put_secrets
from tests.emulator import Emulator
from tests.replies import bad_key, rate_limited
from tests.server import ROOT
from tests.serving import wait_until
from tests.template import module_of, resources
from tests.upstream import KEY, Upstream

FUNCTIONS = resources("AWS::Serverless::Function")
SPEECH = ROOT / "tests" / "data" / "english-short.wav"
ORIGIN = "https://page.example"
ADMIN_KEY = "a" * 32
PASSWORD = "cuatro palabras al azar"


@pytest.fixture(scope="module")
def deployed(upstream_server: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    emulator = Emulator(tmp_path_factory.mktemp("deployed"), AUTH="true").start()
    try:
        secrets = {
            "groq-api-key": KEY,
            "callback-secret": "c" * 32,
            "admin-key": ADMIN_KEY,
            "page-password": PASSWORD,
        }
        put_secrets(emulator, secrets)
        environment = {"GROQ_BASE_URL": upstream_server.url, "QUOTA_REQUESTS_PER_MINUTE": "1000"}
        yield deploy(
            emulator,
            environment,
            {
                "Callbacks": "yes",
                "AccessKeys": "yes",
                "PagePassword": "yes",
                "AnonymousAccess": "true",
                "Speakers": "yes",
                "SpeakersLater": "yes",
            },
        )
    finally:
        emulator.stop()


def test_health_is_ok_and_an_unknown_path_gets_our_own_404(deployed: Deployed) -> None:
    with httpx.Client(base_url=deployed.api, timeout=60) as client:
        health = client.get("/health").json()
        assert (health["status"], health["engine"], health["limits"]["maxUploadMb"]) == ("ok", "groq", 4)
        assert client.get("/limits").json()["keys"] == "optional"
        unknown = client.get("/nothing")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")


def test_a_recording_is_transcribed_on_one_request(deployed: Deployed, upstream: Upstream) -> None:
    with SPEECH.open("rb") as file:
        answer = httpx.post(f"{deployed.api}/transcribe", files={"file": file}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"].startswith("heard ")
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_from_a_presigned_upload_to_the_last_event_on_a_websocket(deployed: Deployed) -> None:
    """As the page does it: submit the job, watch it, post the file to S3, see it end, read the text."""
    async with httpx.AsyncClient(base_url=deployed.api, timeout=60) as client:
        submitted = await client.post("/transcribe-job", json={"filename": "speech.wav", "language": "en"})
        job = submitted.json()
        assert (submitted.status_code, job["status"]) == (201, "pending")
        watched = asyncio.create_task(watch(job["websocketUrl"], job["jobId"]))
        await asyncio.to_thread(wait_until, lambda: watchers(deployed, job["jobId"]) == 1, 30)
        posted = await client.post(
            job["upload"]["url"], data=job["upload"]["fields"], files={"file": SPEECH.read_bytes()}
        )
        assert posted.status_code in {201, 204}, posted.text
        messages = await asyncio.wait_for(watched, 60)
        answer = await client.get(f"/job/{job['jobId']}")
        address, anything = f"/job/{job['jobId']}/transcript", {"If-Match": "*"}
        text = {"segments": [{"start": 0, "end": 1, "text": "what was said"}]}
        assert (await client.put(address, json=text, headers=anything)).json()["revision"] == 1
        assert (await client.get(f"{address}?format=txt")).text == "what was said\n"
        assert "heard " in (await client.get(f"{address}?format=txt&version=engine")).text
        assert (await client.get("/limits")).json()["keys"] == "optional"
    assert messages[0]["type"] == "snapshot"
    seqs = [message["seq"] for message in messages]
    assert seqs == sorted(set(seqs))
    assert [message["text"] for message in messages if message["type"] == "text"]
    assert messages[-1]["job"]["status"] == "completed"
    assert answer.json()["result"]["text"].startswith("heard ")
    assert recordings_in(deployed) == []


def test_an_admin_sees_all_jobs_pauses_the_service_and_reads_usage(
    deployed: Deployed, upstream: Upstream
) -> None:
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=deployed.api, timeout=60, headers=admin) as client:
        key = client.post("/admin/keys", json={"name": "counted"}).json()
        mine = {"Authorization": f"Bearer {key['key']}"}
        job = client.post("/transcribe-job", json={"filename": "a.wav"}, headers=mine).json()
        listed = client.get(f"/admin/jobs?owner={key['keyId']}").json()["jobs"]
        assert [each["jobId"] for each in listed] == [job["jobId"]]
        assert client.post(f"/admin/jobs/{job['jobId']}/cancel").json()["status"] == "cancelled"
        assert client.delete(f"/admin/jobs/{job['jobId']}").status_code == 200
        upstream.script.extend([bad_key(), rate_limited(retry_after=60)])
        files, fields = {"file": SPEECH.read_bytes()}, {"cache": "false"}
        failed = client.post("/transcribe-job", files=files, data=fields).json()["jobId"]
        wait_for(client, failed, "failed")
        assert client.post(f"/admin/jobs/{failed}/retry").json()["status"] == "queued"
        wait_for(client, failed, "waiting")
        assert client.get("/admin/now").json()["jobs"]["waiting"] == 1
        assert client.post(f"/admin/jobs/{failed}/cancel").json()["status"] == "cancelled"
        assert client.post(f"/admin/deliveries/{failed}/retry").json() == {"deliveries": []}
        forget_quota(deployed)
        assert client.get(f"/admin/jobs/{job['jobId']}").status_code == 404
        assert client.get("/admin/deliveries").json() == {"deliveries": [], "next": None}
        now = client.get("/admin/now").json()
        assert (now["pause"], now["problems"], now["storage"]["usedBytes"]) == (None, [], None)
        assert now["quota"]["requestsPerMinute"]["limit"] == 1000
        with client.stream("GET", "/admin/now/events") as stream:
            assert sum(line.startswith("data: ") for line in stream.iter_lines()) == 1
        changed = client.patch(f"/admin/keys/{key['keyId']}", json={"scopes": ["read"]}).json()
        assert changed["scopes"] == ["read"]
        assert client.put("/admin/pause", json={"reason": "maintenance"}).json()["paused"]
        assert client.get("/admin/pause").json()["reason"] == "maintenance"
        assert client.delete("/admin/pause").json() == {"paused": False}
        actions = [each["action"] for each in client.get("/admin/audit").json()["actions"]]
        done = ["resumed", "paused", "key.changed", "deliveries.retried", "job.cancelled", "job.retried"]
        assert actions[: len(done)] == done
        counted = client.get("/admin/usage").json()["usage"]
        assert {entry["keyId"] for entry in counted} & {"admin", key["keyId"], "anonymous"}
        assert client.get("/admin/usage/hours").json()["usage"]


def test_an_access_key_opens_its_own_jobs_on_every_function(deployed: Deployed) -> None:
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=deployed.api, timeout=60) as client:
        made = client.post("/admin/keys", json={"name": "the page"}, headers=admin).json()
        listed = client.get("/admin/keys", headers=admin).json()["keys"]
        assert made["keyId"] in {key["keyId"] for key in listed}
        mine = {"X-API-Key": made["key"]}
        job = client.post("/transcribe-job", json={"filename": "a.wav"}, headers=mine).json()
        path = f"/job/{job['jobId']}"
        assert (client.get(path).status_code, client.get(path, headers=mine).status_code) == (404, 200)
        token = client.post("/tokens", json={"jobId": job["jobId"]}, headers=mine).json()["token"]
        assert client.get(f"{path}?ticket={token}").status_code == 200
        text_path = f"{path}/transcript"
        assert (client.get(text_path).status_code, client.get(text_path, headers=mine).status_code) == (
            404,
            409,
        )
        for address in ("/transcribe", "/v1/audio/transcriptions"):
            files = {"file": SPEECH.read_bytes()}
            assert client.post(address, files=files, headers=mine).status_code == 200
        assert asyncio.run(first_message(job, made["key"])) == "snapshot"
        assert asyncio.run(first_message(job, None)) == "error"
        left = client.get("/quota", headers=mine).json()
        assert (left["client"]["pending"]["used"], "audioPerDay" in left["engine"]) == (1, True)
        assert client.delete(f"/admin/keys/{made['keyId']}", headers=admin).json()["revokedAt"]


def test_the_pages_password_opens_the_jobs_of_one_browser(deployed: Deployed) -> None:
    with httpx.Client(base_url=deployed.api, timeout=60) as client:
        assert client.get("/limits").json()["signIn"] == ["key", "password"]
        wrong = client.post("/sign-in", json={"password": "another", "browser": "b" * 32})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "password_wrong")
        first, second = (
            {
                "X-API-Key": client.post("/sign-in", json={"password": PASSWORD, "browser": name}).json()[
                    "token"
                ]
            }
            for name in ("b" * 32, "c" * 32)
        )
        assert client.get("/tokens", headers=first).json()["scopes"] == ["read", "transcribe"]
        job = client.post("/transcribe-job", json={"filename": "a.wav"}, headers=first).json()
        path = f"/job/{job['jobId']}"
        answers = [client.get(path, headers=headers).status_code for headers in (first, second)]
        assert answers == [200, 404]
        assert client.post("/sign-in", json={}, headers=first).status_code == 201


def signed_in(client: httpx.Client, browser: str) -> dict[str, str]:
    answer = client.post("/sign-in", json={"password": PASSWORD, "browser": browser})
    return {"X-API-Key": answer.json()["token"]}


async def first_message(job: dict[str, Any], key: str | None) -> str:
    """What the first message is to who watches a job with this key."""
    async with websockets.connect(job["websocketUrl"]) as socket:
        await socket.send(json.dumps({"jobId": job["jobId"], "key": key}))
        return str(json.loads(await asyncio.wait_for(socket.recv(), 30))["type"])


def recordings_in(deployed: Deployed) -> list[str]:
    """The keys of all recordings."""
    s3 = deployed.emulator.client("s3")
    answer = s3.list_objects_v2(Bucket=deployed.outputs["BucketName"])
    return [item["Key"] for item in answer.get("Contents", [])]


async def watch(url: str, job_id: str, after: int | None = None) -> list[dict[str, Any]]:
    """Every message that a page gets until the job has ended."""
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


async def test_a_page_of_another_origin_may_not_watch(deployed: Deployed) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(deployed.websocket, origin=websockets.Origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403


def test_s3_accepts_only_the_size_and_the_name_of_the_ticket(deployed: Deployed) -> None:
    job = httpx.post(f"{deployed.api}/transcribe-job", json={"filename": "a.wav"}, timeout=60).json()
    url, fields = job["upload"]["url"], job["upload"]["fields"]
    other = {**fields, "key": f"uploads/{uuid.uuid4()}"}
    assert httpx.post(url, data=other, files={"file": b"RIFF"}, timeout=60).status_code == 403
    assert httpx.post(url, files={"file": b"RIFF"}, timeout=60).status_code == 403
    # An empty one comes to us, so that its job ends at once.
    assert httpx.post(url, data=fields, files={"file": b""}, timeout=60).status_code in {201, 204}
    address = f"{deployed.api}/job/{job['jobId']}"
    wait_until(lambda: httpx.get(address, timeout=60).json()["status"] == "failed", 60)
    assert httpx.get(address, timeout=60).json()["error"]["code"] == "file_empty"


def test_iam_allows_every_action_on_a_job(deployed: Deployed) -> None:
    with httpx.Client(base_url=deployed.api, timeout=60) as client:
        pending = client.post("/transcribe-job", json={"filename": "a.wav"}).json()
        path = f"/job/{pending['jobId']}"
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
        wait_for(client, done["jobId"], "completed")
        assert client.get(f"{path}/transcript?format=srt").status_code == 200
        assert client.delete(path).status_code == 200
        assert client.get(path).status_code == 410


def wait_for(client: httpx.Client, job_id: str, status: str) -> None:
    """Wait, as a page does, until a job has that status."""
    deadline = time.monotonic() + 60
    while (job := client.get(f"/job/{job_id}?wait=20").json())["status"] != status:
        assert time.monotonic() < deadline, job


def test_a_job_names_its_speakers(deployed: Deployed, upstream: Upstream, tmp_path: Path) -> None:
    """Its worker may complete it, send itself a message, keep embeddings, and delete them at the end."""
    conversation = make_conversation(tmp_path, turns=2)
    upstream.script.append(conversation.reply())
    with httpx.Client(base_url=deployed.api, timeout=60) as client, conversation.path.open("rb") as file:
        assert client.get("/limits").json()["speakers"] is True
        job = client.post("/transcribe-job", files={"file": file}, data={"speakers": "2"}).json()
        wait_for(client, job["jobId"], "completed")
        deadline = time.monotonic() + 300
        while "speakers" in (view := client.get(f"/job/{job['jobId']}").json()):
            assert time.monotonic() < deadline, view
            client.get(f"/job/{job['jobId']}?wait=20&after={view['seq']}")
        assert set(view["result"]["speakers"]) == {"A", "B"}
    items = deployed.emulator.client("dynamodb").scan(TableName=deployed.outputs["TableName"])["Items"]
    assert not [item for item in items if item["sk"]["S"].startswith("voices#")]


def test_openais_models_and_transcriptions_are_routed(deployed: Deployed, upstream: Upstream) -> None:
    with httpx.Client(base_url=deployed.api, timeout=60) as client, SPEECH.open("rb") as file:
        assert client.get("/v1/models").status_code == 200
        fields = {"model": "whisper-1", "prompt": "of this test alone"}
        answer = client.post("/v1/audio/transcriptions", files={"file": file}, data=fields)
        assert (answer.status_code, answer.json()["text"][:6]) == (200, "heard ")
        file.seek(0)
        again = client.post("/v1/audio/transcriptions", files={"file": file}, data=fields)
        assert (again.json()["text"], again.headers["x-escriba-cache"]) == (answer.json()["text"], "hit")


def test_a_failed_job_is_run_again_with_the_audio_that_is_kept(
    deployed: Deployed, upstream: Upstream
) -> None:
    upstream.script.append(bad_key())
    with httpx.Client(base_url=deployed.api, timeout=60) as client, SPEECH.open("rb") as file:
        fields = {"cache": "false"}
        path = f"/job/{client.post('/transcribe-job', files={'file': file}, data=fields).json()['jobId']}"
        wait_for(client, path.removeprefix("/job/"), "failed")
        assert client.post(f"{path}/retry").json()["status"] == "queued"
        wait_for(client, path.removeprefix("/job/"), "completed")


async def test_a_watcher_is_sent_what_another_function_does(deployed: Deployed) -> None:
    async with httpx.AsyncClient(base_url=deployed.api, timeout=60) as client:
        job = (await client.post("/transcribe-job", json={"filename": "a.wav"})).json()
        watched = asyncio.create_task(watch(job["websocketUrl"], job["jobId"]))
        await asyncio.to_thread(wait_until, lambda: watchers(deployed, job["jobId"]) == 1, 30)
        await client.delete(f"/job/{job['jobId']}")
        messages = await asyncio.wait_for(watched, 30)
        assert messages[-1]["job"]["status"] == "cancelled"


async def test_a_watcher_that_disconnects_is_forgotten(deployed: Deployed) -> None:
    async with httpx.AsyncClient(base_url=deployed.api, timeout=60) as client:
        job = (await client.post("/transcribe-job", json={"filename": "a.wav"})).json()
    async with websockets.connect(job["websocketUrl"]) as socket:
        await socket.send(json.dumps({"jobId": job["jobId"]}))
        assert json.loads(await socket.recv())["type"] == "snapshot"
        await asyncio.to_thread(wait_until, lambda: watchers(deployed, job["jobId"]) == 1, 30)
        await asyncio.to_thread(sweep, deployed)
        assert json.loads(await asyncio.wait_for(socket.recv(), 30)) == {"type": "ping"}
    await asyncio.to_thread(wait_until, lambda: watchers(deployed, job["jobId"]) == 0, 30)


def watchers(deployed: Deployed, job_id: str) -> int:
    answer = deployed.emulator.client("dynamodb").query(
        TableName=deployed.outputs["TableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"watched#{job_id}"}},
    )
    return int(answer["Count"])


def test_the_sweep_fails_jobs_that_expired_and_sends_messages_for_lost_ones(
    deployed: Deployed, upstream: Upstream
) -> None:
    """Its role may read every index, fail and remove jobs, and send messages."""
    upstream.script.append(rate_limited(retry_after=600))
    with httpx.Client(base_url=deployed.api, timeout=60) as client, SPEECH.open("rb") as file:
        forgotten = client.post("/transcribe-job", json={"filename": "a.wav"}).json()["jobId"]
        fields = {"cache": "false"}
        lost = client.post("/transcribe-job", files={"file": file}, data=fields).json()["jobId"]
        wait_for(client, lost, "waiting")
        # First the quota that made it wait: the emulator's own schedule may sweep as soon as the job is due.
        forget_quota(deployed)
        for job_id, attribute in ((forgotten, "expires_at"), (lost, "due_at")):
            set_long_ago(deployed, job_id, attribute)
        deployed.emulator.client("sqs").purge_queue(QueueUrl=deployed.outputs["QueueUrl"])
        sweep(deployed)
        assert client.get(f"/job/{forgotten}").json()["error"]["code"] == "upload_expired"
        wait_for(client, lost, "completed")
    set_long_ago(deployed, forgotten, "expires_at")
    sweep(deployed)


def forget_quota(deployed: Deployed) -> None:
    """The engine refused for a while: what comes next shall not wait for that."""
    deployed.emulator.client("dynamodb").delete_item(
        TableName=deployed.outputs["TableName"],
        Key={"pk": {"S": "quota#whisper-large-v3-turbo"}, "sk": {"S": "quota"}},
    )


def set_long_ago(deployed: Deployed, job_id: str, attribute: str) -> None:
    """Set a time of a job's item, and of the job in it if that has it too, far into the past."""
    dynamodb, table = deployed.emulator.client("dynamodb"), deployed.outputs["TableName"]
    key = {"pk": {"S": f"job#{job_id}"}, "sk": {"S": "state"}}
    job = Job.model_validate_json(dynamodb.get_item(TableName=table, Key=key)["Item"]["document"]["S"])
    changes = {attribute: 1.0} if attribute in Job.model_fields else {}
    document = job.model_copy(update=changes).model_dump_json(by_alias=True, exclude_none=True)
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression=f"SET {attribute} = :long_ago, document = :document",
        ExpressionAttributeValues={":long_ago": {"N": "1"}, ":document": {"S": document}},
    )


def sweep(deployed: Deployed) -> None:
    answer = deployed.emulator.client("lambda").invoke(
        FunctionName=deployed.functions["SweepFunction"],
        Payload=(ROOT / "tests" / "events" / "schedule.json").read_bytes(),
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_aws_refused_no_call_of_any_function(deployed: Deployed) -> None:
    log = deployed.log()
    assert "aws.refused" not in log, [line for line in log.splitlines() if "aws.refused" in line]
    assert "gsk_" not in log


# Actions for failures and races, which the tests under the runtime client cover.
RARE = {
    "transcribe_job": {"s3:DeleteObject"},  # a job that is cancelled while its recording comes
    "sweep": {"dynamodb:GetItem"},  # of deliveries to Convex and callbacks
    "job_transcript": {"execute-api:ManageConnections"},  # a correction while somebody still watches the job
    "sign_in": {"dynamodb:PutItem"},  # the same as of tokens
    "tokens": {"dynamodb:PutItem"},  # of the shared secret, where no other function has made it
    "quota": {"dynamodb:PutItem"},  # the same
    "admin_deliveries": {"dynamodb:BatchGetItem"},  # of those that fail
    "admin_jobs": {"execute-api:ManageConnections"},  # a cancelled job that somebody watches
    "transcription_ws": {"dynamodb:UpdateItem"},  # events that come while the first message is sent
}
# Signed by the function, called by the client.
SIGNED = {"transcribe_job": {"s3:PutObject"}, "job": {"s3:PutObject"}}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_allowed_the_actions_it_calls_and_no_others(deployed: Deployed, name: str) -> None:
    module = module_of(FUNCTIONS[name])
    called = deployed.called().get(module, set())
    allowed = {
        action + ("/index" if "index" in str(statement["Resource"]) else "")
        for policy in FUNCTIONS[name].get("Policies", ())
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
    }
    optional = RARE.get(module, set()) | SIGNED.get(module, set()) | {"secretsmanager:GetSecretValue"}
    # With the right to list, HeadObject answers 404 instead of 403 for a recording that does not exist.
    optional |= {"s3:ListBucket"}
    assert called <= allowed
    assert allowed - optional <= called


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_touches_only_items_of_the_kinds_in_its_policy(deployed: Deployed, name: str) -> None:
    """The emulator does not enforce leading keys, so the calls are compared with the template here."""
    allowed = {
        (action, kind.removesuffix("#*"))
        for policy in FUNCTIONS[name].get("Policies", ())
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
        for kind in statement.get("Condition", {})
        .get("ForAllValues:StringLike", {})
        .get("dynamodb:LeadingKeys", [])
    }
    module = module_of(FUNCTIONS[name])
    assert deployed.touched().get(module, set()) <= allowed


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
