"""FastAPI works after the start was sped up: in a process of its own, which that changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc, sys
from common.local.server import startup

startup.freeze_imports()
assert gc.isenabled() and not gc.get_freeze_count()
startup.speed_up_imports()
assert not gc.isenabled()

from typing import Annotated
from fastapi import APIRouter, FastAPI, Header, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel

class Answer(BaseModel):
    wait: float
    tag: str | None

app = FastAPI()

@app.get("/wait/{name}")
async def wait(
    name: str, wait: Annotated[float, Query(ge=0)], tag: Annotated[str | None, Header()] = None
) -> Answer:
    return Answer(wait=wait, tag=tag)

startup.freeze_imports()
assert gc.isenabled() and gc.get_freeze_count() > 10_000
assert not sys.modules["pydantic.v1"]
client = TestClient(app)
assert client.get("/wait/x?wait=2", headers={"tag": "t"}).json() == {"wait": 2.0, "tag": "t"}
assert client.get("/wait/x?wait=-2").status_code == 422
document = client.get("/openapi.json").json()
assert document["paths"]["/wait/{name}"]["get"]["parameters"][1]["schema"]["minimum"] == 0
assert "Answer" in document["components"]["schemas"]
"""


def test_parameters_answers_and_openapi_work_after_imports_were_sped_up() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


MEMORY = """
import platform, resource
from common.local.memory import reuse_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def count_faults():
    before = faults()
    for _ in range(50):
        buffers = [bytes(256 * 1024) for _ in range(4)]
        del buffers
    return faults() - before

is_glibc = platform.libc_ver()[0] == "glibc"
assert reuse_memory() == is_glibc
count_faults()
assert count_faults() < 500 or not is_glibc, "each buffer is mapped anew"
"""


def test_the_memory_of_buffers_is_used_again() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


START = """
import sys, local_server
late = {"common.transcription.pipeline", "common.audio.probe", "common.download.fetch", "common.jobs.run"}
found = late & sys.modules.keys()
assert not found, found
"""


def test_a_start_imports_nothing_that_only_a_recording_needs() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
