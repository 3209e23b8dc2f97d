"""The real server, which writes each SQLite statement that it runs to `statements` in its data folder.

One a line, after the seconds of a steady clock, with `?` for values.
"""

from __future__ import annotations

import os
import re
import runpy
import sqlite3
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, TextIO

_VALUE = re.compile(r"'[^']*'|\b\d+(?:\.\d+)?\b")
_connect = sqlite3.connect


def connect(log: TextIO, *arguments: Any, **more: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = _connect(*arguments, **more)
    connection.set_trace_callback(partial(write, log))
    return connection


def write(log: TextIO, statement: str) -> None:
    log.write(f"{time.monotonic():.3f} {_VALUE.sub('?', ' '.join(statement.split()))}\n")


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)
    folder = Path(os.environ["DATA_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    sqlite3.connect = partial(connect, (folder / "statements").open("a", buffering=1))  # type: ignore[assignment]
    runpy.run_path("local_server.py", run_name="__main__")
