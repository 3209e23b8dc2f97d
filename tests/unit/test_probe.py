"""A file is what its packets say, and probing any file is cheap."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from common.audio.child import Bounds
from common.audio.ffmpeg import Ffmpeg
from common.audio.probe import parse_probe, probe
from common.audio.probe_result import ProbeResult, check_limits
from common.errors import (
    AudioTooCostly,
    AudioTooLong,
    AudioTooShort,
    AudioTrackMissing,
    AudioTruncated,
    AudioUnreadable,
    EscribaError,
    FileEmpty,
    FileIsImage,
    FileIsPlaylist,
)
from tests.media import GOOD, SECONDS, Media

HOUR = 3600.0


async def probe_file(path: Path, max_seconds: float = HOUR) -> ProbeResult:
    return await probe(Ffmpeg(), path, max_seconds=max_seconds)


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("name", GOOD)
async def test_the_duration_of_every_kind_of_recording_is_measured(name: str, media: Media) -> None:
    result = await probe_file(media(name))
    assert result.duration == pytest.approx(SECONDS, abs=0.1)
    assert result.size_bytes == media(name).stat().st_size
    assert not result.is_cut_off


@pytest.mark.parametrize(
    ("name", "container", "codec", "rate", "channels"),
    [
        ("cbr.mp3", "mp3", "mp3", 44100, 1),
        ("layer2.mp2", "mp3", "mp2", 44100, 1),
        ("s16.wav", "wav", "pcm_s16le", 44100, 1),
        ("surround.wav", "wav", "pcm_s16le", 44100, 6),
        ("moov-at-end.m4a", "mov", "aac", 44100, 1),
        ("film-with-mp3.mp4", "mov", "mp3", 44100, 1),
        ("opus.ogg", "ogg", "opus", 48000, 1),
        ("mediarecorder.webm", "matroska", "opus", 48000, 1),
        ("film.mkv", "matroska", "vorbis", 44100, 1),
        ("phone.3gp", "mov", "amr_nb", 8000, 1),
        ("note.amr", "amr", "amr_nb", 8000, 1),
        ("apple.caf", "caf", "alac", 44100, 1),
        ("windows.wma", "asf", "wmav2", 44100, 1),
        ("raw.aac", "aac", "aac", 44100, 1),
        ("plain.flac", "flac", "flac", 44100, 1),
    ],
)
async def test_container_codec_rate_and_channels_are_found(
    name: str, container: str, codec: str, rate: int, channels: int, media: Media
) -> None:
    result = await probe_file(media(name))
    assert (result.container, result.codec) == (container, codec)
    assert (result.sample_rate, result.channels) == (rate, channels)


async def test_the_content_decides_and_not_the_name(media: Media, tmp_path: Path) -> None:
    misnamed = tmp_path / "song.wav"
    misnamed.write_bytes(media("opus.ogg").read_bytes())
    assert (await probe_file(misnamed)).codec == "opus"


@pytest.mark.parametrize("name", [name for name in GOOD if name.startswith("film")])
async def test_a_film_has_video(name: str, media: Media) -> None:
    assert (await probe_file(media(name))).has_video


@pytest.mark.parametrize("name", ["cover.mp3", "cover.m4a", "huge-cover.mp3", "sound.mov", "sound.mka"])
async def test_a_cover_is_no_video(name: str, media: Media) -> None:
    assert not (await probe_file(media(name))).has_video


@pytest.mark.parametrize(
    ("name", "brand"),
    [("moov-at-end.m4a", "M4A"), ("sound.mov", "qt"), ("phone.3gp", "3gp4"), ("cbr.mp3", "")],
)
async def test_files_of_the_mov_family_have_a_brand(name: str, brand: str, media: Media) -> None:
    assert (await probe_file(media(name))).brand == brand


async def test_the_duration_in_the_header_is_ignored(media: Media) -> None:
    """The header claims 13 hours, as it does in recordings that were written as a stream."""
    assert (await probe_file(media("streamed.wav"))).duration == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize(
    "name", ["cut.wav", "cut.mp3", "cut.ogg", "cut.flac", "cut.webm", "cut-faststart.m4a"]
)
async def test_the_rest_of_a_recording_that_is_cut_off_is_measured(name: str, media: Media) -> None:
    assert 0.2 * SECONDS < (await probe_file(media(name))).duration < 0.7 * SECONDS


@pytest.mark.parametrize("name", ["cut.webm", "cut-faststart.m4a"])
async def test_a_recording_that_is_cut_off_is_marked_so(name: str, media: Media) -> None:
    assert (await probe_file(media(name))).is_cut_off


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("empty.mp3", FileEmpty),
        ("noise.mp3", AudioUnreadable),
        ("text.mp3", AudioUnreadable),
        ("cover.jpg", FileIsImage),
        ("cut.m4a", AudioTruncated),
        ("silent-film.mp4", AudioTrackMissing),
        ("five-milliseconds.wav", AudioTooShort),
        ("playlist.mp3", FileIsPlaylist),
        ("live-playlist.mp3", FileIsPlaylist),
        ("remote-playlist.mp3", FileIsPlaylist),
        ("concat.mp3", FileIsPlaylist),
        ("absolute-concat.mp3", FileIsPlaylist),
        ("brainwaves.mp3", AudioUnreadable),
        ("dash.mp4", FileIsPlaylist),
        ("session.sdp", FileIsPlaylist),
        ("one-byte-packets.opus", AudioTooLong),
        ("silence-bomb.flac", AudioTooLong),
        ("claimed-samples.m4a", AudioUnreadable),
        ("rate-of-1-hz.wav", AudioTooCostly),
        ("rate-of-2-khz.wav", AudioTooCostly),
        ("rate-of-655-khz.wav", AudioTooCostly),
        ("65535-channels.wav", AudioUnreadable),
        ("nine-channels.wav", AudioTooCostly),
        ("no-channels.wav", AudioUnreadable),
    ],
)
async def test_what_is_no_recording_is_refused_within_two_cpu_seconds(
    name: str, error: type[EscribaError], media: Media
) -> None:
    media("cbr.mp3")  # the file that the playlists point to
    source, before = media(name), cpu_of_children()
    with pytest.raises(error) as refusal:
        await probe_file(source)
    assert type(refusal.value) is error
    assert cpu_of_children() - before < 2


async def test_without_our_whitelists_that_playlist_reads_the_file_beside_it(
    media: Media, tmp_path: Path
) -> None:
    media("cbr.mp3")
    media.ffmpeg("-i {concat.mp3}", tmp_path / "stolen.wav")
    assert (await probe_file(tmp_path / "stolen.wav")).duration == pytest.approx(SECONDS, abs=0.1)


async def test_a_huge_cover_costs_no_memory(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoded, the picture would take 432 MB."""
    small = Bounds(cpu=10, wall=60, memory_bytes=300 * 1024 * 1024)
    monkeypatch.setattr(Bounds, "of_cpu", classmethod(lambda _cls, _cpu: small))
    assert (await probe_file(media("huge-cover.mp3"))).codec == "mp3"


