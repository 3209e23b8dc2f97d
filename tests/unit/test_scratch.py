"""Scratch files are removed with their process or, after a kill, at the next start."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.local.scratch import _sentence, scratch_folder
from tests.children import begin, python
from tests.server import ROOT


def test_the_folder_is_removed_at_the_end(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "scratch") as scratch:
        folder = scratch.folder
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_bytes(b"x")
        assert folder.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        (errno.EACCES, f"must belong to user {os.geteuid()}: chown -R {os.geteuid()}:{os.getegid()} /data"),
        (errno.EROFS, "Mount a writable volume"),
        (errno.ENOTDIR, "Not a directory."),
    ],
)
def test_an_unusable_folder_is_explained(problem: int, advice: str) -> None:
    sentence = _sentence(Path("/data/scratch"), OSError(problem, os.strerror(problem)))
    assert sentence.startswith("The folder /data/scratch cannot be made or written to: ")
    assert advice in sentence


def test_two_processes_keep_each_others_folder(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as first, scratch_folder(tmp_path) as second:
        assert first.folder != second.folder
        assert first.folder.is_dir()
        assert second.dead == ()


def test_the_folder_of_a_killed_process_is_removed_at_the_next_start(tmp_path: Path) -> None:
    dying = (
        "import os, pathlib, sys\n"
        "from common.local.scratch import scratch_folder\n"
        "with scratch_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder.folder / 'left').write_bytes(b'x'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", dying, str(tmp_path)], cwd=ROOT, check=False)
    assert len(list(tmp_path.glob("*/left"))) == 1
    (left,) = tmp_path.iterdir()
    with scratch_folder(tmp_path) as scratch:
        assert list(tmp_path.iterdir()) == [scratch.folder]
        assert scratch.dead == (left.name,)


def test_processes_that_start_at_the_same_moment_keep_each_others_folder(tmp_path: Path) -> None:
    program = """
        import sys
        from pathlib import Path
        from common.local.scratch import scratch_folder
        sys.stdin.readline()
        for _ in range(200):
            with scratch_folder(Path(sys.argv[1])) as scratch:
                (scratch.folder / "file").write_text("mine")
                assert (scratch.folder / "file").read_text() == "mine"
        print("well")
    """
    processes = [python(program, str(tmp_path)) for _ in range(4)]
    begin(*processes)
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["well"] * 4
    assert list(tmp_path.iterdir()) == []
