"""The warnings about a recording itself: what of it is not transcribed, and why. Pure."""

from __future__ import annotations

from common.audio.decoding import WITHOUT_CLOCK
from common.audio.probe_result import ProbeResult
from common.audio.split import PieceFile
from common.models import Options, Transcript, TranscriptWarning

SILENCE_SKIPPED = TranscriptWarning(code="silence_skipped")


def silent_transcript(piece: PieceFile, options: Options) -> Transcript:
    """The transcript of a piece of digital silence, which is not sent to the engine."""
    words = () if "word" in options.timestamps else None
    return Transcript(text="", duration=piece.duration, words=words, warnings=(SILENCE_SKIPPED,))


def warnings_of(source: ProbeResult, *, is_requested: bool) -> tuple[TranscriptWarning, ...]:
    """`is_requested`: the person chose the track, so its number is no news."""
    warnings = []
    if source.tracks > 1 and source.track is not None and not is_requested:
        details = {"track": source.track + 1, "tracks": source.tracks}
        warnings.append(TranscriptWarning(code="track_chosen", details=details))
    if source.channel is not None:
        details = {"channel": source.channel + 1, "channels": source.channels}
        warnings.append(TranscriptWarning(code="channel_chosen", details=details))
    if source.is_short:
        warnings.append(TranscriptWarning(code="audio_cut_off"))
    if source.is_damaged:
        code = "audio_damaged_times" if source.container in WITHOUT_CLOCK else "audio_damaged"
        warnings.append(TranscriptWarning(code=code))
    return tuple(warnings)
