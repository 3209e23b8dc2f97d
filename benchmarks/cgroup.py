"""A cgroup with the limits of the smallest container, 0.1 vCPU and 512 MB, where the system permits one."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMORY_BYTES = 512 * 1024 * 1024
PERIOD_US = 100_000


@dataclass(frozen=True, slots=True)
class Cgroup:
    """`folders` have the `cgroup.procs` that a process joins; empty when it runs without limits."""

    kind: str
    folders: tuple[Path, ...] = ()

    def join(self) -> None:
        """Move this process, and every process that it starts, into the cgroup."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))


@contextlib.contextmanager
def small_cgroup(cpus: float) -> Iterator[Cgroup]:
    """A cgroup of `cpus` and 512 MB; its kind is `none` and the reason where the system permits none."""
    name = f"escriba-bench-{secrets.token_hex(4)}"
    with contextlib.ExitStack() as stack:
        try:
            cgroup = _version_2(name, cpus, stack) if (ROOT / "cgroup.controllers").exists() else None
            cgroup = cgroup or _version_1(name, cpus, stack)
        except OSError as exc:
            stack.close()
            cgroup = Cgroup(f"none: {exc.strerror}")
        yield cgroup


def _version_1(name: str, cpus: float, stack: contextlib.ExitStack) -> Cgroup:
    cpu = _make_folder(ROOT / "cpu" / name, stack)
    memory = _make_folder(ROOT / "memory" / name, stack)
    (cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (cpu / "cpu.cfs_quota_us").write_text(str(int(cpus * PERIOD_US)))
    (memory / "memory.limit_in_bytes").write_text(str(MEMORY_BYTES))
    return Cgroup("cgroup v1", (cpu, memory))


def _version_2(name: str, cpus: float, stack: contextlib.ExitStack) -> Cgroup | None:
    if not {"cpu", "memory"} <= set((ROOT / "cgroup.subtree_control").read_text().split()):
        return None
    folder = _make_folder(ROOT / name, stack)
    (folder / "cpu.max").write_text(f"{int(cpus * PERIOD_US)} {PERIOD_US}")
    (folder / "memory.max").write_text(str(MEMORY_BYTES))
    return Cgroup("cgroup v2", (folder,))


def _make_folder(folder: Path, stack: contextlib.ExitStack) -> Path:
    folder.mkdir()
    stack.callback(_remove, folder)
    return folder


def _remove(folder: Path) -> None:
    for _ in range(50):  # a killed process leaves it after a moment
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.1)
