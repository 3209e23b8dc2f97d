"""Many jobs on the deployed template while workers are killed, the table throttles and messages repeat."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import pytest

from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.table import Table
from common.models import Job
from tests.aws.faults import Page, Throttled
from tests.deployed import Deployed, deploy
from tests.emulator import Emulator
from tests.recorded import recorded
from tests.replies import Reply
from tests.server import ROOT
from tests.upstream import KEY, Upstream

pytestmark = pytest.mark.alone

SPEECH = ROOT / "tests" / "data" / "english-short.wav"
TIME_LIMIT = 300.0
CONVEX_KEY = "convex-key-of-the-page"


@dataclass
class Chaos:
    """Kills workers, repeats messages and sweeps every two seconds instead of every minute."""

    deployed: Deployed
    kills: int
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    killed: int = 0
    repeated: int = 0
    sweeps: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def kill(self) -> None:
        while self.killed < self.kills and not self._over.wait(self.chance.uniform(0.3, 1.2)):
            if workers := self._workers():
                with suppress(psutil.Error):  # one that ended by itself in that moment was not killed
                    self.chance.choice(workers).kill()
                    self.killed += 1

    def _workers(self) -> list[psutil.Process]:
        workers = []
        for process in psutil.Process(self.deployed.emulator.pid).children(recursive=True):
            try:
                module, cpu = process.environ().get("FUNCTION_MODULE"), process.cpu_times()
            except psutil.Error:
                continue
            if module == "functions.run_job" and cpu.user > 0.5:  # it has started
                workers.append(process)
        return workers

    def sweep(self) -> None:
        client = self.deployed.emulator.client("lambda")
        event = json.dumps(recorded("schedule")).encode()
        while not self._over.wait(2):
            client.invoke(FunctionName=self.deployed.functions["SweepFunction"], Payload=event)
            self.sweeps += 1

    def repeat(self, job_id: str) -> None:
        if self.chance.random() < 0.4:
            body = json.dumps({"jobId": job_id, "dueAt": 0})
            sqs = self.deployed.emulator.client("sqs")
            sqs.send_message(QueueUrl=self.deployed.outputs["QueueUrl"], MessageBody=body)
            self.repeated += 1

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=run) for run in (self.kill, self.sweep)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


@pytest.fixture
def page() -> Iterator[Page]:
    with Page(CONVEX_KEY) as page:
        yield page


async def test_every_job_completes_once_and_reaches_the_page_whatever_is_killed_throttled_or_repeated(
    upstream: Upstream,
    page: Page,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:
    count = pytestconfig.getoption("--chaos")
    kills = count // 4
    monkeypatch.setattr(upstream, "default", Reply(delay=0.4))
    emulator = Emulator(tmp_path).start()
    try:
        for name, value in (("groq-api-key", KEY), ("convex-api-key", CONVEX_KEY)):
            secret = {"Name": f"/escriba/{name}", "Value": value, "Type": "SecureString"}
            emulator.client("ssm").put_parameter(**secret)
        with Throttled(emulator.port, share=0.04, seed=11) as table:
            environment = {
                "GROQ_BASE_URL": upstream.url,
                "AWS_ENDPOINT_URL_DYNAMODB": table.url,
                "LEASE_SECONDS": "3",
                "SWEEP_SECONDS": "2",
                "UPLOAD_TICKET_SECONDS": "30",  # a recording whose message is lost waits for its end, too
                "UPLOAD_TIMEOUT": "30",
                "MAX_ATTEMPTS": "20",
                "LOG_LEVEL": "WARNING",
            }
            deployed = deploy(emulator, environment, {"ConvexSiteUrl": page.url, "Cache": "no"})
            with Chaos(deployed, kills) as chaos:
                job_ids = await submit(deployed, chaos, count)
                jobs = await until_all_ended(emulator, deployed, job_ids, page)
            assert table.refused > count / 3
        await check(emulator, deployed, jobs, page)
        assert len(upstream.requests) >= count
        # On a fast machine the jobs end before all kills are done.
        assert chaos.killed >= kills / 2
        assert (chaos.repeated > count / 10, chaos.sweeps > 3) == (True, True)
    finally:
        emulator.stop()


async def submit(deployed: Deployed, chaos: Chaos, count: int) -> list[str]:
    """A client that submits each job with the same id until it is accepted.

    Every other recording is posted with a ticket, so that S3's own message brings it.
    """
    job_ids = []
    async with httpx.AsyncClient(base_url=deployed.api, timeout=120) as client:
        for number in range(count):
            data = {"jobId": f"00000000-0000-4000-8000-{number:012d}", "userId": f"user{number % 3}"}
            if number % 2:
                job = await accepted(client, json=data)
                await post(client, job["upload"])
            else:
                job = await accepted(client, data=data, files={"file": SPEECH.read_bytes()})
            job_ids.append(job["jobId"])
            await asyncio.to_thread(chaos.repeat, job_ids[-1])
    return job_ids


async def accepted(client: httpx.AsyncClient, **how: Any) -> Any:
    while True:
        answer = await client.post("/transcribe-job", **how)
        if answer.status_code in {201, 202}:
            return answer.json()
        assert answer.status_code in {500, 502, 503}, answer.text
        await asyncio.sleep(0.2)


async def post(client: httpx.AsyncClient, upload: Any) -> None:
    """Post the recording to S3; the worker that takes it in may be killed."""
    answer = await client.post(upload["url"], data=upload["fields"], files={"file": SPEECH.read_bytes()})
    assert answer.status_code in {201, 204}, answer.text


async def until_all_ended(
    emulator: Emulator, deployed: Deployed, job_ids: list[str], page: Page
) -> dict[str, Job]:
    deadline = time.monotonic() + TIME_LIMIT
    with emulator.reached():
        store = DynamoJobs(Table(Clients(), deployed.outputs["TableName"]))
        while True:
            jobs = {job_id: await store.get(job_id) for job_id in job_ids}
            delivered = sum(page.rows.get(job_id, {}).get("seq") == jobs[job_id].seq for job_id in job_ids)
            ended = sum(job.has_ended for job in jobs.values())
            # A worker that is killed between sending a delivery and recording it leaves it to a later sweep.
            if ended == delivered == len(job_ids) and not await store.deliveries(
                now=time.time() + 600, limit=1
            ):
                return jobs
            failed = [job.error for job in jobs.values() if job.status == "failed"]
            assert not failed, (failed, deployed.log())
            assert time.monotonic() < deadline, (
                ended,
                delivered,
                [j for j in jobs.values() if not j.has_ended],
            )
            await asyncio.sleep(1)


async def check(emulator: Emulator, deployed: Deployed, jobs: dict[str, Job], page: Page) -> None:
    with emulator.reached():
        store = DynamoJobs(Table(Clients(), deployed.outputs["TableName"]))
        for job_id, job in jobs.items():
            assert job.status == "completed", job
            events = await store.events(job_id, after=0)
            assert [event.job.status for event in events if event.job.has_ended] == ["completed"]
            assert [event.seq for event in events] == sorted({event.seq for event in events})
            result = await store.result(job_id)
            assert result is not None
            assert page.rows[job_id]["status"] == "completed"
            assert text_of(page.rows[job_id]) == result.text
        assert await store.overdue(now=time.time() + 7200, limit=10) == []


def text_of(row: dict[str, Any]) -> str:
    return str(row["result"]["text"])
