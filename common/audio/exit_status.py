"""Turns ffmpeg's exit status and its log into one of our errors. Pure.

Only lines of level error, fatal or panic count (`-loglevel level+…` marks them): other lines quote the tags
of the file, and an uploader may have written anything into those.
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

_CAUGHT_SIGNAL = re.compile(r"^\[info\] Exiting normally, received signal (\d+)", re.MULTILINE)
_ERROR_LINE = re.compile(r"^(?:\[[^\]\n]*\] )*\[(?:error|fatal|panic)\] .*$", re.MULTILINE)

# The first text that the error lines contain decides.
_ERRORS: tuple[tuple[str, type[AudioRefused | StorageFull]], ...] = (
    ("No space left on device", StorageFull),
    ("Disk quota exceeded", StorageFull),
    ("Cannot allocate memory", AudioTooCostly),
    ("Stream map '' matches no streams", AudioTrackMissing),
    ("does not contain any stream", AudioTrackMissing),
    ("moov atom not found", AudioTruncated),
    ("End of file", AudioTruncated),
)

# The kernel sends these to a process that exceeds a limit. A failed allocation in C++ ends in SIGABRT.
_LIMIT_SIGNALS = frozenset({signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGABRT})
_SHUTDOWN_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_NO_OUTPUT = "At least one output file must be specified"  # the end of a run that only reads the header
_EXIT_AFTER_SIGNAL = 255  # ffmpeg caught a signal and ended in order


def error_from_exit(code: int, log: str) -> AudioRefused | StorageFull | RetryLater | None:
    """The exception to raise for the end of a run; None when it succeeded.

    `code` is the exit status, or the negated number of the signal that ended the process.
    """
    if code == 0:
        return None
    if (number := _signal(code, log)) is not None:
        if number in _SHUTDOWN_SIGNALS:  # a shutdown: it says nothing about the recording
            return RetryLater(5, "restart")
        return AudioTooCostly() if number in _LIMIT_SIGNALS else AudioUnreadable()
    errors = error_lines(log)
    if _NO_OUTPUT in errors:
        return None
    return next((error() for text, error in _ERRORS if text in errors), AudioUnreadable())


def _signal(code: int, log: str) -> int | None:
    caught = _CAUGHT_SIGNAL.search(log) if code == _EXIT_AFTER_SIGNAL else None
    return int(caught[1]) if caught else -code if code < 0 else None


def error_lines(log: str) -> str:
    """The lines of level error, fatal or panic."""
    return "\n".join(_ERROR_LINE.findall(log))
