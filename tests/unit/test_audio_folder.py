"""Recordings in a folder: their names, their budget, and what crashes leave there."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from common.errors import AudioGone, JobNotFound, StorageFull, UploadExpired
from common.local import audio_folder as module
from common.local.audio_folder import AudioFolder
from common.upload.ticket import UploadTickets
from tests.contract.sample_jobs import NOW, new_id
from tests.serving import wait_until


async def open_folder(root: Path, *, budget_bytes: int = 1000) -> AudioFolder:
    folder = AudioFolder(root, budget_bytes=budget_bytes, tickets=UploadTickets(b"secret"))
    await folder.open()
    return folder


def used_bytes(folder: AudioFolder) -> int:
    return folder._budget.used_bytes


def received(tmp_path: Path, size: int, name: str = "received") -> Path:
    file = tmp_path / name
    file.write_bytes(b"\x01" * size)
    return file


def fail_renames_between_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make renames between folders fail as they do between file systems; renames within one work."""
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)


async def test_a_ticket_admits_its_number_of_bytes_until_it_expires(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    job_id = new_id()
    ticket = await folder.ticket(job_id, max_bytes=1000, now=NOW)
    assert folder.admit(job_id, ticket.fields, now=NOW + 10) == 1000
    with pytest.raises(UploadExpired):
        folder.admit(job_id, ticket.fields, now=ticket.expires_at)


async def test_creating_an_audio_folder_touches_no_file(tmp_path: Path) -> None:
    AudioFolder(tmp_path / "audio", budget_bytes=1, tickets=UploadTickets(b"secret"))
    assert not (tmp_path / "audio").exists()


async def test_only_their_owner_can_read_the_recordings(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    job_id = new_id()
    file = received(tmp_path, 10)
    file.chmod(0o644)
    await folder.keep(job_id, file)
    kept = await folder.fetch(job_id, tmp_path)
    assert kept == tmp_path / "audio" / job_id
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


async def test_the_budget_limits_what_is_kept_and_a_removal_frees_it(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    first, second = new_id(), new_id()
    await folder.keep(first, received(tmp_path, 600))
    refused = received(tmp_path, 401)
    with pytest.raises(StorageFull):
        await folder.keep(second, refused)
    assert refused.exists()
    assert not await folder.has(second)
    assert used_bytes(folder) == 600
    await folder.remove(first)
    await folder.remove(first)
    assert used_bytes(folder) == 0
    await folder.keep(second, refused)
    assert used_bytes(folder) == 401


async def test_a_replaced_recording_counts_by_its_new_size(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    job_id = new_id()
    for size in (600, 900, 300):
        await folder.keep(job_id, received(tmp_path, size))
        assert used_bytes(folder) == size


async def test_uploads_that_end_together_share_one_budget(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    files = [received(tmp_path, 300, str(number)) for number in range(5)]
    outcomes = await asyncio.gather(*(folder.keep(new_id(), file) for file in files), return_exceptions=True)
    assert sum(isinstance(outcome, StorageFull) for outcome in outcomes) == 2
    assert used_bytes(folder) == 900


async def test_opening_counts_the_recordings_in_the_folder(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    for size in (10, 20):
        await folder.keep(new_id(), received(tmp_path, size))
    (tmp_path / "audio" / "README").write_text("this file is no recording")
    assert used_bytes(await open_folder(tmp_path / "audio")) == 30


async def test_a_recording_that_is_removed_during_the_count_counts_nothing(tmp_path: Path) -> None:
    root = tmp_path / "audio"
    root.mkdir()
    (root / new_id()).symlink_to("removed")  # listed, but there is no such file
    assert used_bytes(await open_folder(root)) == 0


async def test_a_recording_from_another_file_system_is_copied_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_renames_between_folders(monkeypatch)
    folder = await open_folder(tmp_path / "audio")
    job_id = new_id()
    file = received(tmp_path, 700)
    await folder.keep(job_id, file)
    assert (await folder.fetch(job_id, tmp_path)).read_bytes() == b"\x01" * 700
    assert not file.exists()
    assert [kept.name for kept in (tmp_path / "audio").iterdir()] == [job_id]
    assert stat.S_IMODE((tmp_path / "audio" / job_id).stat().st_mode) == 0o600


async def test_a_copy_that_fails_leaves_only_the_received_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_renames_between_folders(monkeypatch)

    def fail_halfway(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(shutil, "copyfile", fail_halfway)
    folder = await open_folder(tmp_path / "audio")
    file = received(tmp_path, 700)
    with pytest.raises(OSError, match="Input/output"):
        await folder.keep(new_id(), file)
    assert file.exists()
    assert list((tmp_path / "audio").iterdir()) == []
    assert used_bytes(folder) == 0


async def test_a_move_that_fails_leaves_the_received_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    folder = await open_folder(tmp_path / "audio")
    file = received(tmp_path, 700)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="Input/output"):
        await folder.keep(new_id(), file)
    assert file.exists()
    assert used_bytes(folder) == 0


async def test_a_full_disk_is_storage_full(tmp_path: Path) -> None:
    """In a process of its own, since the limit that simulates the full disk holds for a whole process."""
    program = f"""
        import asyncio, errno, os, resource
        from pathlib import Path
        from common.errors import StorageFull
        from common.local.audio_folder import AudioFolder
        from common.upload.ticket import UploadTickets
        from tests.contract.sample_jobs import new_id
        from tests.unit.test_audio_folder import open_folder, received, used_bytes

        def other_disk(self, target, real=Path.replace):
            if self.parent != target.parent:
                raise OSError(errno.EXDEV, "another disk")
            return real(self, target)

        async def main():
            here = Path({str(tmp_path)!r})
            folder = await open_folder(here / "audio", budget_bytes=10_000_000)
            file = received(here, 500_000)
            Path.replace = other_disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
            try:
                await folder.keep(new_id(), file)
            except StorageFull:
                print(used_bytes(folder), file.exists(), list((here / "audio").iterdir()))
        asyncio.run(main())
    """
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0 True []\n"


async def test_a_partial_copy_that_a_kill_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    await folder.keep(new_id(), received(tmp_path, 10))
    partial = tmp_path / "audio" / f"{new_id()}.half"
    partial.write_bytes(b"half")
    assert used_bytes(await open_folder(tmp_path / "audio")) == 10
    assert not partial.exists()


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        ".",
        "../escriba.sqlite",
        "/etc/passwd",
        "a\0b",
        "x" * 300,
        "{12345678-1234-5678-1234-567812345678}",
        "urn:uuid:12345678-1234-5678-1234-567812345678",
        "12345678123456781234567812345678",
        "12345678-1234-5678-1234-56781234567A",
        "12345678-1234-5678-1234-567812345678\n",
    ],
)
async def test_a_text_that_is_no_job_id_names_no_file(tmp_path: Path, hostile: str) -> None:
    folder = await open_folder(tmp_path / "audio")
    file = received(tmp_path, 10)
    with pytest.raises(JobNotFound):
        await folder.keep(hostile, file)
    with pytest.raises(JobNotFound):
        await folder.fetch(hostile, tmp_path)
    with pytest.raises(JobNotFound):
        await folder.has(hostile)
    with pytest.raises(JobNotFound):
        await folder.remove(hostile)
    with pytest.raises(JobNotFound):
        await folder.ticket(hostile, max_bytes=10, now=NOW)
    assert file.exists()
    assert list((tmp_path / "audio").iterdir()) == []


async def test_a_sweep_removes_recordings_that_no_job_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    folder = await open_folder(tmp_path / "audio")
    needed, unneeded, also_unneeded = [new_id() for _ in range(3)]
    for job_id in (needed, unneeded, also_unneeded):
        await folder.keep(job_id, received(tmp_path, 10))
    (tmp_path / "audio" / "README").write_text("not ours to remove")
    asked: list[str] = []

    async def find_needed(job_ids: list[str]) -> set[str]:
        asked.extend(job_ids)
        return {needed} & set(job_ids)

    assert await folder.sweep(find_needed) == 2
    assert sorted(asked) == sorted([needed, unneeded, also_unneeded])
    assert await folder.has(needed)
    for job_id in (unneeded, also_unneeded):
        with pytest.raises(AudioGone):
            await folder.fetch(job_id, tmp_path)
    assert used_bytes(folder) == 10
    assert (tmp_path / "audio" / "README").exists()


async def need_all(job_ids: list[str]) -> set[str]:
    return set(job_ids)


async def test_a_recording_that_comes_during_a_sweep_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await open_folder(tmp_path / "audio")
    moved, swept = threading.Event(), threading.Event()
    sync = module._sync

    def sync_slowly(path: Path) -> None:
        if path.is_dir():  # the file has just been moved there
            moved.set()
            assert swept.wait(30)
        sync(path)

    monkeypatch.setattr(module, "_sync", sync_slowly)
    keeping = asyncio.create_task(folder.keep(new_id(), received(tmp_path, 300)))
    assert await asyncio.to_thread(moved.wait, 30)
    await folder.sweep(need_all)
    assert used_bytes(folder) == 300
    swept.set()
    await keeping
    assert used_bytes(folder) == 300


async def test_the_same_recording_that_comes_twice_at_once_is_counted_once(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio")
    job_id = new_id()
    await asyncio.gather(*(folder.keep(job_id, received(tmp_path, 300, str(n))) for n in range(3)))
    assert used_bytes(folder) == 300


async def test_an_upload_that_is_cancelled_while_it_is_moved_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await open_folder(tmp_path / "audio")
    started, cancelled = threading.Event(), threading.Event()
    sync = module._sync

    def sync_slowly(path: Path) -> None:
        started.set()
        assert cancelled.wait(30)
        sync(path)

    monkeypatch.setattr(module, "_sync", sync_slowly)
    job_id = new_id()
    keeping = asyncio.create_task(folder.keep(job_id, received(tmp_path, 300)))
    assert await asyncio.to_thread(started.wait, 30)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    cancelled.set()
    await asyncio.to_thread(wait_until, (tmp_path / "audio" / job_id).exists)
    assert used_bytes(folder) == 300


async def test_the_account_matches_the_folder_whatever_happens_at_once(tmp_path: Path) -> None:
    folder = await open_folder(tmp_path / "audio", budget_bytes=100_000)
    chance = random.Random(5)
    ids = [new_id() for _ in range(10)]

    async def step(number: int) -> None:
        job_id = chance.choice(ids)
        if (kind := chance.choice(("keep", "keep", "remove", "sweep"))) == "keep":
            await folder.keep(job_id, received(tmp_path, chance.randint(1, 500), str(number)))
        elif kind == "remove":
            await folder.remove(job_id)
        else:
            await folder.sweep(need_all)

    await asyncio.gather(*(step(number) for number in range(300)))
    assert used_bytes(folder) == sum(file.stat().st_size for file in (tmp_path / "audio").iterdir())


async def test_a_sweep_counts_what_another_process_added(tmp_path: Path) -> None:
    folder, other = await open_folder(tmp_path / "audio"), await open_folder(tmp_path / "audio")
    await other.keep(new_id(), received(tmp_path, 700))
    assert used_bytes(folder) == 0
    assert await folder.sweep(need_all) == 0
    assert used_bytes(folder) == 700
