"""Runs one app as a process in a cgroup, and measures its CPU and memory."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from benchmarks.cgroup import Cgroup

ROOT = Path(__file__).parent.parent
MB = 1024 * 1024


class AppProcess:
    """CPU in milliseconds, of the app's process and of the children that it has waited for; memory in MB."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self._process = psutil.Process(process.pid)
        self.peak_family_mb = 0.0

    @property
    def own_cpu(self) -> float:
        """Of the app's process alone."""
        times = self._process.cpu_times()
        return 1000 * (times.user + times.system)

    @property
    def cpu(self) -> float:
        """Of all processes: the app's and the ffmpegs that it has waited for."""
        times = self._process.cpu_times()
        return self.own_cpu + 1000 * (times.children_user + times.children_system)

    @property
    def rss_mb(self) -> float:
        return float(self._process.memory_info().rss) / MB

    @property
    def peak_mb(self) -> float:
        """The peak memory of the app's own process."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    @contextlib.contextmanager
    def sample_family(self) -> Iterator[None]:
        """Sample the memory of the process and its children 20 times a second; keep the peak."""
        done = threading.Event()
        sampling = threading.Thread(target=self._sample, args=[done])
        sampling.start()
        try:
            yield
        finally:
            done.set()
            sampling.join()

    def _sample(self, done: threading.Event) -> None:
        while not done.wait(0.05):
            total = 0
            for process in (self._process, *self._process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
            self.peak_family_mb = max(self.peak_family_mb, total / MB)


@contextlib.contextmanager
def run_app(
    command: Sequence[str], cgroup: Cgroup, upstream: str, data: Path, **settings: str
) -> Iterator[AppProcess]:
    """An app that runs with `settings` and has answered its first GET /health with 200."""
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GROQ_", "COVERAGE"))},
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATA_DIR": str(data),
        "CACHE_MB": "0",  # the same recording is sent many times, and each is to be transcribed
        "GROQ_BASE_URL": upstream,
        "GROQ_API_KEY": "bench",
        **settings,
    }
    with (
        (data.with_suffix(".log")).open("wb") as log,
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=cgroup.join,  # noqa: PLW1509 - no other thread runs yet
        ) as process,
    ):
        try:
            _wait_until_healthy(port, process, data.with_suffix(".log"))
            yield AppProcess(process, port)
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Connecting costs the app nothing before it listens: the kernel refuses the connection."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the app ended before it was healthy: {log.read_text()[-2000:]}")
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=60):
            break
        time.sleep(0.02)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60) as answer:
        assert answer.status == 200


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
