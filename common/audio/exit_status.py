"""What it means when ffmpeg ends as it did: its exit and its last words to one of our errors. Pure.

Words count only on lines of level error or fatal (`-loglevel level+…` marks them), since the rest of a
log quotes the tags of the file, and those a stranger wrote.
"""

from __future__ import annotations

import re
import signal

from common.errors import (
    AudioRefused,
    AudioTooCostly,
    AudioTrackMissing,
    AudioTruncated,
    AudioUnreadable,
    RetryLater,
    StorageFull,
)

_CAUGHT = re.compile(r"^\[info\] Exiting normally, received signal (\d+)", re.MULTILINE)
_COMPLAINT = re.compile(r"^(?:\[[^\]\n]*\] )*\[(?:error|fatal|panic)\] .*$", re.MULTILINE)

# The first that is found decides.
_MEANINGS: tuple[tuple[str, type[AudioRefused | StorageFull]], ...] = (
    ("No space left on device", StorageFull),
    ("Disk quota exceeded", StorageFull),
    ("Cannot allocate memory", AudioTooCostly),
    ("Stream map '' matches no streams", AudioTrackMissing),
    ("does not contain any stream", AudioTrackMissing),
    ("moov atom not found", AudioTruncated),
    ("End of file", AudioTruncated),
)

# The kernel's, for going past a limit. SIGABRT is what becomes of a failed allocation in C++.
_OUT_OF_BOUNDS = frozenset({signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGABRT})
_STOPPED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_AFTER_SIGNAL = 255  # ffmpeg's status when it caught one and ended in order


def failure_of(code: int, log: str) -> AudioRefused | StorageFull | RetryLater | None:
    """The exception that the end of a run stands for, or None when it went well.

    `code` is the exit status, or the negated number of the signal that ended it.
    """
    if code == 0:
        return None
    if (number := _signal(code, log)) is not None:
        if number in _STOPPED:  # a shutdown, which says nothing of the recording
            return RetryLater(5, "ffmpeg was told to stop")
        return AudioTooCostly() if number in _OUT_OF_BOUNDS else AudioUnreadable()
    said = complaints(log)
    return next((error() for words, error in _MEANINGS if words in said), AudioUnreadable())


def _signal(code: int, log: str) -> int | None:
    caught = _CAUGHT.search(log) if code == _AFTER_SIGNAL else None
    return int(caught[1]) if caught else -code if code < 0 else None


def complaints(log: str) -> str:
    """The lines in which ffmpeg says that something is wrong."""
    return "\n".join(_COMPLAINT.findall(log))
