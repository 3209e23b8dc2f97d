from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.errors import (
    AudioRefused,
    AudioTooLong,
    AudioTooShort,
    AudioTrackMissing,
    AudioUnreadable,
)
from common.local.whisper import decoder
from tests.media import SECONDS, Media
from tests.recordings import ENGLISH

_HOUR = 3600.0


def unhurried() -> None:
    pass


def _measured(path: Path, longest: float = _HOUR) -> float:
    with path.open("rb") as file:
        return decoder.measure(file, longest=longest, check=unhurried)


def _pieces(path: Path, longest: float, check: Callable[[], None] = unhurried) -> list[decoder.Window]:
    with path.open("rb") as file:
        return list(decoder.pieces(file, longest=longest, check=check))


@pytest.mark.parametrize(
    "name",
    [
        "cbr.mp3",
        "vbr-without-xing.mp3",
        "cover.mp3",
        "s24.wav",
        "float.wav",
        "mulaw.wav",
        "surround.wav",
        "streamed.wav",
        "moov-at-end.m4a",
        "lossless.m4a",
        "safari.mp4",
        "plain.flac",
        "vorbis.ogg",
        "opus.opus",
        "mediarecorder.webm",
        "film.webm",
        "film.mp4",
        "film-with-mp3.mp4",
        "huge-cover.mp3",
    ],
)
def test_what_groq_accepts_is_heard_whole_and_at_its_true_pitch(media: Media, name: str) -> None:
    path = media(name)
    assert _measured(path) == pytest.approx(SECONDS, abs=0.06)
    heard = np.concatenate([piece.samples for piece in _pieces(path, 2.0)])
    assert len(heard) / decoder.RATE == pytest.approx(SECONDS, abs=0.06)
    inner = heard[decoder.RATE : 3 * decoder.RATE]
    rises = np.count_nonzero((inner[:-1] < 0) & (inner[1:] >= 0))
    assert rises / 2 == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("empty.mp3", AudioUnreadable),
        ("text.mp3", AudioUnreadable),
        ("noise.mp3", AudioUnreadable),
        ("raw.aac", AudioUnreadable),
        ("cut.m4a", AudioUnreadable),
        ("silent-film.mp4", AudioTrackMissing),
        ("five-milliseconds.wav", AudioTooShort),
        ("rate-of-2-khz.wav", AudioUnreadable),
        ("rate-of-655-khz.wav", AudioUnreadable),
        ("65535-channels.wav", AudioUnreadable),
        ("no-channels.wav", AudioUnreadable),
        ("claimed-samples.m4a", AudioUnreadable),
        ("silence-bomb.flac", AudioTooLong),
        ("concat.mp3", AudioUnreadable),
        ("absolute-concat.mp3", AudioUnreadable),
        ("playlist.mp3", AudioUnreadable),
        ("remote-playlist.mp3", AudioUnreadable),
        ("brainwaves.mp3", AudioUnreadable),
        ("dash.mp4", AudioUnreadable),
        ("session.sdp", AudioUnreadable),
    ],
)
def test_what_is_no_recording_is_refused(media: Media, name: str, error: type[AudioRefused]) -> None:
    media("cbr.mp3")  # the neighbour that the scripts would open
    with pytest.raises(error):
        _measured(media(name))


def test_channels_that_cannot_be_mixed_are_refused(media: Media) -> None:
    with pytest.raises(AudioUnreadable):
        _pieces(media("nine-channels.wav"), 10.0)


def test_a_codec_outside_the_list_is_refused_inside_a_container_on_it(media: Media, tmp_path: Path) -> None:
    path = media.ffmpeg("-f lavfi -i sine=d=1 -c:a tta", tmp_path / "lossless.mka")
    with pytest.raises(AudioUnreadable):
        _measured(path)


def test_a_recording_with_a_nonsense_header_in_its_middle_goes_on_after_it(media: Media) -> None:
    whole = bytearray(media("cbr.mp3").read_bytes())
    whole[12_000:14_000] = b"\xff\xfb\x90\x64" * 500
    heard = decoder.measure(io.BytesIO(whole), longest=_HOUR, check=unhurried)
    assert heard > SECONDS * 0.8


def test_a_rate_that_changes_on_the_way_is_followed(media: Media, tmp_path: Path) -> None:
    low = media.ffmpeg("-f lavfi -i sine=440:r=16000:d=2", tmp_path / "low.mp3")
    high = media.ffmpeg("-f lavfi -i sine=440:r=48000:d=2 -ac 2", tmp_path / "high.mp3")
    chained = tmp_path / "chained.mp3"
    chained.write_bytes(low.read_bytes() + high.read_bytes())
    measured = _measured(chained)
    heard = sum(len(piece.samples) for piece in _pieces(chained, 60.0)) / decoder.RATE
    assert heard == pytest.approx(measured, abs=0.05)
    assert heard == pytest.approx(4.0, abs=0.2)


def test_pieces_join_to_the_whole_and_none_is_longer_than_asked() -> None:
    whole = np.concatenate([piece.samples for piece in _pieces(ENGLISH.path, 60.0)])
    parts = _pieces(ENGLISH.path, 6.0)
    assert len(parts) > 4
    assert all(len(part.samples) <= 6 * decoder.RATE for part in parts)
    assert np.array_equal(np.concatenate([part.samples for part in parts]), whole)
    ends = [part.start + len(part.samples) / decoder.RATE for part in parts]
    assert [part.start for part in parts[1:]] == pytest.approx(ends[:-1])
    assert parts[0].start == 0.0


def test_a_piece_ends_where_it_is_quietest() -> None:
    for part in _pieces(ENGLISH.path, 6.0)[:-1]:
        edge = np.abs(part.samples[-decoder.RATE // 20 :]).mean()
        assert edge < np.abs(part.samples).mean() / 2


def test_a_piece_too_short_to_look_for_quiet_in_is_cut_at_its_end() -> None:
    parts = _pieces(ENGLISH.path, 0.5)
    assert len(parts[0].samples) == decoder.RATE // 2


def test_work_that_nobody_wants_ends_between_frames() -> None:
    class Unwanted(Exception):
        pass

    def refuse() -> None:
        raise Unwanted

    with ENGLISH.path.open("rb") as file, pytest.raises(Unwanted):
        decoder.measure(file, longest=_HOUR, check=refuse)
    with pytest.raises(Unwanted):
        _pieces(ENGLISH.path, 60.0, refuse)
