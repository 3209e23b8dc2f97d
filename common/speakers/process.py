"""Runs the child process that listens to voices: one at a time, one thread, low priority, within limits."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import common
from common.audio.child import Beside, Bounds, supervise
from common.errors import SpeakersFailed
from common.speakers.stretch import BYTES_A_SECOND, Stretch

# One thread: on a tenth of a processor more only compete, and each takes memory of its own.
_ENVIRONMENT = {
    "LD_LIBRARY_PATH": f"{sys.base_exec_prefix}/lib",  # where Lambda has Python's own library
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "PATH": "/nonexistent",
    "HOME": "/nonexistent",
}
# glibc keeps what a batch has freed for the next one: to get it from the kernel each time was a tenth of the
# CPU time. To group hours would take 20 MB more by it.
_ENVIRONMENTS = {
    "embed": {
        **_ENVIRONMENT,
        "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
        "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
    },
    "assign": _ENVIRONMENT,
}

_SEGMENTATION = 0.2  # of the work: to hear who speaks when goes before the embeddings

# The listening of one event loop goes one by one: its memory is there once.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def embed(
    pcm: Path,
    stretch: Stretch,
    *,
    on_share: Callable[[float], None] = lambda _: None,
    beside: Beside | None = None,
) -> bytes:
    """What is kept of a stretch whose samples `pcm` holds: its embeddings, and which voices speak when.

    Calls `on_share` with how much (0 to 1) is done; `beside` runs as long. Raises SpeakersFailed.
    """
    packed: list[bytes] = []
    read = _reader(packed, on_share)
    seconds = (await asyncio.to_thread(pcm.stat)).st_size / BYTES_A_SECOND
    bounds = Bounds.of_cpu(20 + 0.6 * seconds)
    await _run("embed", stretch.to_json(), pcm, bounds, read, beside=beside)
    return b"".join(packed)


def _reader(packed: list[bytes], on_share: Callable[[float], None]) -> Callable[[str], None]:
    """Takes the child's lines one by one: it says twice how many follow."""
    shares = iter((_SEGMENTATION, 1 - _SEGMENTATION))
    done, share, count, left = 0.0, 0.0, 0, 0

    def read(line: str) -> None:
        nonlocal done, share, count, left
        if left:
            packed.append(b64decode(line))
            left -= 1
        else:
            done += share
            share, count = next(shares), int(line)
            left = count
        on_share(done + share * (1 - left / count) if count else done + share)

    return read


async def assign(request: Path, *, least: int, most: int, beside: Beside | None = None) -> list[Any]:
    """What the child says of a request; see `common.speakers.child`. Raises SpeakersFailed."""
    lines: list[Any] = []
    bounds = Bounds.of_cpu(60)
    given = json.dumps({"least": least, "most": most})
    await _run("assign", given, request, bounds, lambda line: lines.append(json.loads(line)), beside=beside)
    return lines


async def _run(
    command: str,
    given: str,
    source: Path,
    bounds: Bounds,
    on_line: Callable[[str], None],
    *,
    beside: Beside | None = None,
) -> None:
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with turn, AsyncExitStack() as stack:
        file = stack.enter_context(source.open("rb"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "common.speakers.child", command, str(os.getpid()), given),
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**_ENVIRONMENTS[command], "PYTHONPATH": os.pathsep.join(_folders())},
            cwd="/",
            start_new_session=True,
        )
        ready = asyncio.Event()

        def read(line: str) -> None:
            if ready.is_set():
                on_line(line)
            ready.set()

        try:
            code, _ = await supervise(process, bounds, read, beside and _once(ready, beside))
        except TimeoutError as exc:
            raise SpeakersFailed from exc
    if code:
        raise SpeakersFailed from ChildFailed(f"{command} ended with {code}")


def _folders() -> Iterator[str]:
    """Where the child finds our modules, and numpy: on Lambda that is a layer's."""
    yield str(Path(common.__file__).resolve().parents[1])
    if (numpy := find_spec("numpy")) and numpy.origin:
        yield str(Path(numpy.origin).parents[1])


def _once(ready: asyncio.Event, beside: Beside) -> Beside:
    """A child that was stopped before it is `ready` would stay for ever if the server was killed then."""

    async def wait(pid: int, timer: asyncio.Timeout) -> None:
        await ready.wait()
        await beside(pid, timer)

    return wait


class ChildFailed(Exception):
    """The child process ended with an error; its words may hold times of speech, so they are not kept."""
