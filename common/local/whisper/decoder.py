"""Decodes a recording section by section, so that an hour takes no more memory than a minute.

PyAV reads the uploaded file itself, so it gets the same hostile files as ffmpeg does: only containers that
hold audio themselves and audio decoders are allowed, nothing that opens another file or an address.
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

RATE = 16_000  # Whisper's sample rate, in Hz
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
# These limit the resampler's tables and the size of a resampled frame.
_RATES = range(4_000, 400_000)
_MOST_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class Section:
    """16 kHz mono samples between -1 and 1, and their start in the recording, in seconds."""

    start: float
    samples: Samples


def measure_duration(file: BinaryIO, *, longest: float, check: Callable[[], None]) -> float:
    """The seconds of sound in `file`, measured by decoding it, since headers may be wrong.

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


def split_sections(file: BinaryIO, *, longest: float, check: Callable[[], None]) -> Iterator[Section]:
    """The recording in sections of at most `longest` seconds, cut where it is quietest near their end.

    Raises what `measure_duration` raises where the file cannot be read.
    """
    import numpy as np

    most, start = int(longest * RATE), 0
    buffer = np.empty(0, dtype=np.int16)
    for block in _blocks(file, RATE * 5):
        check()
        buffer = np.concatenate([buffer, block])
        while len(buffer) > most:
            cut = _find_quietest(buffer[:most], after=most * 3 // 4)
            yield _section(start, buffer[:cut])
            start, buffer = start + cut, buffer[cut:]
    if len(buffer):
        yield _section(start, buffer)


def _section(start: int, samples: npt.NDArray[np.int16]) -> Section:
    import numpy as np

    return Section(start / RATE, samples.astype(np.float32) / 32_768.0)


def _find_quietest(samples: npt.NDArray[np.int16], *, after: int) -> int:
    """The index of the middle of the quietest fifth of a second after index `after`."""
    import numpy as np

    tail = samples[after:]
    steps = np.abs(tail[: len(tail) // _STEP * _STEP].astype(np.int32)).reshape(-1, _STEP).sum(axis=1)
    if len(steps) < 2:
        return len(samples)
    return after + (int(np.argmin(steps[:-1] + steps[1:])) + 1) * _STEP


def _blocks(file: BinaryIO, size: int) -> Iterator[npt.NDArray[np.int16]]:
    """16 kHz mono in blocks of about `size` samples: appending each small frame alone would be slow."""
    import numpy as np

    frames: list[npt.NDArray[np.int16]] = []
    for samples in _resampled_frames(file):
        frames.append(samples)
        if sum(map(len, frames)) >= size:
            yield np.concatenate(frames)
            frames = []
    if frames:
        yield np.concatenate(frames)


def _resampled_frames(file: BinaryIO) -> Iterator[npt.NDArray[np.int16]]:
    """Each frame at 16 kHz mono. The rate or the channels may change within a recording (chained ogg)."""
    resampler, shape = None, None
    for frame in _frames(file):
        if shape != (shape := (frame.format.name, frame.layout.name, frame.sample_rate)):
            yield from _resample(resampler, None)
            resampler = _new_resampler()
        frame.pts = None  # else gaps and wrong times in the stream would stop the resampler
        yield from _resample(resampler, frame)
    yield from _resample(resampler, None)


def _new_resampler() -> av.AudioResampler:
    import av

    return av.AudioResampler(format="s16", layout="mono", rate=RATE)


def _resample(
    resampler: av.AudioResampler | None, frame: av.AudioFrame | None
) -> Iterator[npt.NDArray[np.int16]]:
    import av

    try:
        frames = resampler.resample(frame) if resampler else []
    except av.FFmpegError as exc:  # a channel layout that cannot be mixed to mono
        raise AudioUnreadable from exc
    for resampled in frames:
        yield resampled.to_ndarray()[0]


def _frames(file: BinaryIO) -> Iterator[av.AudioFrame]:
    """Every frame of the first audio track that can be decoded; damaged packets are skipped."""
    import av

    file.seek(0)
    try:
        with av.open(file, "r", metadata_errors="ignore", options=_OPTIONS) as container:
            for packet in container.demux(_audio_track(container)):
                yield from _decode(packet)
    except (av.FFmpegError, OSError) as exc:  # an OSError comes from seeking beyond the ends of a tiny file
        raise AudioUnreadable from exc


def _audio_track(container: av.container.InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise AudioTrackMissing
    track = container.streams.audio[0]
    # The whitelist above applies while the file is probed; PyAV chooses the decoder itself.
    if track.codec_context is None or track.codec_context.name not in _DECODERS.split(","):
        raise AudioUnreadable
    return track


def _decode(packet: av.Packet[av.AudioStream]) -> Iterator[av.AudioFrame]:
    import av

    try:
        frames = packet.decode()
    except av.InvalidDataError:
        return
    for frame in frames:
        _check_format(frame)
        yield frame


def _check_format(frame: av.AudioFrame) -> None:
    if frame.sample_rate not in _RATES or frame.layout.nb_channels > _MOST_CHANNELS:
        raise AudioUnreadable
