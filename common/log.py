"""One log event with fields, through Powertools' Logger in both homes.

Never log audio, transcript text, keys, file names or the engine's organisation id.
"""

from __future__ import annotations

import logging
import sys
from functools import cache
from typing import Any, Literal, TextIO

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_level: Level = "INFO"
_standing: dict[str, Any] = {}


def set_level(level: Level) -> None:
    """The least level that is written; called once by whoever composes the services."""
    global _level  # noqa: PLW0603 - a process has one log
    _level = level
    _logger.cache_clear()


def correlate(**fields: Any) -> None:
    """Fields of every event from now on: where a process serves one call at a time, what names that call."""
    _standing.clear()
    _standing.update(fields)


def log(event: str, *, level: Level = "INFO", exc_info: BaseException | None = None, **fields: Any) -> None:
    """Write one event: JSON to standard error, or a readable line when that is a terminal."""
    number = logging.getLevelNamesMapping()[level]
    if number >= logging.getLevelNamesMapping()[_level]:
        # Powertools' own `extra` keys stay with this one call, so coroutines cannot mix their fields.
        _logger().log(number, event, exc_info=exc_info, extra={**_standing, **fields}, stacklevel=2)


@cache
def _logger() -> Any:
    return _readable(sys.stderr) if sys.stderr.isatty() else _structured(sys.stderr)


def _structured(stream: TextIO) -> Any:
    # Imported when something is first logged: it costs 70 ms, and being healthy logs nothing.
    from aws_lambda_powertools import Logger

    return Logger(service="escriba", level=_level, stream=stream, use_rfc3339=True)


def _readable(stream: TextIO) -> logging.Logger:
    # Not Powertools' Logger: whatever formatter it is given must keep keys for it as its own does.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Line())
    logger = logging.Logger("escriba", level=_level)  # noqa: LOG001 - nobody else's handlers
    logger.addHandler(handler)
    return logger


class _Line(logging.Formatter):
    """`12:00:01  request  method=GET status=200 seconds=0.2`: for eyes, on a terminal."""

    _standard = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def __init__(self) -> None:
        super().__init__("%(asctime)s  %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        told = ((name, value) for name, value in vars(record).items() if name not in self._standard)
        fields = " ".join(f"{name}={value}" for name, value in told if value is not None)
        level = record.levelname if record.levelno > logging.INFO else ""
        return "  ".join(part for part in (super().formatMessage(record), level, fields) if part)
