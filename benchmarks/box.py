"""A cgroup the size of the smallest container: 0.1 vCPU and 512 MB, where one may be made."""

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
class Box:
    """`folders` are those whose `cgroup.procs` a process joins; none when it runs unbounded."""

    kind: str
    folders: tuple[Path, ...] = ()

    def join(self) -> None:
        """Put this process in, to stay with all that it starts."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))


@contextlib.contextmanager
def small_box(cpus: float) -> Iterator[Box]:
    """A box of `cpus` and 512 MB; of kind `none`, and why, when this machine lets us make none."""
    name = f"escriba-bench-{secrets.token_hex(4)}"
    with contextlib.ExitStack() as made:
        try:
            box = _version_2(name, cpus, made) if (ROOT / "cgroup.controllers").exists() else None
            box = box or _version_1(name, cpus, made)
        except OSError as exc:
            made.close()
            box = Box(f"none: {exc.strerror}")
        yield box


def _version_1(name: str, cpus: float, made: contextlib.ExitStack) -> Box:
    cpu = _made(ROOT / "cpu" / name, made)
    memory = _made(ROOT / "memory" / name, made)
    (cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (cpu / "cpu.cfs_quota_us").write_text(str(int(cpus * PERIOD_US)))
    (memory / "memory.limit_in_bytes").write_text(str(MEMORY_BYTES))
    return Box("cgroup v1", (cpu, memory))


def _version_2(name: str, cpus: float, made: contextlib.ExitStack) -> Box | None:
    if not {"cpu", "memory"} <= set((ROOT / "cgroup.subtree_control").read_text().split()):
        return None
    folder = _made(ROOT / name, made)
    (folder / "cpu.max").write_text(f"{int(cpus * PERIOD_US)} {PERIOD_US}")
    (folder / "memory.max").write_text(str(MEMORY_BYTES))
    return Box("cgroup v2", (folder,))


def _made(folder: Path, made: contextlib.ExitStack) -> Path:
    folder.mkdir()
    made.callback(_remove, folder)
    return folder


def _remove(folder: Path) -> None:
    for _ in range(50):  # what was killed in it takes a moment to be gone
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.1)
