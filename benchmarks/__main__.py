"""`python -m benchmarks`: our app and a plain app in one run, with the same stand-in for Groq."""

from __future__ import annotations

import argparse
import compileall
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.app_process import ROOT, AppProcess, run_app
from benchmarks.cgroup import Cgroup, small_cgroup
from benchmarks.load import MB, SMALL_BYTES, UPLOAD_BYTES, WHOLE_BYTES, Upload, recording

APPS = {"plain": ["-m", "benchmarks.plain_app"], "ours": ["local_server.py"]}
AT_ONCE = 5
FIRST_BYTES = 2 * MB
SIZES = (FIRST_BYTES, SMALL_BYTES, WHOLE_BYTES, UPLOAD_BYTES)


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU in ms of all processes, ffmpeg's too; memory in MB, of all processes at the same moment."""

    cpu_to_healthy: float
    idle_rss: float
    first_upload_cpu: float
    cpu_per_mb: float
    own_cpu_per_mb: float
    cpu_per_mb_of_small: float
    refused_cpu_per_mb: float | None
    burst_seconds: float
    peak_rss: float
    own_peak_rss: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--cpus", type=float, default=0.1, help="limit of the cgroup (default 0.1)")
    parser.add_argument("--starts", type=int, default=5, help="starts of each app; the median counts")
    parser.add_argument("--uploads", type=int, default=8, help="uploads of each size, one after another")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        small_cgroup(arguments.cpus) as cgroup,
        _upstream() as upstream,
    ):
        bench = Bench(cgroup, upstream, Path(folder), arguments.starts, arguments.uploads)
        figures = bench.run()
        kind = cgroup.kind
    if arguments.json:
        print(
            json.dumps({"cgroup": kind, "cpus": arguments.cpus, **{k: asdict(v) for k, v in figures.items()}})
        )
    else:
        print(table(figures, f"{arguments.cpus:g} vCPU, 512 MB ({kind})"))


@dataclass(frozen=True, slots=True)
class Bench:
    cgroup: Cgroup
    upstream: str
    folder: Path
    starts: int
    uploads: int

    def run(self) -> dict[str, Figures]:
        _compile()
        uploads = {size: Upload.of(recording(self.folder, size)) for size in SIZES}
        to_healthy: dict[str, list[float]] = {name: [] for name in APPS}
        for _ in range(self.starts):  # in turn, since the speed of a shared machine changes by the minute
            for name in APPS:
                with self._run(name) as app:
                    to_healthy[name].append(app.cpu)
        return {name: self._figures(name, uploads, statistics.median(to_healthy[name])) for name in APPS}

    def _figures(self, name: str, uploads: dict[int, Upload], cpu_to_healthy: float) -> Figures:
        with self._run(name) as app:
            time.sleep(1)
            idle, before = app.rss_mb, app.cpu
            uploads[FIRST_BYTES].send(app.port)
            first = app.cpu - before
            own, megabytes = app.own_cpu, self.uploads * WHOLE_BYTES / MB
            cpu_per_mb = self._measure_uploads(app, uploads[WHOLE_BYTES])
            own_cpu_per_mb = (app.own_cpu - own) / megabytes
            cpu_per_mb_of_small = self._measure_uploads(app, uploads[SMALL_BYTES])
            with app.sample_family():
                burst_seconds = uploads[UPLOAD_BYTES].send_at_once(app.port, AT_ONCE)
            return Figures(
                cpu_to_healthy=cpu_to_healthy,
                idle_rss=idle,
                first_upload_cpu=first,
                cpu_per_mb=cpu_per_mb,
                own_cpu_per_mb=own_cpu_per_mb,
                cpu_per_mb_of_small=cpu_per_mb_of_small,
                refused_cpu_per_mb=self._measure_refusal(app, uploads) if name == "ours" else None,
                burst_seconds=burst_seconds,
                peak_rss=app.peak_family_mb,
                own_peak_rss=app.peak_mb,
            )

    def _measure_uploads(self, app: AppProcess, upload: Upload) -> float:
        """CPU-ms per MB of uploads that are transcribed."""
        before = app.cpu
        for _ in range(self.uploads):
            upload.send(app.port)
        return (app.cpu - before) / (self.uploads * len(upload.body) / MB)

    def _measure_refusal(self, app: AppProcess, uploads: dict[int, Upload]) -> float:
        """CPU-ms per MB of an upload that is refused while its sender sends all of it."""
        upload = uploads[WHOLE_BYTES]
        before = app.cpu
        for _ in range(self.uploads):
            upload.send_too_much(app.port)
        return (app.cpu - before) / (self.uploads * len(upload.body) / MB)

    @contextlib.contextmanager
    def _run(self, name: str) -> Iterator[AppProcess]:
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as data,
            run_app(APPS[name], self.cgroup, self.upstream, Path(data) / "data") as app,
        ):
            yield app


def _compile() -> None:
    """Compile both apps, as the Dockerfile does: else each start would compile them."""
    for folder in ("common", "functions", "benchmarks"):
        compileall.compile_dir(ROOT / folder, quiet=1)
    compileall.compile_file(ROOT / "local_server.py", quiet=1)


@contextlib.contextmanager
def _upstream() -> Iterator[str]:
    """The URL of the stand-in for Groq, which is a process outside the cgroup."""
    command = [sys.executable, "-m", "tests.upstream"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


ROWS = (
    ("CPU-ms to healthy", "cpu_to_healthy", "1.0 × plain"),
    ("idle RSS, MB", "idle_rss", ""),
    ("CPU-ms of the first upload (2 MB)", "first_upload_cpu", ""),
    ("CPU-ms per MB of 22 MB", "cpu_per_mb", "0.6 × plain"),
    ("  without ffmpeg", "own_cpu_per_mb", ""),
    ("CPU-ms per MB of 5 MB", "cpu_per_mb_of_small", "1.0 × plain"),
    ("CPU-ms per MB refused", "refused_cpu_per_mb", ""),
    ("five 25 MB at once, seconds", "burst_seconds", "1.2 × plain"),
    ("  peak RSS, MB", "peak_rss", "100 MB"),
    ("  without ffmpeg", "own_peak_rss", ""),
)


def table(figures: dict[str, Figures], title: str) -> str:
    lines = [f"{title:36}{'plain':>9}{'ours':>9}{'ratio':>8}   aim"]
    for label, field, aim in ROWS:
        plain, ours = getattr(figures["plain"], field), getattr(figures["ours"], field)
        ratio = f"{ours / plain:8.2f}" if plain else " " * 8
        plain_column = f"{plain:9.2f}" if plain is not None else " " * 9
        lines.append(f"{label:36}{plain_column}{ours:9.2f}{ratio}   {aim}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    main()
