"""Pieces start where they claim to, cover the recording, fit the engine, and are the same when made again."""

from __future__ import annotations

import math
from bisect import bisect
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import PreparedAudio, prepare
from common.audio.probe import probe
from common.audio.split import Cut, PieceFile, cut_piece, plan_cuts
from common.errors import AudioTruncated
from tests.clicks import RATE, click_times, click_track, find_clicks
from tests.media import Media, pcm

SECONDS = 55.0
PIECE, OVERLAP = 22.0, 3.0

OPUS = "-c:a libopus -b:a 24k -compression_level 0"  # the least work, of which cuts know nothing
# Each container and codec, and the extension of its pieces.
KINDS = {
    "cbr.mp3": ("-b:a 48k", "mp3"),
    "vbr.mp3": ("-q:a 4", "mp3"),
    "vbr-without-xing.mp3": ("-q:a 4 -write_xing 0 -id3v2_version 0", "mp3"),
    "layer2.mp2": ("-b:a 64k", "mpga"),
    "aac.m4a": ("-b:a 48k", "m4a"),
    "safari.m4a": ("-b:a 48k -movflags +empty_moov+default_base_moof -frag_duration 1000000", "m4a"),
    "lossless.m4a": ("-c:a alac", "m4a"),
    "opus.ogg": (OPUS, "ogg"),
    "vorbis.ogg": ("-c:a libvorbis -ar 22050", "ogg"),
    "flac.ogg": ("-c:a flac", "ogg"),
    "mediarecorder.webm": (f"{OPUS} -live 1", "webm"),
    "opus.webm": (OPUS, "webm"),
    "vorbis.webm": ("-c:a libvorbis -ar 22050", "webm"),
    "plain.flac": ("", "ogg"),
    "plain.wav": ("-ar 44100", "flac"),
    "float.wav": ("-c:a pcm_f32le", "flac"),
}


def click_recording(media: Media, name: str, options: str, seconds: float = SECONDS) -> Path:
    path = media.folder / f"clicks-{seconds:.0f}-{name}"
    if not path.exists():
        raw = media.folder / f"clicks-{seconds:.0f}.raw"
        if not raw.exists():
            raw.write_bytes(click_track(seconds))
        media.ffmpeg(f"-f s16le -ar {RATE} -ac 1 -i {raw} {options}", path)
    return path


async def prepare_file(path: Path, folder: Path) -> PreparedAudio:
    return await prepare(Ffmpeg(), path, await probe(Ffmpeg(), path, max_seconds=7200), folder)


async def all_pieces(prepared: PreparedAudio, folder: Path, **limits: float) -> list[PieceFile]:
    limits = {"piece_seconds": PIECE, "overlap": OVERLAP} | limits
    cuts = plan_cuts(prepared, **limits)  # type: ignore[arg-type]
    return [await cut_piece(Ffmpeg(), prepared, cut, folder) for cut in cuts]


def assert_clicks_are_in_place(
    piece: PieceFile, samples: memoryview, clicks: list[float], within: float = 0.03
) -> None:
    """The piece has every click, at its time on the recording's clock, and no other sound.

    The first moments of a piece are excepted: a decoder that starts in the middle lacks the state that
    earlier packets would have given it (the bit reservoir of mp3, the prediction of Opus). The overlap covers
    them.
    """
    decoder_ready = piece.start + (0.5 if piece.index else 0)
    times = [piece.start + time for time in find_clicks(samples)]
    for click in clicks:
        if decoder_ready < click < piece.start + piece.duration - 2 * within:
            assert abs(nearest(times, click) - click) < within, f"click at {click} in {piece}"
    for time in times:
        if time > decoder_ready:
            assert abs(nearest(clicks, time) - time) < within, f"sound at {time} in {piece}"


def nearest(times: list[float], to: float) -> float:
    """The one of these sorted times that is the least away, or none of them: infinity."""
    at = bisect(times, to)
    return min(times[max(0, at - 1) : at + 1], key=lambda time: abs(time - to), default=math.inf)


# ── the cut plan ──────────────────────────────────────────────────────────────────────────────────


def recording(duration: float, size_bytes: int = 1000, format_: str = "mp3") -> PreparedAudio:
    return PreparedAudio(Path("x"), format_, duration, size_bytes, "as_is")  # type: ignore[arg-type]


