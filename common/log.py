"""One log event with fields, through Powertools' Logger on both deployment targets.

Never log audio, transcript text, keys, file names or the engine's organisation id.
"""

from __future__ import annotations

import logging
import sys
from functools import cache
from typing import Any, Literal, TextIO

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_level: Level = "INFO"
_common_fields: dict[str, Any] = {}


def set_level(level: Level) -> None:
    """Drop events below `level`; called once at the start."""
    global _level  # noqa: PLW0603 - a process has one log
    _level = level
    _logger.cache_clear()


def correlate(**fields: Any) -> None:
    """Add these fields to every event from now on; for a process that serves one call at a time."""
    _common_fields.clear()
    _common_fields.update(fields)


def log(event: str, *, level: Level = "INFO", exc_info: BaseException | None = None, **fields: Any) -> None:
    """Write one event: JSON to standard error, or a readable line when that is a terminal."""
    number = logging.getLevelNamesMapping()[level]
    if number >= logging.getLevelNamesMapping()[_level]:
        # Powertools writes `extra` with this event alone, so coroutines cannot mix their fields.
        _logger().log(number, event, exc_info=exc_info, extra={**_common_fields, **fields}, stacklevel=2)


@cache
def _logger() -> Any:
    return _readable(sys.stderr) if sys.stderr.isatty() else _structured(sys.stderr)


def _structured(stream: TextIO) -> Any:
    # Imported for the first event: the import costs 70 ms, and /health logs nothing.
    from aws_lambda_powertools import Logger

    return Logger(service="escriba", level=_level, stream=stream, use_rfc3339=True)


def _readable(stream: TextIO) -> logging.Logger:
    # Not Powertools' Logger, which needs a formatter that handles keys as its own does.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Line())
    logger = logging.Logger("escriba", level=_level)  # noqa: LOG001 - nobody else's handlers
    logger.addHandler(handler)
    return logger


class _Line(logging.Formatter):
    """`12:00:01  request  method=GET status=200 seconds=0.2`, for a person on a terminal."""

    _standard = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def __init__(self) -> None:
        super().__init__("%(asctime)s  %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        extra = ((name, value) for name, value in vars(record).items() if name not in self._standard)
        fields = " ".join(f"{name}={value}" for name, value in extra if value is not None)
        level = record.levelname if record.levelno > logging.INFO else ""
        return "  ".join(part for part in (super().formatMessage(record), level, fields) if part)
