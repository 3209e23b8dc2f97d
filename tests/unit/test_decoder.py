"""The decoder reads what Groq accepts, refuses the rest, and divides recordings at quiet moments."""

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


def never_stop() -> None:
    pass


def _measure(path: Path, longest: float = _HOUR) -> float:
    with path.open("rb") as file:
        return decoder.measure_duration(file, longest=longest, check=never_stop)


def _sections(path: Path, longest: float, check: Callable[[], None] = never_stop) -> list[decoder.Section]:
    with path.open("rb") as file:
        return list(decoder.split_sections(file, longest=longest, check=check))


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
def test_what_groq_accepts_is_decoded_completely_and_at_its_true_pitch(media: Media, name: str) -> None:
    path = media(name)
    assert _measure(path) == pytest.approx(SECONDS, abs=0.06)
    samples = np.concatenate([section.samples for section in _sections(path, 2.0)])
    assert len(samples) / decoder.RATE == pytest.approx(SECONDS, abs=0.06)
    inner = samples[decoder.RATE : 3 * decoder.RATE]
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
def test_a_file_that_is_no_recording_is_refused(media: Media, name: str, error: type[AudioRefused]) -> None:
    media("cbr.mp3")  # the file that the playlists point to
    with pytest.raises(error):
        _measure(media(name))


def test_channels_that_cannot_be_mixed_are_refused(media: Media) -> None:
    with pytest.raises(AudioUnreadable):
        _sections(media("nine-channels.wav"), 10.0)


def test_a_codec_outside_the_list_is_refused_inside_a_container_on_it(media: Media, tmp_path: Path) -> None:
    path = media.ffmpeg("-f lavfi -i sine=d=1 -c:a tta", tmp_path / "lossless.mka")
    with pytest.raises(AudioUnreadable):
        _measure(path)


def test_a_recording_with_damage_in_its_middle_is_decoded_after_it(media: Media) -> None:
    whole = bytearray(media("cbr.mp3").read_bytes())
    whole[12_000:14_000] = b"\xff\xfb\x90\x64" * 500
    seconds = decoder.measure_duration(io.BytesIO(whole), longest=_HOUR, check=never_stop)
    assert seconds > SECONDS * 0.8


def test_a_sample_rate_that_changes_within_a_recording_is_followed(media: Media, tmp_path: Path) -> None:
    low = media.ffmpeg("-f lavfi -i sine=440:r=16000:d=2", tmp_path / "low.mp3")
    high = media.ffmpeg("-f lavfi -i sine=440:r=48000:d=2 -ac 2", tmp_path / "high.mp3")
    chained = tmp_path / "chained.mp3"
    chained.write_bytes(low.read_bytes() + high.read_bytes())
    measured = _measure(chained)
    decoded = sum(len(section.samples) for section in _sections(chained, 60.0)) / decoder.RATE
    assert decoded == pytest.approx(measured, abs=0.05)
    assert decoded == pytest.approx(4.0, abs=0.2)


def test_sections_joined_are_the_recording_and_none_is_too_long() -> None:
    whole = np.concatenate([section.samples for section in _sections(ENGLISH.path, 60.0)])
    sections = _sections(ENGLISH.path, 6.0)
    assert len(sections) > 4
    assert all(len(section.samples) <= 6 * decoder.RATE for section in sections)
    assert np.array_equal(np.concatenate([section.samples for section in sections]), whole)
    ends = [section.start + len(section.samples) / decoder.RATE for section in sections]
    assert [section.start for section in sections[1:]] == pytest.approx(ends[:-1])
    assert sections[0].start == 0.0


def test_a_section_ends_where_it_is_quietest() -> None:
    for section in _sections(ENGLISH.path, 6.0)[:-1]:
        edge = np.abs(section.samples[-decoder.RATE // 20 :]).mean()
        assert edge < np.abs(section.samples).mean() / 2


def test_a_section_too_short_to_search_is_cut_at_its_end() -> None:
    sections = _sections(ENGLISH.path, 0.5)
    assert len(sections[0].samples) == decoder.RATE // 2


def test_an_exception_of_the_check_ends_the_work_between_frames() -> None:
    class Cancelled(Exception):
        pass

    def cancel() -> None:
        raise Cancelled

    with ENGLISH.path.open("rb") as file, pytest.raises(Cancelled):
        decoder.measure_duration(file, longest=_HOUR, check=cancel)
    with pytest.raises(Cancelled):
        _sections(ENGLISH.path, 60.0, cancel)
