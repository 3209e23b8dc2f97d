"""The log: JSON for programs, readable lines on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.server import ROOT

EVENTS = """
from common.log import log, set_level
set_level("INFO")
log("job.ended", jobId="6f1c", status="completed", code=None)
log("quiet", level="DEBUG")
try:
    1 / 0
except ZeroDivisionError as exc:
    log("request.broke", level="ERROR", exc_info=exc)
"""


def log_to(stderr: int) -> None:
    subprocess.run([sys.executable, "-c", EVENTS], cwd=ROOT, stderr=stderr, check=True)
    os.close(stderr)


def test_each_event_is_one_line_of_json() -> None:
    reader, writer = os.pipe()
    log_to(writer)
    with os.fdopen(reader, "rb") as lines:
        ended, broke = (json.loads(line) for line in lines)
    assert (ended["message"], ended["level"], ended["jobId"]) == ("job.ended", "INFO", "6f1c")
    assert "timestamp" in ended
    assert broke["level"] == "ERROR"
    assert broke["exception_name"] == "ZeroDivisionError"


def test_on_a_terminal_each_event_is_a_readable_line() -> None:
    screen, terminal = os.openpty()
    log_to(terminal)
    ended, broke, *trace = os.read(screen, 65536).decode().replace("\r\n", "\n").splitlines()
    os.close(screen)
    time, line = ended.split("  ", 1)
    assert len(time) == len("12:00:01")
    assert line == "job.ended  jobId=6f1c status=completed"
    assert broke.endswith("  request.broke  ERROR")
    assert trace[-1] == "ZeroDivisionError: division by zero"