def test_a_recording_that_fits_is_one_piece() -> None:
    assert plan_cuts(recording(600.0)) == (Cut(0, 0.0, None, "whole"),)


def test_a_recording_a_little_too_long_makes_two_equal_pieces() -> None:
    first, last = plan_cuts(recording(601.0))
    assert first == Cut(0, 0.0, 305.5, "copy")
    assert last == Cut(1, 295.5, None, "copy")


def test_a_multiple_of_the_step_makes_no_empty_last_piece() -> None:
    cuts = plan_cuts(recording(1190.0))
    assert [(each.start, each.length) for each in cuts] == [(0.0, 600.0), (590.0, None)]


@given(
    duration=st.floats(0.01, 50_000),
    size_bytes=st.integers(1, 200_000_000),
    piece_seconds=st.floats(20, 3600),
    overlap=st.floats(0, 30),
    piece_bytes=st.integers(2_000_000, 25_000_000),
    format_=st.sampled_from(["mp3", "m4a", "ogg", "webm", "flac", "wav"]),
)
def test_any_cut_plan_covers_the_recording_and_keeps_the_limits(
    duration: float, size_bytes: int, piece_seconds: float, overlap: float, piece_bytes: int, format_: str
) -> None:
    whole = recording(duration, size_bytes, format_)
    cuts = plan_cuts(whole, piece_seconds=piece_seconds, overlap=overlap, piece_bytes=piece_bytes)
    assert [each.index for each in cuts] == list(range(len(cuts)))
    assert cuts[0].start == 0
    assert cuts[-1].length is None
    assert all(each.length is not None for each in cuts[:-1])
    lengths = [each.length or duration - each.start for each in cuts]
    assert max(lengths) <= piece_seconds * 1.000001
    if len(cuts) > 1:
        assert min(lengths) > 0.99 * max(lengths)
        assert min(lengths) > 0.3 * min(piece_seconds, 30)
    for before, after in pairwise(cuts):
        assert before.length
        assert -0.001 <= before.start + before.length - after.start <= overlap * 1.000001 + 0.001
    for each, length in zip(cuts, lengths, strict=True):
        rate = {"whole": size_bytes / duration, "copy": size_bytes / duration, "decode": 32_000}[each.method]
        assert length * rate <= piece_bytes * 1.000001


def test_pcm_is_decoded_and_so_is_what_would_make_too_many_pieces() -> None:
    assert plan_cuts(recording(900.0, 100_000_000, "wav"))[0].method == "decode"
    assert plan_cuts(recording(900.0, 800_000_000, "flac"))[0].method == "decode"
    assert plan_cuts(recording(900.0, 80_000_000, "flac"))[0].method == "copy"


# ── the pieces ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", KINDS)
async def test_pieces_start_where_they_claim_to_and_cover_the_recording(
    name: str, media: Media, tmp_path: Path
) -> None:
    options, ending = KINDS[name]
    source = click_recording(media, name, options)
    clicks = find_clicks(pcm(source))
    assert clicks == pytest.approx(click_times(SECONDS), abs=0.08)  # encoders add a delay
    prepared = await prepare_file(source, tmp_path)
    pieces = await all_pieces(prepared, tmp_path)
    assert len(pieces) == 3
    assert {piece.format for piece in pieces} == {ending}
    assert pieces[0].start == pytest.approx(0, abs=0.04)
    assert pieces[-1].start + pieces[-1].duration == pytest.approx(SECONDS, abs=0.1)
    for before, after in pairwise(pieces):
        assert before.start + before.duration - after.start > OVERLAP - 0.1
    for piece in pieces:
        assert piece.path.name == f"piece-{piece.index:04d}.{ending}"
        assert piece.size_bytes == piece.path.stat().st_size
        samples = pcm(piece.path)
        assert len(samples) / RATE == pytest.approx(piece.duration, abs=0.1)
        assert (await probe(Ffmpeg(), piece.path, max_seconds=60)).duration < PIECE + 10
        assert_clicks_are_in_place(piece, samples, clicks)


async def test_pieces_of_twenty_minutes_do_not_drift(media: Media, tmp_path: Path) -> None:
    seconds = 1250.0
    path = click_recording(media, "vbr.mp3", "-q:a 4 -compression_level 9", seconds)
    prepared = await prepare_file(path, tmp_path)
    cuts = plan_cuts(prepared)
    assert len(cuts) == 3
    for cut in cuts:
        piece = await cut_piece(Ffmpeg(), prepared, cut, tmp_path)
        assert_clicks_are_in_place(piece, pcm(piece.path), click_times(seconds))
        piece.path.unlink()


