"""Convex's own Python client and the page's own parser, held to what the API sends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from convex import ConvexClient, ConvexError

from tests.acceptance.convex import OWNER, LocalConvex
from tests.server import ROOT
from tests.unit.test_convex import snapshots


@pytest.fixture(scope="module")
def convex() -> Iterator[LocalConvex]:
    with LocalConvex() as running:
        yield running


async def test_python_s_client_queries_mutates_and_is_told_of_changes(convex: LocalConvex) -> None:
    client = ConvexClient(convex.url)
    job_id = str(uuid.uuid4())
    access: dict[str, Any] = {"jobId": job_id, "ownerToken": OWNER}
    assert client.query("jobs:get", access) is None
    assert client.mutation("jobs:create", {**access, "filename": "voz ñ.mp3"}) == {"created": True}
    subscription = client.subscribe("jobs:get", access)

    async def news() -> Any:
        async with asyncio.timeout(120):
            return await anext(subscription)

    seen = [await news()]
    for seq, progress in ((2, 12.5), (3, 50)):
        convex.tell(job_id, seq=seq, status="processing", progress=progress)
        seen.append(await news())
    assert [(row["status"], row["seq"], row["progress"]) for row in seen] == [
        ("pending", -1, 0),
        ("processing", 2, 12.5),
        ("processing", 3, 50),
    ]
    assert client.query("jobs:get", access) == seen[-1]
    assert client.mutation("jobs:cancel", access) == {"outcome": "requested"}
    assert (await news())["cancelRequested"] is True
    subscription.unsubscribe()
    with pytest.raises(ConvexError) as refused:
        client.mutation("jobs:create", {"jobId": "none", "ownerToken": OWNER})
    assert refused.value.data["code"] == "invalid_argument"


_PARSE = """
import { build } from "esbuild";
const options = { entryPoints: ["src/job/snapshot.ts"], bundle: true, format: "esm", write: false };
const [{ text }] = (await build(options)).outputFiles;
const { parseSnapshot } = await import("data:text/javascript," + encodeURIComponent(text));
let input = "";
for await (const piece of process.stdin) input += piece;
console.log(JSON.stringify(JSON.parse(input).map(parseSnapshot)));
"""


def test_the_page_s_parser_reads_each_message_as_it_was_meant() -> None:
    sent = [message for message, _ in snapshots().values()]
    process = subprocess.run(
        ["node", "--input-type=module", "--eval", _PARSE],
        input=json.dumps(sent),
        cwd=ROOT / "web",
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    for message, read in zip(sent, json.loads(process.stdout), strict=True):
        expected = {key: value for key, value in message.items() if key != "timestamps"}
        expected |= message["timestamps"]
        if message["userId"] is None:
            del expected["userId"]
        if message["error"]:
            expected["error"] = {key: value for key, value in message["error"].items() if key != "stage"}
        assert read == expected
