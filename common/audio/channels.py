"""Chooses one channel of a recording whose channels cancel each other when they are mixed to one.

A balanced cable or a cheap recorder may invert one side of a stereo recording. Engines mix every file to one
channel, so they would get silence.
"""

from __future__ import annotations

from pathlib import Path

from common.audio.ffmpeg import Ffmpeg
from common.audio.levels import AUDIBLE, ChannelLevels, measure_channels, places_to_look

# dB by which a mix may be quieter than its loudest channel. One speaking side of two loses 6 dB, one speaking
# channel of six up to 17 dB, and a channel and its inverse more than 40.
_MOST_LOSS = {2: 12.0}
_MOST_LOSS_OF_MANY = 25.0
_CENTRE = 2  # of layouts with more than two channels
_CENTRE_WITHIN = 6.0  # dB below the loudest channel


async def choose_channel(
    ffmpeg: Ffmpeg, source: Path, track: int, channels: int, *, start: float, duration: float
) -> int | None:
    """The index of the channel to transcribe; None to mix all, as every engine does by itself.

    The track has `duration` seconds of sound from its `start`.

    It decides by the first place where something is audible. A side that is silent there is no reason to
    drop it: on a telephone call it may be the one who speaks next. Raises what Ffmpeg.run raises.
    """
    if channels < 2:
        return None
    for place in places_to_look(duration):
        levels = await measure_channels(ffmpeg, source, track, start + place)
        if max(levels.channels, default=AUDIBLE) > AUDIBLE:
            return channel_of(levels)
    return None


def channel_of(levels: ChannelLevels) -> int | None:
    """The channel to use instead of the mix: the centre if it is loud enough, else the loudest."""
    loudest = max(levels.channels)
    if levels.mix >= loudest - _MOST_LOSS.get(len(levels.channels), _MOST_LOSS_OF_MANY):
        return None
    if len(levels.channels) > _CENTRE and levels.channels[_CENTRE] >= loudest - _CENTRE_WITHIN:
        return _CENTRE
    return levels.channels.index(loudest)