@pytest.mark.parametrize("name", ["vbr.mp3", "aac.m4a", "opus.ogg", "opus.webm", "plain.flac", "plain.wav"])
async def test_a_piece_made_again_is_the_same_whatever_file_a_killed_run_left(
    name: str, media: Media, tmp_path: Path
) -> None:
    prepared = await prepare_file(click_recording(media, name, KINDS[name][0]), tmp_path)
    cut = plan_cuts(prepared, piece_seconds=PIECE, overlap=OVERLAP)[1]
    first = await cut_piece(Ffmpeg(), prepared, cut, tmp_path)
    bytes_before = first.path.read_bytes()
    first.path.write_bytes(b"half")
    again = await cut_piece(Ffmpeg(), prepared, cut, tmp_path)
    assert again == first
    assert again.path.read_bytes() == bytes_before


async def test_a_whole_piece_is_the_prepared_file_itself(media: Media, tmp_path: Path) -> None:
    prepared = await prepare_file(media("cbr.mp3"), tmp_path)
    (piece,) = await all_pieces(prepared, tmp_path)
    assert piece == PieceFile(0, 0.0, prepared.duration, media("cbr.mp3"), "mp3", prepared.size_bytes)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
async def test_pieces_of_a_film_whose_sound_begins_late_keep_its_clock(
    ending: str, media: Media, tmp_path: Path
) -> None:
    sound = click_recording(media, "plain.wav", KINDS["plain.wav"][0])
    codec = {"mp4": "-c:a aac", "mkv": "-c:a ac3"}[ending]
    picture = "-f lavfi -i testsrc=s=32x32:r=5:d=65"
    film = media.ffmpeg(
        f"{picture} -itsoffset 7 -i {sound} -preset ultrafast {codec}", tmp_path / f"film.{ending}"
    )
    prepared = await prepare_file(film, tmp_path)
    assert prepared.start == pytest.approx(7, abs=0.05)
    assert prepared.duration == pytest.approx(SECONDS, abs=0.1)
    clicks = [7 + time for time in click_times(SECONDS)]
    for piece in await all_pieces(prepared, tmp_path):
        assert_clicks_are_in_place(piece, pcm(piece.path), clicks, within=0.05)
    (whole,) = await all_pieces(prepared, tmp_path, piece_seconds=600)
    assert_clicks_are_in_place(whole, pcm(whole.path), clicks, within=0.05)


async def test_a_piece_that_is_too_large_when_copied_is_decoded(media: Media, tmp_path: Path) -> None:
    """Ninety seconds of silence, then thirty of noise that FLAC cannot make smaller."""
    path = media.ffmpeg(
        "-f lavfi -i anullsrc=r=48000:cl=stereo:d=90 -f lavfi -i anoisesrc=d=30:r=48000:a=0.9:seed=1 "
        "-f lavfi -i anoisesrc=d=30:r=48000:a=0.9:seed=2 "
        "-filter_complex [1][2]amerge=inputs=2[n];[0][n]concat=v=0:a=1",
        tmp_path / "uneven.flac",
    )
    prepared = await prepare_file(path, tmp_path)
    limit = 2_000_000
    cuts = plan_cuts(prepared, piece_seconds=40, overlap=5, piece_bytes=6_000_000)
    assert {each.method for each in cuts} == {"copy"}
    pieces = [await cut_piece(Ffmpeg(), prepared, each, tmp_path, piece_bytes=limit) for each in cuts]
    assert [piece.format for piece in pieces] == ["ogg", "ogg", "ogg", "flac"]
    assert pieces[-1].start + pieces[-1].duration == pytest.approx(120, abs=0.1)
    assert max(piece.size_bytes for piece in pieces) <= limit
    assert sorted(path.name for path in tmp_path.glob("piece*")) == [piece.path.name for piece in pieces]


async def test_a_cut_without_sound_makes_no_piece(media: Media, tmp_path: Path) -> None:
    prepared = replace(await prepare_file(media("cbr.mp3"), tmp_path), duration=2000.0)
    with pytest.raises(AudioTruncated):
        await cut_piece(Ffmpeg(), prepared, plan_cuts(prepared)[-1], tmp_path)
    assert list(tmp_path.iterdir()) == []
