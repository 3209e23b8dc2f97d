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
from benchmarks.load import MB, UPLOAD_BYTES, WHOLE_BYTES, Upload, recording

APPS = {"plain": ["-m", "benchmarks.plain_app"], "ours": ["local_server.py"]}
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU in ms of the app's own process; that of its children (ffmpeg) is separate. Memory in MB."""

    cpu_to_healthy: float
    idle_rss: float
    first_upload_cpu: float
    cpu_per_mb: float
    children_cpu_per_mb: float
    refused_cpu_per_mb: float | None
    peak_rss: float
    peak_rss_with_children: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--cpus", type=float, default=0.1, help="limit of the cgroup (default 0.1)")
    parser.add_argument("--starts", type=int, default=5, help="starts of each app; the median counts")
    parser.add_argument("--uploads", type=int, default=8, help="22 MB uploads one after another")
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
        small, upload, largest = (
            Upload.of(recording(self.folder, size)) for size in (3 * MB, WHOLE_BYTES, UPLOAD_BYTES)
        )
        to_healthy: dict[str, list[float]] = {name: [] for name in APPS}
        for _ in range(self.starts):  # in turn, since the speed of a shared machine changes by the minute
            for name in APPS:
                with self._run(name) as app:
                    to_healthy[name].append(app.cpu)
        return {
            name: self._figures(name, small, upload, largest, statistics.median(to_healthy[name]))
            for name in APPS
        }

    def _figures(
        self, name: str, small: Upload, upload: Upload, largest: Upload, cpu_to_healthy: float
    ) -> Figures:
        with self._run(name) as app:
            time.sleep(1)
            idle, before = app.rss_mb, app.cpu
            small.send(app.port)
            first = app.cpu - before
            before, children_before = app.cpu, app.children_cpu
            for _ in range(self.uploads):
                upload.send(app.port)
            megabytes = self.uploads * len(upload.body) / MB
            cpu, children = app.cpu - before, app.children_cpu - children_before
            with app.sample_family():
                largest.send_at_once(app.port, AT_ONCE)
            return Figures(
                cpu_to_healthy=cpu_to_healthy,
                idle_rss=idle,
                first_upload_cpu=first,
                cpu_per_mb=cpu / megabytes,
                children_cpu_per_mb=children / megabytes,
                refused_cpu_per_mb=self._measure_refusal(app, upload) if name == "ours" else None,
                peak_rss=app.peak_mb,
                peak_rss_with_children=app.peak_family_mb,
            )

    def _measure_refusal(self, app: AppProcess, upload: Upload) -> float:
        """CPU-ms per MB of an upload that is refused while its sender sends all of it."""
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
    ("CPU-ms per MB", "cpu_per_mb", "0.4 × plain"),
    ("  and in ffmpeg, per MB", "children_cpu_per_mb", ""),
    ("CPU-ms per MB refused", "refused_cpu_per_mb", ""),
    ("peak RSS, five 25 MB at once, MB", "peak_rss", "80 MB"),
    ("  with ffmpeg", "peak_rss_with_children", ""),
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
