"""The command `escriba`: reads its arguments, transcribes, and ends with an exit code.

0: every recording has its files. 1: some have not. 2: the command is wrong. 3: there is no server.
130: interrupted; the same command goes on.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from escriba.arguments import Arguments, CommandInvalid, read_arguments
from escriba.batch import NoServer, run
from escriba.inputs import find_recordings
from escriba.plan import Recording
from escriba.results import Results

DONE, INCOMPLETE, WRONG, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 130


def main(words: Sequence[str] | None = None) -> int:
    try:
        arguments = read_arguments(words)
    except CommandInvalid as exc:
        sys.stderr.write(f"escriba: {exc}\n")
        return WRONG
    try:
        return _transcribe(arguments)
    except NoServer as exc:
        sys.stderr.write(f"escriba: {exc}\n")
        return NO_SERVER
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write(f"{arguments.say('interrupted')}\n")
        return INTERRUPTED


def _transcribe(arguments: Arguments) -> int:
    results = Results(arguments)
    with tempfile.TemporaryDirectory(prefix="escriba-") as folder:
        if recordings := find_recordings(arguments, Path(folder), results):
            asyncio.run(_until_terminated(arguments, recordings, results))
    return DONE if results.is_complete else INCOMPLETE


async def _until_terminated(arguments: Arguments, recordings: Sequence[Recording], results: Results) -> None:
    """SIGTERM ends the command in order, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await run(arguments, recordings, results)
