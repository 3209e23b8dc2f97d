"""Programs that tests run in a process of their own, to be limited, raced or killed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that runs `program`; it may read a line from its standard input to wait for `begin`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def begin(*processes: subprocess.Popen[str]) -> None:
    """Let processes that wait for a line go on at once."""
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()


def programs() -> list[psutil.Process]:
    """Processes of ffmpeg that are alive: each has a session of its own, as only Postgres has beside it."""
    ours, found = os.getsid(0), []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if each.status() == psutil.STATUS_ZOMBIE or each.name() == "postgres":
                continue
            if os.getsid(each.pid) != ours:
                found.append(each)
    return found
