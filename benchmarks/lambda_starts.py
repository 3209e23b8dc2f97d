"""`python -m benchmarks.lambda_starts`: the cost of a new sandbox for each function, and the size of the
code.

With AWS's own runtime client and an emulator of AWS; CPU is that of a whole core of this machine.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.aws.world import World, world_of
from tests.recorded import http_event, recorded, socket_event, sqs_event
from tests.server import ROOT
from tests.upstream import KEY, Upstream

BUILT = ROOT / "build" / "lambda"


@dataclass(frozen=True, slots=True)
class Start:
    """CPU in milliseconds: before its first event, for the first, for a later one."""

    init: float
    first: float
    later: float
    memory_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lambda_starts", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--starts", type=int, default=5, help="new sandboxes of each; the median counts")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Upstream(key=KEY) as upstream,
        world_of(upstream, Path(folder)) as world,
    ):
        starts = {
            name: _median([_start(world, name, event) for _ in range(arguments.starts)])
            for name, event in _events().items()
        }
    sizes = dict(_sizes())
    if arguments.json:
        print(json.dumps({"starts": {name: asdict(start) for name, start in starts.items()}, "mb": sizes}))
    else:
        print(_table(starts, sizes))


def _events() -> dict[str, dict[str, Any]]:
    """For each function one event that it answers without other services."""
    root = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
    speech = (ROOT / "tests" / "data" / "english-short.wav").read_bytes()
    job = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"

    def request(method: str, path: str, **content: Any) -> dict[str, Any]:
        return http_event(httpx.Request(method, root + path, **content))

    form = {"files": {"file": ("speech.wav", speech)}}
    return {
        "health": request("GET", "/health"),
        "transcribe": request("POST", "/transcribe", **form),
        "openai_audio": request("POST", "/v1/audio/transcriptions", data={"model": "whisper-1"}, **form),
        "transcribe_job": request("POST", "/transcribe-job", **form),
        "job": request("GET", f"/job/{job}"),
        "transcription_ws": socket_event("message", "L0SM9cOFvHcCIhw=", {"jobId": job}),
        "run_job": sqs_event(json.dumps({"jobId": job, "dueAt": 0})),
        "sweep": recorded("schedule"),
    }


def _start(world: World, name: str, event: dict[str, Any]) -> Start:
    with world.sandbox(name) as sandbox:
        process = psutil.Process(sandbox.process.pid)
        cpu = [_cpu(process)]
        for _ in range(2):
            sandbox.invoke(event)
            cpu.append(_cpu(process))
        memory = process.memory_info().rss / 1024 / 1024
    return Start(cpu[0], cpu[1] - cpu[0], cpu[2] - cpu[1], memory)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return 1000 * float(times.user + times.system)


def _median(starts: list[Start]) -> Start:
    columns = zip(*(asdict(start).values() for start in starts), strict=True)
    return Start(*(statistics.median(column) for column in columns))


def _sizes() -> Iterator[tuple[str, float]]:
    """Megabytes of what `make lambda` built, as files and as the zip for the upload."""
    for name in ("code", "ffmpeg", "speakers"):
        files = [path for path in (BUILT / name).rglob("*") if path.is_file()]
        yield name, sum(path.stat().st_size for path in files) / 1e6
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
            for path in files:
                package.write(path, path.relative_to(BUILT / name))
        yield f"{name}, zipped", archive.tell() / 1e6


def _table(starts: dict[str, Start], sizes: dict[str, float]) -> str:
    lines = ["| function | start, CPU ms | first call | later calls | memory MB |", "|---|---|---|---|---|"]
    lines += [
        f"| `{name}` | {start.init:.0f} | {start.first:.0f} | {start.later:.0f} | {start.memory_mb:.0f} |"
        for name, start in starts.items()
    ]
    megabytes = ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items())
    return "\n".join([*lines, "", f"Deployed: {megabytes}."])


if __name__ == "__main__":
    main()
