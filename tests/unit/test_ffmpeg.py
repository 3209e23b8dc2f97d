"""ffmpeg reads nothing but the upload, stays within its bounds, and leaves no process and no file behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.audio.child import Bounds
from common.audio.exit_status import error_from_exit
from common.audio.ffmpeg import Ffmpeg, parse_out_time
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
    """A shell script in ffmpeg's place; it gets ffmpeg's arguments."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return Ffmpeg(binary=path)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(b"whatever")
    return path


# ── the program ───────────────────────────────────────────────────────────────────────────────────


def test_the_program_is_found_without_importing_its_package() -> None:
    code = (
        "import sys; from common.audio.ffmpeg import Ffmpeg; f = Ffmpeg(); assert f.is_available();"
        "print(f.binary()); assert 'imageio_ffmpeg' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == str(program())


async def test_a_missing_program_is_a_missing_tool(tmp_path: Path, upload: Path) -> None:
    ffmpeg = Ffmpeg(binary=tmp_path / "none")
    assert not ffmpeg.is_available()
    with pytest.raises(ToolMissing):
        await ffmpeg.run(upload, "", TO_NOTHING, bounds=AMPLE)


async def test_a_program_that_may_not_be_run_is_a_missing_tool(tmp_path: Path, upload: Path) -> None:
    ffmpeg = script(tmp_path, "exit 0")
    ffmpeg.binary().chmod(0o644)
    assert not ffmpeg.is_available()
    with pytest.raises(ToolMissing):
        await ffmpeg.run(upload, "", TO_NOTHING, bounds=AMPLE)


@pytest.mark.parametrize("package", [None, "json"])
def test_a_package_that_is_missing_or_empty_is_a_missing_tool(
    package: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import find_spec

    spec = find_spec(package) if package else None
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: spec)
    ffmpeg = Ffmpeg()
    assert not ffmpeg.is_available()
    with pytest.raises(ToolMissing):
        ffmpeg.binary()


# ── its input and environment ─────────────────────────────────────────────────────────────────────


async def test_progress_reaches_the_duration_of_the_recording(media: Media) -> None:
    lines: list[str] = []
    await Ffmpeg().run(media("cbr.mp3"), "-progress pipe:1", TO_NOTHING, bounds=AMPLE, on_line=lines.append)
    times = [seconds for line in lines if (seconds := parse_out_time(line)) is not None]
    assert times[-1] == pytest.approx(4, abs=0.1)


async def test_no_path_of_the_upload_reaches_the_command_line(tmp_path: Path) -> None:
    hostile = tmp_path / "-i;$(touch x)\n.mp3"
    hostile.write_bytes(b"whatever")
    lines: list[str] = []
    await script(tmp_path, 'echo "$@"').run(hostile, "", TO_NOTHING, bounds=AMPLE, on_line=lines.append)
    assert "touch" not in lines[0]
    assert " -i fd: " in lines[0]
    assert "-protocol_whitelist fd " in lines[0]


async def test_the_child_process_has_an_empty_environment_its_own_session_and_limits(
    tmp_path: Path, upload: Path
) -> None:
    lines: list[str] = []
    # The limits are set after the start, so the script waits until the last of them is in force.
    ffmpeg = script(
        tmp_path,
        "until /bin/grep -q 'open files  *64 ' /proc/$$/limits; do :; done\n"
        "/usr/bin/env; pwd; /bin/cat /proc/$$/limits; echo $$; /bin/cat /proc/$$/stat",
    )
    bounds = Bounds(cpu=7, wall=60, output_bytes=1000, memory_bytes=300_000_000)
    await ffmpeg.run(upload, "", "", bounds=bounds, on_line=lines.append)
    output = "\n".join(" ".join(line.split()) for line in lines)
    assert "PATH=/nonexistent" in lines
    assert "LC_ALL=C" in lines
    assert "/" in lines
    assert not any(name in output for name in ("USER=", "PYTEST", "VIRTUAL_ENV"))
    assert "Max cpu time 7 9 seconds" in output
    assert f"Max file size {1000 + 2**20} {1000 + 2**20} bytes" in output
    assert "Max address space 300000000 300000000 bytes" in output
    assert "Max core file size 0 0 bytes" in output
    pid, stat = lines[-2], lines[-1]
    assert stat.rpartition(")")[2].split()[3] == pid  # the session's leader


async def test_on_a_system_without_prlimit_ffmpeg_still_runs(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    await Ffmpeg().run(media("cbr.mp3"), "", TO_NOTHING, bounds=AMPLE)


async def test_where_the_scheduler_may_not_be_set_ffmpeg_still_runs(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    await Ffmpeg().run(media("cbr.mp3"), "", TO_NOTHING, bounds=AMPLE)


async def test_a_link_a_pipe_and_a_folder_are_unreadable(tmp_path: Path, media: Media) -> None:
    link, fifo = tmp_path / "link.mp3", tmp_path / "fifo.mp3"
    link.symlink_to(media("cbr.mp3"))
    os.mkfifo(fifo)
    for source in (link, fifo, tmp_path):
        with pytest.raises(AudioUnreadable):
            await Ffmpeg().run(source, "", TO_NOTHING, bounds=AMPLE)


async def test_a_missing_source_is_our_own_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Ffmpeg().run(tmp_path / "gone", "", TO_NOTHING, bounds=AMPLE)


def run_without_whitelists(source: Path) -> None:
    command = [str(program()), "-nostdin", "-i", str(source), "-f", "null", "-"]
    subprocess.run(command, timeout=1, capture_output=True, check=False)


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile sibling.mp3\n", "#EXTM3U\nsibling.mp3\n"])
async def test_a_playlist_posing_as_a_recording_opens_no_other_file(text: str, tmp_path: Path) -> None:
    # A process that opens the FIFO waits for a writer: ffmpeg without our whitelists never ends.
    os.mkfifo(tmp_path / "sibling.mp3")
    hostile = tmp_path / "upload.mp3"
    hostile.write_text(text)
    if text.startswith("ffconcat"):
        with pytest.raises(subprocess.TimeoutExpired):
            run_without_whitelists(hostile)
    with pytest.raises(AudioUnreadable):
        await Ffmpeg().run(hostile, "", TO_NOTHING, bounds=AMPLE)


# ── its output ────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_file_is_readable_by_its_owner_alone(media: Media, tmp_path: Path) -> None:
    out = tmp_path / "out.flac"
    await Ffmpeg().run(media("s16.wav"), "", TO_FLAC, bounds=AMPLE, output=out)
    assert out.read_bytes().startswith(b"fLaC")
    assert out.stat().st_mode & 0o777 == 0o600


async def test_writing_works_while_the_server_holds_many_files_open(media: Media, tmp_path: Path) -> None:
    """Our descriptors then have numbers above the limit of the child."""
    many = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    try:
        await Ffmpeg().run(media("s16.wav"), "", TO_FLAC, bounds=AMPLE, output=tmp_path / "out.flac")
    finally:
        for descriptor in many:
            os.close(descriptor)


async def test_no_file_is_overwritten_and_no_link_followed(media: Media, tmp_path: Path) -> None:
    there, link, target = tmp_path / "there", tmp_path / "link", tmp_path / "target"
    there.write_text("kept")
    link.symlink_to(target)
    for out in (there, link):
        with pytest.raises(FileExistsError):
            await Ffmpeg().run(media("s16.wav"), "", TO_FLAC, bounds=AMPLE, output=out)
    assert there.read_text() == "kept"
    assert not target.exists()


async def test_a_failed_run_leaves_no_file(media: Media, tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable):
        await Ffmpeg().run(media("text.mp3"), "", TO_FLAC, bounds=AMPLE, output=tmp_path / "out")
    assert files_in(tmp_path) == []


async def test_a_full_disk_is_full_storage(media: Media) -> None:
    with pytest.raises(StorageFull):
        await Ffmpeg().run(media("s16.wav"), "", "-map 0:a:0 -f wav -y /dev/full", bounds=AMPLE)


async def test_a_disk_too_full_for_a_new_file_is_full_storage(
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


async def test_ffmpeg_stops_at_the_bound_of_its_output(media: Media, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bounds = Bounds(cpu=60, wall=60, output_bytes=100_000)
    await Ffmpeg().run(media("s16.wav"), "", "-map 0:a:0 -c copy -f s16le", bounds=bounds, output=out)
    assert 90_000 <= out.stat().st_size <= 110_000


async def test_the_kernel_ends_a_program_that_writes_past_its_bound(upload: Path, tmp_path: Path) -> None:
    ffmpeg = script(tmp_path, "while [ $# -gt 2 ]; do shift; done\nexec /bin/cat /dev/zero >/proc/$$/fd/$1")
    out = tmp_path / "out"
    with pytest.raises(AudioTooCostly):
        await ffmpeg.run(upload, "", "", bounds=Bounds(cpu=60, wall=60, output_bytes=1000), output=out)
    assert not out.exists()


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_kernel_ends_a_program_that_uses_up_its_cpu_time(upload: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioTooCostly):
        await script(tmp_path, "while :; do :; done").run(upload, "", "", bounds=Bounds(cpu=1, wall=60))
    assert programs() == []


async def test_ffmpeg_past_its_cpu_time_is_too_costly(media: Media, tmp_path: Path) -> None:
    bounds = Bounds(cpu=1, wall=120, output_bytes=2**32)
    slow_options = "-map 0:a:0 -ar 192000 -c:a libopus -compression_level 10 -ar 48000 -f ogg"
    with pytest.raises(AudioTooCostly):
        await Ffmpeg().run(
            media("silence-bomb.flac"), "", slow_options, bounds=bounds, output=tmp_path / "out"
        )
    assert files_in(tmp_path) == []


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
    started = asyncio.Event()
    work = asyncio.create_task(
        Ffmpeg().run(
            media("silence-bomb.flac"),
            "-progress pipe:1 -stats_period 0.05",
            "-map 0:a:0 -ar 48000 -c:a libopus -f ogg",
            bounds=AMPLE,
            output=out,
            on_line=lambda _: started.set(),
        )
    )
    await started.wait()
    assert len(programs()) == 1
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert programs() == []
    assert not out.exists()


async def test_repeated_cancellation_still_waits_until_the_process_has_ended(
    upload: Path, tmp_path: Path
) -> None:
    started = asyncio.Event()
    ffmpeg = script(tmp_path, "echo started\nexec /bin/sleep 60")
    work = asyncio.create_task(ffmpeg.run(upload, "", "", bounds=AMPLE, on_line=lambda _: started.set()))
    await started.wait()
    while not work.done():
        work.cancel()
        await asyncio.sleep(0)
    assert work.cancelled()
    assert programs() == []


async def test_an_exception_in_on_line_ends_the_process(upload: Path, tmp_path: Path) -> None:
    def on_line(_line: str) -> None:
        raise ValueError("a bug in the callback")

    with pytest.raises(ValueError, match="a bug"):
        await script(tmp_path, "echo started\nexec /bin/sleep 60").run(
            upload, "", "", bounds=AMPLE, on_line=on_line
        )
    assert programs() == []


async def test_the_beginning_and_the_end_of_a_long_log_are_kept(upload: Path, tmp_path: Path) -> None:
    ffmpeg = script(tmp_path, "echo first >&2; /usr/bin/head -c 5000000 /dev/zero >&2; echo last >&2")
    log = await ffmpeg.run(upload, "", "", bounds=AMPLE)
    assert log.startswith("first")
    assert log.endswith("last\n")
    assert len(log) <= 80 * 1024


async def test_an_endless_line_is_not_kept_in_memory(upload: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    ffmpeg = script(tmp_path, "/usr/bin/head -c 5000000 /dev/zero; echo end; echo next")
    await ffmpeg.run(upload, "", "", bounds=AMPLE, on_line=lines.append)
    assert max(map(len, lines)) <= 128 * 1024
    assert lines[-1] == "next"


# ── how many at once ──────────────────────────────────────────────────────────────────────────────


def _two_runs(ffmpeg: Ffmpeg, upload: Path) -> list[str]:
    lines: list[str] = []

    async def both() -> None:
        run = (ffmpeg.run(upload, "", "", bounds=AMPLE, on_line=lines.append) for _ in range(2))
        await asyncio.gather(*run)

    asyncio.run(both())
    return lines


def test_one_process_runs_at_a_time_on_every_event_loop(upload: Path, tmp_path: Path) -> None:
    ffmpeg = script(tmp_path, "echo begin; /bin/sleep 0.1; echo end")
    for _loop in range(2):
        assert _two_runs(ffmpeg, upload) == ["begin", "end", "begin", "end"]


def test_at_once_sets_how_many_processes_run_at_once(upload: Path, tmp_path: Path) -> None:
    wait = f"until [ -e {tmp_path}/a ] && [ -e {tmp_path}/b ]; do :; done"
    body = f"if ! /bin/mkdir {tmp_path}/a; then /bin/mkdir {tmp_path}/b; fi 2>/dev/null; {wait}; echo met"
    ffmpeg = Ffmpeg(at_once=2, binary=script(tmp_path, body).binary())
    assert _two_runs(ffmpeg, upload) == ["met", "met"]


# ── its exit status ───────────────────────────────────────────────────────────────────────────────


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
        # The log quotes tags, and an uploader may write anything into those: they are no errors of ffmpeg.
        (183, "[info]     title    : No space left on device\n", AudioUnreadable),
        (183, "[info]     moov atom not found\n[error] no", AudioUnreadable),
    ],
)
def test_exit_status_and_log_become_one_of_our_errors(
    code: int, log: str, error: type[Exception] | None
) -> None:
    result = error_from_exit(code, log)
    assert type(result) is (error or type(None))


async def test_a_program_that_a_signal_stops_is_to_be_retried(media: Media, tmp_path: Path) -> None:
    started = asyncio.Event()
    work = asyncio.create_task(
        Ffmpeg().run(
            media("silence-bomb.flac"),
            "-progress pipe:1 -stats_period 0.05",
            "-map 0:a:0 -ar 48000 -c:a libopus -f ogg",
            bounds=AMPLE,
            output=tmp_path / "out",
            on_line=lambda _: started.set(),
        )
    )
    await started.wait()
    programs()[0].terminate()
    with pytest.raises(RetryLater):
        await work
    assert files_in(tmp_path) == []
