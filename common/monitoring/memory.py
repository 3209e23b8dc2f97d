"""How much memory this process has in use, where the system says so."""

from __future__ import annotations

import os
from pathlib import Path

# https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html: the second number counts resident pages.
_STATM = Path("/proc/self/statm")


def resident_bytes() -> int | None:
    """None on a system without /proc."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
