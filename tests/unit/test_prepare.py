"""A recording is sent as it is where Groq reads it, else copied, and decoded where nothing else works."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from pathlib import Path

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import PreparationPlan, PreparedAudio, flac_seconds, plan_preparation, prepare
from common.audio.probe import probe
from common.audio.probe_result import ProbeResult
from common.errors import AudioTooCostly, AudioTruncated, AudioUnreadable
from tests.children import programs
from tests.media import PITCH, SECONDS, Media, pitch

ENDINGS = {"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "opus", "wav", "webm"}  # those of Groq

AS_IS = {
    "cbr.mp3": "mp3",
    "vbr-without-xing.mp3": "mp3",
    "cover.mp3": "mp3",
    "huge-cover.mp3": "mp3",
    "layer2.mp2": "mpga",
    "s16.wav": "wav",
    "s24.wav": "wav",
    "float.wav": "wav",
    "mulaw.wav": "wav",
    "surround.wav": "wav",
    "streamed.wav": "wav",
    "moov-at-end.m4a": "m4a",
    "faststart.m4a": "m4a",
    "cover.m4a": "m4a",
    "lossless.m4a": "m4a",
    "audio-only.mp4": "m4a",
    "safari.mp4": "m4a",
    "plain.flac": "flac",
    "vorbis.ogg": "ogg",
    "opus.ogg": "ogg",
    "opus.opus": "ogg",
    "flac.oga": "ogg",
    "mediarecorder.webm": "webm",
}
COPY = {
    "film.webm": "ogg",
    "film.mp4": "m4a",
    "film-fragmented.mp4": "m4a",
    "film-with-mp3.mp4": "mp3",
    "film-with-opus.mp4": "ogg",
    "film-with-late-sound.mp4": "m4a",
    "film.mov": "m4a",
    "sound.mov": "m4a",
    "film.mkv": "ogg",
    "film-with-flac.mkv": "flac",
    "sound.mka": "mp3",
    "raw.aac": "m4a",
    "apple.caf": "m4a",
}
DECODE = {
    "adpcm.wav",
    "big.w64",
    "sun.au",
    "film-with-pcm.mov",
    "film-with-ac3.mkv",
    "film-with-late-sound.mkv",
    "phone.3gp",
    "note.amr",
    "apple.aiff",
    "windows.wma",
}


async def probe_file(path: Path) -> ProbeResult:
    return await probe(Ffmpeg(), path, max_seconds=7 * 3600)


async def prepare_file(path: Path, folder: Path) -> PreparedAudio:
    return await prepare(Ffmpeg(), path, await probe_file(path), folder)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(("name", "format_"), AS_IS.items())
async def test_what_the_engine_reads_is_sent_as_it_is(
    name: str, format_: str, media: Media, tmp_path: Path
) -> None:
    prepared = await prepare_file(media(name), tmp_path)
    assert prepared.method == "as_is"
    assert prepared.format == format_
    assert prepared.path == media(name)
    assert prepared.size_bytes == media(name).stat().st_size
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("name", "format_"), COPY.items())
async def test_the_audio_of_other_containers_is_copied_out(
    name: str, format_: str, media: Media, tmp_path: Path
) -> None:
    prepared = await prepare_file(media(name), tmp_path)
    assert (prepared.method, prepared.format) == ("copy", format_)
    result = await probe_file(prepared.path)
    assert result.codec == (await probe_file(media(name))).codec
    assert not result.has_video
    assert plan_preparation(result).method == "as_is"
    assert prepared.size_bytes == result.size_bytes < media(name).stat().st_size + 1000


@pytest.mark.parametrize("name", sorted(DECODE))
async def test_the_rest_becomes_flac_of_16_khz_16_bits_and_one_channel(
    name: str, media: Media, tmp_path: Path
) -> None:
    prepared = await prepare_file(media(name), tmp_path)
    assert (prepared.method, prepared.format) == ("decode", "flac")
    result = await probe_file(prepared.path)
    assert (result.codec, result.sample_rate, result.channels) == ("flac", 16_000, 1)
    assert result.duration == pytest.approx(prepared.duration, abs=0.001)
    fields = int.from_bytes(prepared.path.read_bytes()[18:26])  # STREAMINFO: bits per sample, less one
    assert (fields >> 36) & 0x1F == 15


@pytest.mark.parametrize("name", [*COPY, *sorted(DECODE)])
async def test_the_sound_stays_the_same(name: str, media: Media, tmp_path: Path) -> None:
    prepared = await prepare_file(media(name), tmp_path)
    assert pitch(prepared.path) == pytest.approx(PITCH, rel=0.03)
    assert prepared.duration == pytest.approx(SECONDS, abs=0.1)
    assert prepared.format in ENDINGS
    assert prepared.path.name == f"prepared.{prepared.format}"


@pytest.mark.parametrize("name", ["cut.webm", "cut-faststart.m4a"])
async def test_a_recording_that_is_cut_off_gets_a_complete_container(
    name: str, media: Media, tmp_path: Path
) -> None:
    prepared = await prepare_file(media(name), tmp_path)
    assert prepared.method == "copy"
    assert not (await probe_file(prepared.path)).is_cut_off


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
async def test_a_film_before_its_sound_begins_counts_as_start_and_not_as_audio(
    ending: str, media: Media, tmp_path: Path
) -> None:
    prepared = await prepare_file(media(f"film-with-late-sound.{ending}"), tmp_path)
    assert prepared.start == pytest.approx(6, abs=0.05)
    assert prepared.duration == pytest.approx(SECONDS, abs=0.1)
    alone = await probe_file(prepared.path)
    assert alone.start == 0
    assert alone.duration == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("name", ["film.mp4", "film-with-late-sound.mp4", "apple.aiff"])
async def test_progress_grows_to_the_end(name: str, media: Media, tmp_path: Path) -> None:
    progress: list[float] = []
    source = media(name)
    await prepare(Ffmpeg(), source, await probe_file(source), tmp_path, on_progress=progress.append)
    assert progress == sorted(progress)
    assert progress[-1] == pytest.approx(SECONDS, abs=0.1)


async def test_the_file_of_a_killed_run_is_replaced(media: Media, tmp_path: Path) -> None:
    (tmp_path / "prepared.m4a").write_text("half")
    prepared = await prepare_file(media("film.mp4"), tmp_path)
    assert (await probe_file(prepared.path)).codec == "aac"


async def test_the_tags_of_a_film_are_not_sent(media: Media, tmp_path: Path) -> None:
    tagged = media.ffmpeg("-i {film.mp4} -c copy -metadata title=secret", tmp_path / "tagged.mp4")
    prepared = await prepare_file(tagged, tmp_path)
    assert b"secret" in tagged.read_bytes()
    assert b"secret" not in prepared.path.read_bytes()


async def test_a_track_that_cannot_be_copied_is_decoded(media: Media, tmp_path: Path) -> None:
    """The probe result names a codec that is not there: its muxer then refuses the track."""
    source = media("windows.wma")
    wrong = replace(await probe_file(source), codec="vorbis")
    prepared = await prepare(Ffmpeg(), source, wrong, tmp_path)
    assert prepared.method == "decode"
    assert names_in(tmp_path) == ["prepared.flac"]


@pytest.mark.parametrize("name", ["film.mp4", "apple.aiff"])
async def test_missing_audio_is_noticed(name: str, media: Media, tmp_path: Path) -> None:
    source = media(name)
    longer = replace(await probe_file(source), duration=60.0)
    with pytest.raises(AudioTruncated):
        await prepare(Ffmpeg(), source, longer, tmp_path)
    assert names_in(tmp_path) == []


async def test_output_past_its_bound_is_too_costly(media: Media, tmp_path: Path) -> None:
    source = media.ffmpeg("-f lavfi -i anoisesrc=d=60:r=48000 -c:a flac", tmp_path / "noise.mka")
    shrunk = replace(await probe_file(source), size_bytes=1000, container="avi")
    with pytest.raises(AudioTooCostly):
        await prepare(Ffmpeg(), source, shrunk, tmp_path)
    assert names_in(tmp_path) == ["noise.mka"]


async def test_unreadable_audio_leaves_no_file(media: Media, tmp_path: Path) -> None:
    wrong = ProbeResult("asf", "", "wmav2", 4.0, 44100, 1, False, False, 9)
    with pytest.raises(AudioUnreadable):
        await prepare(Ffmpeg(), media("text.mp3"), wrong, tmp_path)
    assert names_in(tmp_path) == []


async def test_a_cancelled_preparation_leaves_no_file_and_no_process(media: Media, tmp_path: Path) -> None:
    """Six hours, which take long to decode."""
    source = media("silence-bomb.flac")
    to_decode = replace(await probe_file(source), codec="wmav2")
    started = asyncio.Event()
    work = asyncio.create_task(
        prepare(Ffmpeg(), source, to_decode, tmp_path, on_progress=lambda _: started.set())
    )
    await started.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert names_in(tmp_path) == []
    assert programs() == []


async def test_a_missing_folder_is_our_own_mistake(media: Media, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        await prepare_file(media("film.mp4"), tmp_path / "gone")
    assert error.value.errno == errno.ENOENT


def test_the_plan_follows_from_the_probe_result() -> None:
    film = ProbeResult("matroska", "", "opus", 60.0, 48000, 2, True, False, 1)
    assert plan_preparation(film) == PreparationPlan("copy", "ogg", "ogg")
    assert plan_preparation(replace(film, has_video=False)) == PreparationPlan("as_is", "webm")
    assert plan_preparation(replace(film, codec="dts")) == PreparationPlan("decode", "flac")
    assert plan_preparation(replace(film, container="mov", brand="3gp6", codec="aac")) == PreparationPlan(
        "copy", "m4a", "ipod"
    )
    assert plan_preparation(
        replace(film, container="wav", codec="gsm_ms", has_video=False)
    ) == PreparationPlan("decode", "flac")


async def test_the_duration_of_a_flac_file_is_read_from_its_header(media: Media) -> None:
    assert flac_seconds(media("plain.flac")) == SECONDS
