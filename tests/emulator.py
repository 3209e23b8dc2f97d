"""AWS on this machine: an emulator as a process of its own, its services over real HTTP.

It has a virtual environment of its own (`.venv/aws-tools`), since it pins other versions than we use.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server import ROOT, free_port

TOOLS = ROOT / ".venv" / "aws-tools" / "bin"
REGION = "us-east-1"

# Another process may take a free port before the emulator listens on it.
_PORTS_TRIED = 3


class Emulator:
    """tests/gateway.py on a free port; its output is in `log_path`."""

    port: int
    url: str

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.log_path = folder / "emulator.log"
        self._environment = environment
        self._clients: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, within: float = 60) -> Emulator:
        for _ in range(_PORTS_TRIED):
            if self._starts(within):
                return self
        raise AssertionError(f"it ended {_PORTS_TRIED} times:\n{self.log_path.read_text()}")

    def _starts(self, within: float) -> bool:
        """Start it, and whether it became healthy; it ends on a port that another process took."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {
            "PATH": os.environ["PATH"],
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "TMPDIR": str(self.folder),
            "LOG_LEVEL": "WARNING",
            **self._environment,
        }
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [TOOLS / "python", "-P", ROOT / "tests" / "gateway.py"],
                cwd=self.folder,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            try:
                if httpx.get(f"{self.url}/_ministack/health", timeout=5).status_code == 200:
                    return True
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"not healthy within {within} s:\n{self.log_path.read_text()}")

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    @contextmanager
    def reached(self) -> Iterator[None]:
        """boto3 clients that are made in the body call it."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield

    def client(self, service: str) -> Any:
        from boto3.session import Session

        assert self._process is not None
        ended = self._process.poll()
        assert ended is None, f"the emulator ended with {ended}:\n{self.log_path.read_text()[-4000:]}"
        if service not in self._clients:
            with self.reached():
                self._clients[service] = Session().client(service)
        return self._clients[service]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:  # a busy machine is no failure of what was tested
                self._process.kill()
                self._process.wait()


@cache
def emulator() -> Emulator:
    """One for all tests of this process, started by the first that needs it."""
    folder = tempfile.TemporaryDirectory(prefix="escriba-aws-")
    started = Emulator(Path(folder.name)).start()
    atexit.register(folder.cleanup)
    atexit.register(started.stop)
    return started
