"""The one place that runs ffmpeg: on strangers' files, so with nothing that it could read, reach or exhaust.

The upload is opened here and read through ffmpeg's `fd:` protocol (https://ffmpeg.org/ffmpeg-protocols.html#fd),
the output written likewise: no path and no word of a stranger reaches a command line.
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

from common.audio.child import Bounds, follow
from common.audio.exit_status import failure_of
from common.errors import AudioTooCostly, AudioUnreadable, StorageFull, ToolMissing

# Real containers only. hls, concat, sbg and their like open other files or never end, and a protocol
# whitelist alone does not stop an ffconcat script from reading its neighbours.
_CONTAINERS = "wav,w64,aiff,au,caf,mp3,aac,flac,ogg,mov,matroska,amr,asf"

_DECODERS = (
    "aac,mp1,mp1float,mp2,mp2float,mp3,mp3float,flac,alac,opus,libopus,vorbis,libvorbis,amrnb,amrwb,"
    "wmav1,wmav2,wmapro,wmalossless,wmavoice,ac3,eac3,gsm,gsm_ms,speex,"
    "adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_yamaha,g722,g726,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_COMMON = (
    "-loglevel level+info -nostdin -hide_banner -nostats -max_alloc 67108864 -protocol_whitelist fd "
    f"-format_whitelist {_CONTAINERS} -codec_whitelist {_DECODERS} "
    "-max_streams 16 -probesize 2M -analyzeduration 5M -threads 1 -vn -sn -dn"
)


# An output option for tracks that are copied: room between ffmpeg's threads, so that they take turns less
# often (with SCHED_BATCH: a hundredth as often, and a third of the CPU time).
COPY = "-c copy -thread_queue_size 256"

# MALLOC_ARENA_MAX: each glibc arena reserves 64 MiB of the address space that RLIMIT_AS counts.
_ENVIRONMENT = {"PATH": "/nonexistent", "HOME": "/nonexistent", "LC_ALL": "C", "MALLOC_ARENA_MAX": "1"}

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Ffmpeg:
    """Runs ffmpeg, `at_once` at a time on each event loop, every run within its bounds and gone after it."""

    def __init__(self, *, at_once: int = 1, binary: Path | None = None) -> None:
        self._at_once = at_once
        self._binary = binary
        # Mangum may serve each event on a loop of its own, and a semaphore belongs to one loop.
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    def available(self) -> bool:
        """Whether there is an ffmpeg to run; cheap, since nothing is imported or started."""
        try:
            return os.access(self.binary(), os.X_OK)
        except ToolMissing:
            return False

    def binary(self) -> Path:
        """The program, found when first asked for. ToolMissing when it is not installed."""
        if self._binary is None:
            self._binary = _installed()
        return self._binary

    async def run(
        self,
        source: Path,
        before: str,
        after: str,
        *,
        bounds: Bounds,
        output: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> str:
        """Read `source` with the input options `before` and the output options `after`; give back the log.

        The options are ours, parted by spaces. With `output`, a new file of that name takes what the last
        output writes; it is gone again when this raises. `on_line` gets each line of stdout. Raises
        ToolMissing, StorageFull, AudioUnreadable, AudioTrackMissing, AudioTruncated, AudioTooCostly, and
        RetryLater when someone else ended it.
        """
        program = str(self.binary())
        async with self._place():
            with _opened(source) as upload, _created(output) as targets:
                to = f"-fs {bounds.output_bytes} -fd {targets[0]} fd:" if targets else ""
                options = f"{_COMMON} {before} -i fd: {after} {to}"
                process = await _started([program, *options.split()], upload, targets)
                try:
                    code, log = await follow(process, bounds, on_line)
                except TimeoutError as exc:
                    raise AudioTooCostly from exc
                if (problem := failure_of(code, log)) is not None:
                    raise problem
        return log

    def _place(self) -> asyncio.Semaphore:
        return self._places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._at_once))


async def _started(command: Sequence[str], upload: int, targets: Sequence[int]) -> asyncio.subprocess.Process:
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


def out_seconds(line: str) -> float | None:
    """The seconds of recording that a line of `-progress` speaks of, if it does."""
    found = re.fullmatch(r"out_time_us=(-?\d+)", line)
    return max(0.0, int(found[1]) / 1e6) if found else None


def _installed() -> Path:
    # Found without imageio_ffmpeg's own search, which starts the program to see whether it runs and takes
    # a system ffmpeg by chance: those before version 6 have no `fd:`, and many are years without fixes.
    from importlib.util import find_spec

    spec = find_spec("imageio_ffmpeg")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted(Path(folder, "binaries").glob("ffmpeg-*"), reverse=True):
            return binary
    raise ToolMissing


@contextmanager
def _opened(source: Path) -> Iterator[int]:
    """A descriptor of the upload itself: no link is followed, and a FIFO does not hold the event loop."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise  # our own mistake, not the stranger's
    except OSError as exc:
        raise AudioUnreadable from exc
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise AudioUnreadable
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _created(output: Path | None) -> Iterator[list[int]]:
    """The descriptor of a new file, or none; the file is removed again when the block raises."""
    if output is None:
        yield []
        return
    try:
        descriptor = os.open(output, _NEW_FILE, 0o600)
    except OSError as exc:
        if exc.errno in _FULL:
            raise StorageFull from exc
        raise  # our own mistake
    try:
        yield [descriptor]
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
