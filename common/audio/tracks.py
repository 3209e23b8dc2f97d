"""Chooses the audio track of a recording that has several."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from common.audio.ffmpeg import Ffmpeg
from common.audio.header import Header
from common.audio.levels import AUDIBLE, measure_tracks, places_to_look
from common.errors import AudioTrackUnknown

# What a person may request: the number of a track, from 1, or all of them mixed.
TrackRequest = int | Literal["mix"] | None


async def choose_track(ffmpeg: Ffmpeg, source: Path, header: Header, request: TrackRequest) -> int | None:
    """The index of the track to transcribe, from 0; None to mix all of them.

    Without a request: the one track that is marked as default if it is audible, else the first that is. A
    screen recorder may mark a silent microphone as default. Raises AudioTrackUnknown, and what Ffmpeg.run
    raises.
    """
    if isinstance(request, int) and not 1 <= request <= header.tracks:
        raise AudioTrackUnknown(track=request, tracks=header.tracks)
    if header.tracks == 1:
        return 0
    if request is not None:
        return None if request == "mix" else request - 1
    preferred = header.defaults.index(True) if header.defaults.count(True) == 1 else 0
    return await _first_audible(ffmpeg, source, header, preferred)


async def _first_audible(ffmpeg: Ffmpeg, source: Path, header: Header, preferred: int) -> int:
    audible: set[int] = set()
    for place in places_to_look(header.duration):
        levels = await measure_tracks(ffmpeg, source, header.tracks, place)
        audible |= {track for track, level in enumerate(levels) if level > AUDIBLE}
        if preferred in audible:
            return preferred
    return min(audible, default=preferred)
