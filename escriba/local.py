"""Runs a server on this machine for one command: its own port, its own data, and gone with the command.

Its data folder outlives it, so that a command that was interrupted goes on; the next sweep of a later one
removes what has expired.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

_LISTENS = re.compile(rb"listens on (http://\S+?), ")
_MOST_FOLDERS = 16
_TO_STOP = 30.0  # seconds that a server whose command was killed may take to stop

# A laptop, not a small container; audio of failed jobs goes after a day.
_SETTINGS = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "LOG_LEVEL": "WARNING",
    "MAX_JOB_UPLOAD_MB": "2000",
    "MAX_AUDIO_MINUTES": "1440",
    "MAX_QUEUE": "10000",
    "STORAGE_MB": "20000",
    "RETENTION_HOURS": "24",
    "SHUTDOWN_TIMEOUT": "10",
}
# What the environment may decide: the engine, not who may call or where jobs are sent.
_INHERITED = re.compile(r"(GROQ_|QUOTA_|ENGINE_|PIECES_AT_ONCE|FFMPEG_AT_ONCE|JOBS_AT_ONCE)")
_OF_THE_SYSTEM = re.compile(
    r"(PATH|HOME|TMPDIR|LANG|LC_|PYTHON|VIRTUAL_ENV|XDG_|HF_|SSL_|HTTPS?_PROXY|NO_PROXY)", re.IGNORECASE
)


class ServerEnded(Exception):
    """The server did not start, or is gone; the text is its last line."""


class LocalServer:
    """`url` answers until the block of `local_server` ends."""

    def __init__(self, url: str, process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
        self.url, self._process, self._errors = url, process, errors

    async def ended(self) -> ServerEnded:
        """Return when it ends by itself, which it must not."""
        await self._process.wait()
        return ServerEnded(_last_line(self._errors))


@asynccontextmanager
async def local_server(state: Path) -> AsyncIterator[LocalServer]:
    """Raises ServerEnded when it cannot start."""
    async with _data_folder(state) as (folder, lock):
        with (folder / "server.log").open("w+b") as errors:
            process = await _start(folder, lock, errors)
            try:
                yield LocalServer(await _address(process, errors), process, errors)
            finally:
                await asyncio.shield(_stop(process))


async def _start(folder: Path, lock: int, errors: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "escriba.server_process",
        env=_environment(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
        pass_fds=[lock],  # so the folder is taken until the server, too, has ended
        start_new_session=True,  # Ctrl-C is for the command, which stops the server
    )


async def _address(process: asyncio.subprocess.Process, errors: IO[bytes]) -> str:
    assert process.stdout
    line = await process.stdout.readline()
    if found := _LISTENS.search(line):
        return found[1].decode()
    await process.wait()
    raise ServerEnded(_last_line(errors))


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        async with asyncio.timeout(_TO_STOP):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if _INHERITED.match(name) or _OF_THE_SYSTEM.match(name)
    }
    return {**kept, **_SETTINGS, "DATA_DIR": str(folder / "data")}


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "?"


# ── one server a folder ───────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _data_folder(state: Path) -> AsyncIterator[tuple[Path, int]]:
    """The first folder that no other command uses, and the descriptor of its lock."""
    for number in range(1, _MOST_FOLDERS + 1):
        folder = _private_folder(_private_folder(state) / f"server-{number}")
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if await _take(lock):
                os.truncate(lock, 0)
                os.pwrite(lock, str(os.getpid()).encode(), 0)
                yield folder, lock
                return
        finally:
            os.close(lock)
    raise ServerEnded(f"{_MOST_FOLDERS} commands run at this moment")


def _private_folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


async def _take(lock: int) -> bool:
    """Whether the folder is ours now. The server of a command that was killed is given time to stop."""
    deadline = time.monotonic() + _TO_STOP
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if _is_running(os.pread(lock, 20, 0)) or time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)


def _is_running(pid: bytes) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
