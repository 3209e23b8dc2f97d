"""ffmpeg reaches nothing but the upload, stays within its bounds, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.audio.child import Bounds
from common.audio.exit_status import failure_of
from common.audio.ffmpeg import Ffmpeg, out_seconds
from common.errors import (
    AudioTooCostly,
    AudioTrackMissing,
    AudioTruncated,
    AudioUnreadable,
    RetryLater,
    StorageFull,
    ToolMissing,
)
from tests.children import programs
from tests.media import Media, program

AMPLE = Bounds(cpu=60, wall=120, output_bytes=2**30)
TO_NOTHING = "-map 0:a:0 -c copy -f null /dev/null"
TO_FLAC = "-map 0:a:0 -c:a flac -f flac"


def script(folder: Path, body: str) -> Ffmpeg:
    """A program of ours in ffmpeg's place; it is given ffmpeg's arguments."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return Ffmpeg(binary=path)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(b"whatever")
    return path


# ── the program ───────────────────────────────────────────────────────────────────────────────────


def test_finds_the_program_without_importing_its_package() -> None:
    code = (
        "import sys; from common.audio.ffmpeg import Ffmpeg; f = Ffmpeg(); assert f.available();"
        "print(f.binary()); assert 'imageio_ffmpeg' not in sys.modules"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == str(program())


async def test_says_so_when_the_program_is_missing(tmp_path: Path, upload: Path) -> None:
    ffmpeg = Ffmpeg(binary=tmp_path / "none")
    assert not ffmpeg.available()
    with pytest.raises(ToolMissing):
        await ffmpeg.run(upload, "", TO_NOTHING, bounds=AMPLE)


async def test_says_so_when_the_program_may_not_be_run(tmp_path: Path, upload: Path) -> None:
    ffmpeg = script(tmp_path, "exit 0")
    ffmpeg.binary().chmod(0o644)
    assert not ffmpeg.available()
    with pytest.raises(ToolMissing):
        await ffmpeg.run(upload, "", TO_NOTHING, bounds=AMPLE)


@pytest.mark.parametrize("package", [None, "json"])
def test_says_so_when_the_package_is_missing_or_empty(
    package: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import find_spec

    found = find_spec(package) if package else None
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: found)
    ffmpeg = Ffmpeg()
    assert not ffmpeg.available()
    with pytest.raises(ToolMissing):
        ffmpeg.binary()


# ── what it is given ──────────────────────────────────────────────────────────────────────────────


async def test_reads_a_recording_and_tells_its_progress(media: Media) -> None:
    lines: list[str] = []
    await Ffmpeg().run(media("cbr.mp3"), "-progress pipe:1", TO_NOTHING, bounds=AMPLE, on_line=lines.append)
    told = [seconds for line in lines if (seconds := out_seconds(line)) is not None]
    assert told[-1] == pytest.approx(4, abs=0.1)


async def test_no_path_of_the_upload_reaches_the_command_line(tmp_path: Path) -> None:
    hostile = tmp_path / "-i;$(touch x)\n.mp3"
    hostile.write_bytes(b"whatever")
    lines: list[str] = []
    await script(tmp_path, 'echo "$@"').run(hostile, "", TO_NOTHING, bounds=AMPLE, on_line=lines.append)
    assert "touch" not in lines[0]
    assert " -i fd: " in lines[0]
    assert "-protocol_whitelist fd " in lines[0]


async def test_the_child_has_an_empty_environment_a_session_of_its_own_and_limits(
    tmp_path: Path, upload: Path
) -> None:
    lines: list[str] = []
    # The limits come after the start, so the script waits until the last of them is in force.
    ffmpeg = script(
        tmp_path,
        "until /bin/grep -q 'open files  *64 ' /proc/$$/limits; do :; done\n"
        "/usr/bin/env; pwd; /bin/cat /proc/$$/limits; echo $$; /bin/cat /proc/$$/stat",
    )
    bounds = Bounds(cpu=7, wall=60, output_bytes=1000, memory_bytes=300_000_000)
    await ffmpeg.run(upload, "", "", bounds=bounds, on_line=lines.append)
    said = "\n".join(" ".join(line.split()) for line in lines)
    assert "PATH=/nonexistent" in lines
    assert "LC_ALL=C" in lines
    assert "/" in lines
    assert not any(name in said for name in ("USER=", "PYTEST", "VIRTUAL_ENV"))
    assert "Max cpu time 7 9 seconds" in said
    assert f"Max file size {1000 + 2**20} {1000 + 2**20} bytes" in said
    assert "Max address space 300000000 300000000 bytes" in said
    assert "Max core file size 0 0 bytes" in said
    pid, stat = lines[-2], lines[-1]
    assert stat.rpartition(")")[2].split()[3] == pid  # the session's leader


async def test_where_the_system_has_no_prlimit_the_other_bounds_hold(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    await Ffmpeg().run(media("cbr.mp3"), "", TO_NOTHING, bounds=AMPLE)


async def test_where_the_scheduler_may_not_be_chosen_the_work_is_done_all_the_same(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    await Ffmpeg().run(media("cbr.mp3"), "", TO_NOTHING, bounds=AMPLE)


async def test_a_link_a_pipe_or_a_folder_is_no_upload(tmp_path: Path, media: Media) -> None:
    link, fifo = tmp_path / "link.mp3", tmp_path / "fifo.mp3"
    link.symlink_to(media("cbr.mp3"))
    os.mkfifo(fifo)
    for source in (link, fifo, tmp_path):
        with pytest.raises(AudioUnreadable):
            await Ffmpeg().run(source, "", TO_NOTHING, bounds=AMPLE)


async def test_a_source_that_is_not_there_is_our_own_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Ffmpeg().run(tmp_path / "gone", "", TO_NOTHING, bounds=AMPLE)


def careless(source: Path) -> None:
    command = [str(program()), "-nostdin", "-i", str(source), "-f", "null", "-"]
    subprocess.run(command, timeout=1, capture_output=True, check=False)


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile sibling.mp3\n", "#EXTM3U\nsibling.mp3\n"])
async def test_a_script_that_calls_itself_a_recording_opens_no_file_beside_it(
    text: str, tmp_path: Path
) -> None:
    # Whoever opens the FIFO waits there for a writer: a careless ffmpeg never comes back.
    os.mkfifo(tmp_path / "sibling.mp3")
    hostile = tmp_path / "upload.mp3"
    hostile.write_text(text)
    if text.startswith("ffconcat"):
        with pytest.raises(subprocess.TimeoutExpired):
            careless(hostile)
    with pytest.raises(AudioUnreadable):
        await Ffmpeg().run(hostile, "", TO_NOTHING, bounds=AMPLE)


# ── what it writes ────────────────────────────────────────────────────────────────────────────────


async def test_writes_a_new_file_only_its_owner_may_read(media: Media, tmp_path: Path) -> None:
    out = tmp_path / "out.flac"
    await Ffmpeg().run(media("s16.wav"), "", TO_FLAC, bounds=AMPLE, output=out)
    assert out.read_bytes().startswith(b"fLaC")
    assert out.stat().st_mode & 0o777 == 0o600


async def test_writes_as_well_when_the_server_holds_many_files_open(media: Media, tmp_path: Path) -> None:
    """Descriptors of ours are then above the number that the child may open."""
    many = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    try:
        await Ffmpeg().run(media("s16.wav"), "", TO_FLAC, bounds=AMPLE, output=tmp_path / "out.flac")
    finally:
        for descriptor in many:
            os.close(descriptor)


async def test_never_writes_over_a_file_or_through_a_link(media: Media, tmp_path: Path) -> None:
    there, link, target = tmp_path / "there", tmp_path / "link", tmp_path / "target"
    there.write_text("kept")
    link.symlink_to(target)
    for out in (there, link):
        with pytest.raises(FileExistsError):
            await Ffmpeg().run(media("s16.wav"), "", TO_FLAC, bounds=AMPLE, output=out)
    assert there.read_text() == "kept"
    assert not target.exists()


async def test_leaves_no_file_when_it_fails(media: Media, tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable):
        await Ffmpeg().run(media("text.mp3"), "", TO_FLAC, bounds=AMPLE, output=tmp_path / "out")
    assert left_in(tmp_path) == []


async def test_says_so_when_the_disk_is_full(media: Media) -> None:
    with pytest.raises(StorageFull):
        await Ffmpeg().run(media("s16.wav"), "", "-map 0:a:0 -f wav -y /dev/full", bounds=AMPLE)


async def test_says_so_when_no_file_can_be_made_for_want_of_room(
    media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def full(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(28, "No space left on device")
        return real(path, flags, mode)

    monkeypatch.setattr("common.audio.ffmpeg.os.open", full)
    with pytest.raises(StorageFull):
        await Ffmpeg().run(media("s16.wav"), "", TO_FLAC, bounds=AMPLE, output=tmp_path / "out")


async def test_output_stops_at_its_bound(media: Media, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bounds = Bounds(cpu=60, wall=60, output_bytes=100_000)
    await Ffmpeg().run(media("s16.wav"), "", "-map 0:a:0 -c copy -f s16le", bounds=bounds, output=out)
    assert 90_000 <= out.stat().st_size <= 110_000


async def test_a_program_that_writes_past_its_bound_is_ended_by_the_kernel(
    upload: Path, tmp_path: Path
) -> None:
    ffmpeg = script(tmp_path, "while [ $# -gt 2 ]; do shift; done\nexec /bin/cat /dev/zero >/proc/$$/fd/$1")
    out = tmp_path / "out"
    with pytest.raises(AudioTooCostly):
        await ffmpeg.run(upload, "", "", bounds=Bounds(cpu=60, wall=60, output_bytes=1000), output=out)
    assert not out.exists()


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_program_that_spins_is_ended_by_its_cpu_time(upload: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioTooCostly):
        await script(tmp_path, "while :; do :; done").run(upload, "", "", bounds=Bounds(cpu=1, wall=60))
    assert programs() == []


async def test_real_work_past_its_cpu_time_is_refused(media: Media, tmp_path: Path) -> None:
    bounds = Bounds(cpu=1, wall=120, output_bytes=2**32)
    slowly = "-map 0:a:0 -ar 192000 -c:a libopus -compression_level 10 -ar 48000 -f ogg"
    with pytest.raises(AudioTooCostly):
        await Ffmpeg().run(media("silence-bomb.flac"), "", slowly, bounds=bounds, output=tmp_path / "out")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [
        "exec /bin/sleep 60",
        "/bin/sleep 60 &\n/bin/sleep 60",  # a grandchild that holds the pipes
        "trap '' TERM INT\nwhile :; do /bin/sleep 1; done",
        "/bin/cat /dev/zero >&2 &\nexec /bin/cat /dev/zero",  # a flood on both pipes
    ],
)
async def test_after_a_timeout_no_process_is_left(body: str, upload: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bounds = Bounds(cpu=60, wall=0.5, output_bytes=1)
    with pytest.raises(AudioTooCostly):
        await script(tmp_path, body).run(upload, "", "", bounds=bounds, output=out)
    assert programs() == []
    assert not out.exists()


async def test_after_a_cancellation_no_process_and_no_file_is_left(media: Media, tmp_path: Path) -> None:
    out = tmp_path / "out"
    begun = asyncio.Event()
    work = asyncio.create_task(
        Ffmpeg().run(
            media("silence-bomb.flac"),
            "-progress pipe:1 -stats_period 0.05",
            "-map 0:a:0 -ar 48000 -c:a libopus -f ogg",
            bounds=AMPLE,
            output=out,
            on_line=lambda _: begun.set(),
        )
    )
    await begun.wait()
    assert len(programs()) == 1
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert programs() == []
    assert not out.exists()


async def test_cancelled_over_and_over_it_still_stays_until_the_process_is_gone(
    upload: Path, tmp_path: Path
) -> None:
    begun = asyncio.Event()
    ffmpeg = script(tmp_path, "echo begun\nexec /bin/sleep 60")
    work = asyncio.create_task(ffmpeg.run(upload, "", "", bounds=AMPLE, on_line=lambda _: begun.set()))
    await begun.wait()
    while not work.done():
        work.cancel()
        await asyncio.sleep(0)
    assert work.cancelled()
    assert programs() == []


async def test_a_listener_that_fails_ends_the_process(upload: Path, tmp_path: Path) -> None:
    def listener(_line: str) -> None:
        raise ValueError("no ear for this")

    with pytest.raises(ValueError, match="no ear"):
        await script(tmp_path, "echo begun\nexec /bin/sleep 60").run(
            upload, "", "", bounds=AMPLE, on_line=listener
        )
    assert programs() == []


async def test_of_a_long_log_the_beginning_and_the_end_are_kept(upload: Path, tmp_path: Path) -> None:
    ffmpeg = script(tmp_path, "echo first >&2; /usr/bin/head -c 5000000 /dev/zero >&2; echo last >&2")
    log = await ffmpeg.run(upload, "", "", bounds=AMPLE)
    assert log.startswith("first")
    assert log.endswith("last\n")
    assert len(log) <= 80 * 1024


async def test_a_line_without_an_end_is_not_kept_in_memory(upload: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    ffmpeg = script(tmp_path, "/usr/bin/head -c 5000000 /dev/zero; echo end; echo next")
    await ffmpeg.run(upload, "", "", bounds=AMPLE, on_line=lines.append)
    assert max(map(len, lines)) <= 128 * 1024
    assert lines[-1] == "next"


# ── one at a time ─────────────────────────────────────────────────────────────────────────────────


def _two_runs(ffmpeg: Ffmpeg, upload: Path) -> list[str]:
    lines: list[str] = []

    async def both() -> None:
        run = (ffmpeg.run(upload, "", "", bounds=AMPLE, on_line=lines.append) for _ in range(2))
        await asyncio.gather(*run)

    asyncio.run(both())
    return lines


def test_runs_one_at_a_time_on_whichever_loop(upload: Path, tmp_path: Path) -> None:
    ffmpeg = script(tmp_path, "echo begin; /bin/sleep 0.1; echo end")
    for _loop in range(2):
        assert _two_runs(ffmpeg, upload) == ["begin", "end", "begin", "end"]


def test_runs_as_many_at_once_as_it_is_told(upload: Path, tmp_path: Path) -> None:
    wait = f"until [ -e {tmp_path}/a ] && [ -e {tmp_path}/b ]; do :; done"
    body = f"if ! /bin/mkdir {tmp_path}/a; then /bin/mkdir {tmp_path}/b; fi 2>/dev/null; {wait}; echo met"
    ffmpeg = Ffmpeg(at_once=2, binary=script(tmp_path, body).binary())
    assert _two_runs(ffmpeg, upload) == ["met", "met"]


# ── what its end means ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "log", "error"),
    [
        (0, "[error] something small", None),
        (183, "[in#0 @ 0x1] [error] moov atom not found\n", AudioTruncated),
        (234, "[fatal] Stream map '' matches no streams.\n", AudioTrackMissing),
        (228, "[out#0/flac @ 0x1] [error] Error writing trailer: No space left on device\n", StorageFull),
        (228, "[error] Disk quota exceeded\n", StorageFull),
        (244, "[in#0 @ 0x1] [error] Error opening input: Cannot allocate memory\n", AudioTooCostly),
        (183, "[error] Invalid data found when processing input\n", AudioUnreadable),
        (1, "", AudioUnreadable),
        (-9, "", AudioTooCostly),
        (-11, "", AudioUnreadable),
        (-24, "", AudioTooCostly),
        (-25, "", AudioTooCostly),
        (255, "[info] Exiting normally, received signal 24.\n", AudioTooCostly),
        (255, "[info] Exiting normally, received signal 15.\n", RetryLater),
        (255, "[error] Invalid data found when processing input\n", AudioUnreadable),
        (-15, "", RetryLater),
        # Tags are quoted in a log, and a stranger wrote them: they are no complaint of ffmpeg's.
        (183, "[info]     title    : No space left on device\n", AudioUnreadable),
        (183, "[info]     moov atom not found\n[error] no", AudioUnreadable),
    ],
)
def test_the_end_of_a_run_becomes_one_of_our_errors(
    code: int, log: str, error: type[Exception] | None
) -> None:
    problem = failure_of(code, log)
    assert type(problem) is (error or type(None))


async def test_a_program_that_someone_else_stops_is_no_failure_of_the_recording(
    media: Media, tmp_path: Path
) -> None:
    begun = asyncio.Event()
    work = asyncio.create_task(
        Ffmpeg().run(
            media("silence-bomb.flac"),
            "-progress pipe:1 -stats_period 0.05",
            "-map 0:a:0 -ar 48000 -c:a libopus -f ogg",
            bounds=AMPLE,
            output=tmp_path / "out",
            on_line=lambda _: begun.set(),
        )
    )
    await begun.wait()
    programs()[0].terminate()
    with pytest.raises(RetryLater):
        await work
    assert left_in(tmp_path) == []
