"""The real server as a process of its own, for tests that talk to it, watch it and kill it."""

from __future__ import annotations

import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

ROOT = Path(__file__).parent.parent


# Outside the range that the system takes ports from for connections: a server may start again on its port.
_PORTS = random.SystemRandom().sample(range(20_000, 32_000), 12_000)


def free_port() -> int:
    """A TCP port that nobody uses, and that no other test process gets while this one runs.

    The UDP port of the same number is the reservation: the system gives it to one process and takes it back
    when that ends.
    """
    while True:
        port = _PORTS.pop()
        with suppress(OSError), socket.socket() as probe:
            _reserve(port)
            probe.bind(("127.0.0.1", port))
            return port


def _reserve(port: int) -> None:
    """Raises OSError when another process has it."""
    reservation = socket.socket(type=socket.SOCK_DGRAM)
    atexit.register(reservation.close)
    reservation.bind(("127.0.0.1", port))


class Server:
    """`python local_server.py` on a free port; its data in `data_dir`, its output in `log`."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.log_path = data_dir.with_suffix(".log")
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.orphans: list[psutil.Process] = []
        self.program = "local_server.py"

    def start(self, *, healthy_within: float = 120) -> Server:
        """Start, or start again on the same port and data, and wait until it is healthy."""
        settings = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "CACHE_MB": "0",  # tests send a recording twice, and mean it
            **self.environment,
        }
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", self.program],
                cwd=ROOT,
                env=settings | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_until_healthy(healthy_within)
        return self

    def _wait_until_healthy(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log}")
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"not healthy within {seconds} s:\n{self.log}")

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def ps(self) -> psutil.Process:
        assert self.process is not None
        return psutil.Process(self.process.pid)

    def kill(self) -> None:
        """As the machine does when memory runs out. What it ran at that moment is kept in `orphans`."""
        assert self.process is not None
        self.orphans += self.ps.children(recursive=True)
        self.process.kill()
        self.process.wait()

    def stop(self, *, within: float = 60) -> int:
        """SIGTERM, and the exit code it ends with."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