async def test_the_error_says_how_long_a_recording_may_be(media: Media) -> None:
    with pytest.raises(AudioTooLong) as refusal:
        await probe_file(media("cbr.mp3"), max_seconds=3)
    assert refusal.value.details == {"limit_minutes": 0.1}


async def test_the_error_says_how_short_a_recording_may_be(media: Media) -> None:
    with pytest.raises(AudioTooShort) as refusal:
        await probe_file(media("five-milliseconds.wav"))
    assert refusal.value.details == {"minimum": 0.01}


async def test_no_link_is_followed(media: Media, tmp_path: Path) -> None:
    link = tmp_path / "link.mp3"
    link.symlink_to(media("cbr.mp3"))
    with pytest.raises(AudioUnreadable):
        await probe_file(link)


# ── parsing ffmpeg's output ───────────────────────────────────────────────────────────────────────

LOG = "[info] Input #0, mov,mp4,m4a, from 'fd:':\n[info]   Stream #0:0: Audio: aac\n"
LINES = [
    "#tb 0: 1/44100",
    "#codec_id 0: aac",
    "#sample_rate 0: 44100",
    "#channel_layout_name 0: {}",
    "out_time_us=2000000",
]


def parse(layout: str = "mono", log: str = LOG) -> ProbeResult:
    return parse_probe([line.format(layout) for line in LINES], log, 9)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        ("mono", 1),
        ("stereo", 2),
        ("2.1", 3),
        ("5.1(side)", 6),
        ("7.1.4", 12),
        ("quad", 4),
        ("9 channels", 9),
        ("65535 channels", 65535),
        ("ambisonic 1", 0),
        ("", 0),
    ],
)
def test_the_channels_of_a_layout_are_counted(layout: str, channels: int) -> None:
    assert parse(layout).channels == channels


@pytest.mark.parametrize("without", ["#tb", "#codec_id", "#sample_rate", "out_time_us"])
def test_output_without_a_field_is_unreadable(without: str) -> None:
    with pytest.raises(AudioUnreadable):
        parse_probe([line for line in LINES if not line.startswith(without)], LOG, 9)


def test_an_unknown_duration_is_unreadable() -> None:
    with pytest.raises(AudioUnreadable):
        parse_probe([*LINES, "out_time_us=N/A"], LOG, 9)


def test_an_unknown_container_is_unreadable() -> None:
    with pytest.raises(AudioUnreadable):
        parse(log="")


def test_a_tag_is_not_taken_for_the_container() -> None:
    assert parse(log=LOG + "[info]     title   : x\n[info] Input #0, wav, from 'fd:'").container == "mov"


@pytest.mark.parametrize(
    ("packet", "start"),
    [
        ("0,          0,      44100,     1024,      279, 0x3325953c", 1.0),
        ("0,      -1024,      -1024,     1024,      256, 0xea44782a, F=0x5, S=1, Skip Samples, 10, 0x0", 0.0),
        ("0,       NOPTS,      22050,     1024,      279, 0x3325953c", 0.5),
    ],
)
def test_start_and_duration_count_from_the_first_packet(packet: str, start: float) -> None:
    result = parse_probe([line.format("mono") for line in [*LINES, packet]], LOG, 9)
    assert (result.start, result.duration) == (start, 2.0 - start)


@pytest.mark.parametrize(("rate", "channels"), [(3999, 1), (192_001, 1), (48_000, 0), (48_000, 9)])
def test_rates_and_channels_outside_the_limits_are_refused(rate: int, channels: int) -> None:
    odd = ProbeResult("wav", "", "pcm_s16le", 2.0, rate, channels, False, False, 9)
    with pytest.raises(AudioTooCostly):
        check_limits(odd, HOUR)
