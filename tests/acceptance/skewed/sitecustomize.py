"""Imported by Python itself at the start of a server under test: its clock is off by what SKEW_FILE says."""
# ruff: noqa: INP001 - it is no part of a package, Python looks for it by this name

from __future__ import annotations

import os
import time
from pathlib import Path

_true_time = time.time
_skew = Path(os.environ["SKEW_FILE"])


def _skewed_time() -> float:
    return _true_time() + float(_skew.read_text())


time.time = _skewed_time
