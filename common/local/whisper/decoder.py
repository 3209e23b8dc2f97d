"""Decodes a recording piece by piece, so that an hour of it takes no more memory than a minute.

PyAV reads the uploaded file itself, so the same hostile files reach it as reach ffmpeg: only real containers
and audio decoders are let in, and nothing that opens another file or address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from common.errors import AudioTooLong, AudioTooShort, AudioTrackMissing, AudioUnreadable

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

RATE = 16_000  # what Whisper hears, in samples a second
SHORTEST = 0.01  # seconds, as Groq has it
_STEP = RATE // 10

_CONTAINERS = "mp3,wav,flac,ogg,matroska,webm,mov,mp4,m4a,mpeg"
_DECODERS = (
    "aac,mp2,mp2float,mp3,mp3float,flac,alac,opus,libopus,vorbis,libvorbis,ac3,eac3,"
    "adpcm_ms,adpcm_ima_wav,gsm_ms,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,"
    "pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
_OPTIONS = {
    "format_whitelist": _CONTAINERS,
    "codec_whitelist": _DECODERS,
    "protocol_whitelist": "",
    "max_streams": "16",
}
# A resampler's tables, and what one frame grows to, follow from these.
_RATES = range(4_000, 400_000)
_MOST_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class Window:
    """16 kHz mono samples between -1 and 1, and where they begin in the recording, in seconds."""

    start: float
    samples: Samples


def measure(file: BinaryIO, *, longest: float, check: Callable[[], None]) -> float:
    """The seconds of sound that really are in `file`, found by decoding it, since headers lie.

    `check` is called between frames and may raise to stop. Raises AudioUnreadable, AudioTrackMissing,
    AudioTooShort, or AudioTooLong past `longest` seconds.
    """
    seconds = 0.0
    for frame in _frames(file):
        check()
        seconds += frame.samples / frame.sample_rate
        if seconds > longest:
            raise AudioTooLong(limit_minutes=round(longest / 60))
    if seconds == 0.0:
        raise AudioUnreadable
    if seconds < SHORTEST:
        raise AudioTooShort(minimum=SHORTEST)
    return seconds


def pieces(file: BinaryIO, *, longest: float, check: Callable[[], None]) -> Iterator[Window]:
    """The recording in pieces of at most `longest` seconds, cut where it is quietest near their end.

    Raises as `measure` does where the file cannot be read.
    """
    import numpy as np

    most, begun = int(longest * RATE), 0
    held = np.empty(0, dtype=np.int16)
    for block in _blocks(file, RATE * 5):
        check()
        held = np.concatenate([held, block])
        while len(held) > most:
            cut = _quietest(held[:most], after=most * 3 // 4)
            yield _piece(begun, held[:cut])
            begun, held = begun + cut, held[cut:]
    if len(held):
        yield _piece(begun, held)


def _piece(begun: int, samples: npt.NDArray[np.int16]) -> Window:
    import numpy as np

    return Window(begun / RATE, samples.astype(np.float32) / 32_768.0)


def _quietest(samples: npt.NDArray[np.int16], *, after: int) -> int:
    """The middle of the quietest fifth of a second past `after`, in samples; `samples` may end anywhere."""
    import numpy as np

    tail = samples[after:]
    steps = np.abs(tail[: len(tail) // _STEP * _STEP].astype(np.int32)).reshape(-1, _STEP).sum(axis=1)
    if len(steps) < 2:
        return len(samples)
    return after + (int(np.argmin(steps[:-1] + steps[1:])) + 1) * _STEP


def _blocks(file: BinaryIO, size: int) -> Iterator[npt.NDArray[np.int16]]:
    """16 kHz mono in blocks of about `size` samples: joining each small frame by itself would be slow."""
    import numpy as np

    held: list[npt.NDArray[np.int16]] = []
    for samples in _resampled(file):
        held.append(samples)
        if sum(map(len, held)) >= size:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _resampled(file: BinaryIO) -> Iterator[npt.NDArray[np.int16]]:
    """Each frame at 16 kHz mono. A recording may change its rate or channels on the way (chained ogg)."""
    resampler, shape = None, None
    for frame in _frames(file):
        if shape != (shape := (frame.format.name, frame.layout.name, frame.sample_rate)):
            yield from _through(resampler, None)
            resampler = _resampler()
        frame.pts = None  # streams with holes or wrong times are no less readable
        yield from _through(resampler, frame)
    yield from _through(resampler, None)


def _resampler() -> av.AudioResampler:
    import av

    return av.AudioResampler(format="s16", layout="mono", rate=RATE)


def _through(
    resampler: av.AudioResampler | None, frame: av.AudioFrame | None
) -> Iterator[npt.NDArray[np.int16]]:
    import av

    try:
        ready = resampler.resample(frame) if resampler else []
    except av.FFmpegError as exc:  # channels that nothing says how to mix
        raise AudioUnreadable from exc
    for out in ready:
        yield out.to_ndarray()[0]


def _frames(file: BinaryIO) -> Iterator[av.AudioFrame]:
    """Every frame of the first audio track that can be decoded; damaged packets are passed over."""
    import av

    file.seek(0)
    try:
        with av.open(file, "r", metadata_errors="ignore", options=_OPTIONS) as container:
            for packet in container.demux(_track(container)):
                yield from _decoded(packet)
    except (av.FFmpegError, OSError) as exc:  # the latter from seeking beyond the ends of a tiny file
        raise AudioUnreadable from exc


def _track(container: av.container.InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise AudioTrackMissing
    track = container.streams.audio[0]
    # The whitelist above rules what is opened to look inside; the decoder proper is PyAV's own choice.
    if track.codec_context is None or track.codec_context.name not in _DECODERS.split(","):
        raise AudioUnreadable
    return track


def _decoded(packet: av.Packet[av.AudioStream]) -> Iterator[av.AudioFrame]:
    import av

    try:
        frames = packet.decode()
    except av.InvalidDataError:
        return
    for frame in frames:
        _accept(frame)
        yield frame


def _accept(frame: av.AudioFrame) -> None:
    if frame.sample_rate not in _RATES or frame.layout.nb_channels > _MOST_CHANNELS:
        raise AudioUnreadable
