"""The one module that runs ffmpeg: on untrusted files, so with no other file, no network, and limits.

This module opens the upload, and ffmpeg reads it through its `fd:` protocol
(https://ffmpeg.org/ffmpeg-protocols.html#fd); the output is written the same way. So no path and no text from
an uploader reaches a command line.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

from common.audio.child import Bounds, supervise
from common.audio.exit_status import error_from_exit
from common.audio.ffmpeg_turns import FfmpegTurns
from common.errors import AudioTooCostly, AudioUnreadable, StorageFull, ToolMissing

# Containers that hold audio themselves. Demuxers such as hls, concat and sbg open other files or never end,
# and a protocol whitelist alone does not stop an ffconcat script from reading the files beside it.
# Of avi, ffmpeg opens embedded subtitles too, but only as srt or ass and under the same whitelist.
_CONTAINERS = (
    "wav,w64,aiff,au,caf,mp3,aac,flac,ogg,mov,matroska,amr,asf,"
    "mpegts,mpeg,flv,avi,ac3,eac3,dts,dtshd,wv,tta,dsf"
)

_DECODERS = (
    "aac,mp1,mp1float,mp2,mp2float,mp3,mp3float,flac,alac,opus,libopus,vorbis,libvorbis,amrnb,amrwb,"
    "wmav1,wmav2,wmapro,wmalossless,wmavoice,ac3,eac3,gsm,gsm_ms,speex,"
    "dca,wavpack,tta,dsd_lsbf,dsd_msbf,dsd_lsbf_planar,dsd_msbf_planar,aac_latm,"
    "pcm_bluray,pcm_dvd,adpcm_swf,g726le,"
    "adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_yamaha,g722,g726,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_COMMON = (
    "-loglevel level+info -nostdin -hide_banner -nostats -max_alloc 67108864 -protocol_whitelist fd "
    f"-format_whitelist {_CONTAINERS} -codec_whitelist {_DECODERS} "
    "-max_streams 16 -probesize 2M -analyzeduration 5M -threads 1 -vn -sn -dn"
)


# Output options to copy a track. A longer queue between ffmpeg's threads makes them switch less often (with
# SCHED_BATCH: a hundredth of the switches, a third of the CPU time).
COPY = "-c copy -thread_queue_size 256"

# MALLOC_ARENA_MAX: each glibc arena reserves 64 MiB of the address space that RLIMIT_AS counts.
_ENVIRONMENT = {"PATH": "/nonexistent", "HOME": "/nonexistent", "LC_ALL": "C", "MALLOC_ARENA_MAX": "1"}

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Ffmpeg:
    """Runs ffmpeg within bounds, at most `at_once` processes on each event loop; none outlives its call."""

    def __init__(self, *, at_once: int = 1, binary: Path | None = None) -> None:
        self._at_once = at_once
        self._binary = binary
        # Mangum may handle each event on a new loop, and who waits belongs to one loop.
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, FfmpegTurns] = WeakKeyDictionary()

    def is_available(self) -> bool:
        """Whether ffmpeg is installed; cheap, since it imports and starts nothing."""
        try:
            return os.access(self.binary(), os.X_OK)
        except ToolMissing:
            return False

    def binary(self) -> Path:
        """The program, searched for at the first call. Raises ToolMissing."""
        if self._binary is None:
            self._binary = _find_installed()
        return self._binary

    async def run(
        self,
        source: Path,
        input_options: str,
        output_options: str,
        *,
        bounds: Bounds,
        output: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> str:
        """Run ffmpeg on `source`; return its log.

        Options are separated by spaces, and none may come from an uploader. With `output`, the last output of
        the command is written to a new file of that name, which is removed when this raises. `on_line` gets
        each line of stdout. Raises ToolMissing, StorageFull, AudioUnreadable, AudioTrackMissing,
        AudioTruncated, AudioTooCostly, and RetryLater when a signal from outside ended ffmpeg.
        """
        program = str(self.binary())
        async with self._turns_here().turn() as turn:
            with _open_source(source) as upload, _create_output(output) as targets:
                target = f"-fs {bounds.output_bytes} -fd {targets[0]} fd:" if targets else ""
                options = f"{_COMMON} {input_options} -i fd: {output_options} {target}"
                process = await _start([program, *options.split()], upload, targets)
                try:
                    code, log = await supervise(process, bounds, on_line, turn.share)
                except TimeoutError as exc:
                    raise AudioTooCostly from exc
                if (error := error_from_exit(code, log)) is not None:
                    raise error
        return log

    def _turns_here(self) -> FfmpegTurns:
        return self._turns.setdefault(asyncio.get_running_loop(), FfmpegTurns(self._at_once))


async def _start(command: Sequence[str], upload: int, targets: Sequence[int]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=upload,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=targets,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as exc:
        raise ToolMissing from exc


def parse_out_time(line: str) -> float | None:
    """The seconds of recording that are done, from a line of `-progress`; None for other lines."""
    found = re.fullmatch(r"out_time_us=(-?\d+)", line)
    return max(0.0, int(found[1]) / 1e6) if found else None


def _find_installed() -> Path:
    # Not with imageio_ffmpeg's own search: it starts the program to see whether it runs, and it may return
    # the system's ffmpeg, which has no `fd:` before version 6 and often lacks years of fixes.
    from importlib.util import find_spec

    spec = find_spec("imageio_ffmpeg")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted(Path(folder, "binaries").glob("ffmpeg-*"), reverse=True):
            return binary
    raise ToolMissing


@contextmanager
def _open_source(source: Path) -> Iterator[int]:
    """A descriptor of the upload itself: no link is followed, and opening a FIFO does not block the loop."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise  # our own mistake, not the uploader's
    except OSError as exc:
        raise AudioUnreadable from exc
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise AudioUnreadable
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _create_output(output: Path | None) -> Iterator[list[int]]:
    """The descriptor of a new file, or none; the file is removed when the block raises."""
    if output is None:
        yield []
        return
    try:
        descriptor = os.open(output, _NEW_FILE, 0o600)
    except OSError as exc:
        if exc.errno in DISK_FULL:
            raise StorageFull from exc
        raise  # our own mistake
    try:
        yield [descriptor]
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
