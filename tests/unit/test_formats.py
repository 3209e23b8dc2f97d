"""Files are counted without ffmpeg where they are plain, and left to it where they are not."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from common.audio.formats.mp3_slice import slice_mp3
from common.audio.formats.mp3_stereo import is_mix_audible
from common.audio.formats.mp4_slice import slice_mp4
from common.audio.formats.scan import Scan
from common.audio.formats.scan_file import scan_file
from common.errors import AudioTooCostly
from tests.coded_speech import decode, speech_file, word_times
from tests.media import GOOD, SECONDS, Media

COUNTED = {
    "cbr.mp3",
    "vbr-without-xing.mp3",
    "cover.mp3",
    "huge-cover.mp3",
    "layer2.mp2",
    "s16.wav",
    "s24.wav",
    "float.wav",
    "mulaw.wav",
    "surround.wav",
    "streamed.wav",
    "moov-at-end.m4a",
    "cover.m4a",
    "faststart.m4a",
    "audio-only.mp4",
    "film.mp4",
    "plain.flac",
    "vorbis.ogg",
    "opus.ogg",
    "opus.opus",
    "raw.aac",
}


def scan_bytes(content: bytes, folder: Path) -> Scan | None:
    path = folder / "file"
    path.write_bytes(content)
    return scan_file(path)


@pytest.mark.parametrize("name", sorted({*GOOD, *COUNTED}))
def test_plain_files_are_counted_and_others_left_to_ffmpeg(name: str, media: Media) -> None:
    scan = scan_file(media(name))
    assert (scan is not None) == (name in COUNTED)
    if scan:
        assert scan.seconds == pytest.approx(SECONDS, abs=0.06)
        assert len(scan.parts) == 1
        assert not scan.is_damaged
        assert not scan.has_gap
        assert scan.has_video == name.startswith("film")


@pytest.mark.parametrize("name", ["cbr.mp3", "plain.flac", "vorbis.ogg", "raw.aac"])
def test_each_recording_of_a_file_is_a_part(name: str, media: Media, tmp_path: Path) -> None:
    content = media(name).read_bytes()
    other = media.ffmpeg(f"-i {{{name}}} -ar 32000 -ac 2", tmp_path / f"other-{name}").read_bytes()
    scan = scan_bytes(content + other, tmp_path)
    assert scan
    assert [part.end for part in scan.parts] == [len(content), len(content) + len(other)]
    assert [part.seconds for part in scan.parts] == pytest.approx([SECONDS, SECONDS], abs=0.15)
    assert (tmp_path / "file").read_bytes()[scan.parts[1].start :] in other


@pytest.mark.parametrize("junk", [b"\0" * 3000, b"TAG" + b"x" * 125, b"APETAGEX" + bytes(24)])
def test_an_mp3_may_have_zeros_or_tags_before_and_after_it(junk: bytes, media: Media, tmp_path: Path) -> None:
    for content in (junk + media("cbr.mp3").read_bytes(), media("cbr.mp3").read_bytes() + junk):
        scan = scan_bytes(content, tmp_path)
        assert scan
        assert scan.seconds == pytest.approx(SECONDS, abs=0.06)
        assert not scan.is_damaged


def test_an_mp3_that_is_cut_off_claims_more_than_it_has(media: Media) -> None:
    scan = scan_file(media("cut.mp3"))
    assert scan
    assert scan.claimed == pytest.approx(SECONDS, abs=0.1)
    assert scan.seconds == pytest.approx(0.6 * SECONDS, abs=0.1)


# ── the sides of a stereo mp3 ─────────────────────────────────────────────────────────────────────

SIDES = {
    "alike": ("", True),
    "alike at 22 kHz": ("-ar 22050", True),
    "alike with a varying bit rate": ("-q:a 4", True),
    "inverted": ("-af pan=stereo|c0=c0|c1=-1*c0", False),
    "inverted at 320 kbit/s": ("-b:a 320k -af pan=stereo|c0=c0|c1=-1*c0", False),
    "inverted at 22 kHz": ("-ar 22050 -af pan=stereo|c0=c0|c1=-1*c0", False),
    "inverted and uneven": ("-af pan=stereo|c0=0.7*c0|c1=-1*c0", False),
    "stored by themselves": ("-joint_stereo 0", False),
    "one silent": ("-af pan=stereo|c0=c0|c1=0*c0", False),
}


@pytest.mark.parametrize("name", SIDES)
def test_sides_that_are_alike_need_no_decoding(name: str, media: Media, tmp_path: Path) -> None:
    """False sends the file to a measurement, True spares it."""
    options, is_audible = SIDES[name]
    speech = speech_file(media, "sides.wav", "", 30.0)
    assert is_mix_audible(media.ffmpeg(f"-i {speech} -ac 2 {options}", tmp_path / "a.mp3")) == is_audible


@pytest.mark.parametrize("name", ["cbr.mp3", "plain.flac"])
def test_what_is_no_stereo_mp3_is_left_to_a_measurement(name: str, media: Media) -> None:
    assert not is_mix_audible(media(name))


# ── slices of an mp3 ──────────────────────────────────────────────────────────────────────────────


def test_a_slice_of_an_mp3_has_the_sound_and_the_duration_that_it_says(media: Media, tmp_path: Path) -> None:
    source = speech_file(media, "sliced.mp3", "-b:a 64k", 60.0)
    times, words = word_times(60.0), 0
    for number, (start, length) in enumerate(((0.0, 20.0), (20.0, 20.0), (40.0, None))):
        path = tmp_path / f"{number}.mp3"
        found = slice_mp3(source, path, start, length)
        assert found
        decoded, seconds = decode(path)
        assert found.start == pytest.approx(start, abs=0.05)
        assert found.seconds == pytest.approx(seconds, abs=0.03)
        for word in decoded:
            if word.number is not None and word.start > 0.1:
                assert found.start + word.start == pytest.approx(times[word.number], abs=0.01)
                words += 1
    assert words >= len(times) - 4  # one at each side of a cut


@pytest.mark.parametrize("options", ["-b:a 48k", "-b:a 96k -ar 44100 -ac 2"])
def test_a_slice_of_an_mp4_has_the_sound_and_the_duration_that_it_says(
    options: str, media: Media, tmp_path: Path
) -> None:
    source = speech_file(media, f"sliced-{len(options)}.m4a", options, 60.0)
    times, words = word_times(60.0), 0
    for number, (start, length) in enumerate(((0.0, 20.0), (20.0, 20.0), (40.0, None), (0.0, None))):
        path = tmp_path / f"{number}.m4a"
        found = slice_mp4(source, path, start, length)
        assert found
        decoded, seconds = decode(path)
        assert found.start == start
        assert found.seconds == pytest.approx(seconds, abs=0.03)
        for word in decoded:
            if word.number is not None and word.start > 0.1:
                assert start + word.start == pytest.approx(times[word.number], abs=0.01)
                words += 1
    assert words >= 2 * len(times) - 4  # one at each side of a cut


def test_an_mp3_that_is_damaged_is_not_sliced(media: Media, tmp_path: Path) -> None:
    content = bytearray(speech_file(media, "sliced.mp3", "-b:a 64k", 60.0).read_bytes())
    content[200_000:230_000] = bytes(30_000)
    (tmp_path / "damaged.mp3").write_bytes(content)
    assert slice_mp3(tmp_path / "damaged.mp3", tmp_path / "a.mp3", 0.0, 50.0) is None
    assert not (tmp_path / "a.mp3").exists()


# ── hostile ───────────────────────────────────────────────────────────────────────────────────────


def forge_ogg(content: bytes) -> bytes:
    """Every page says that one second has passed."""
    at = 0
    while (at := content.find(b"OggS", at)) >= 0:
        if struct.unpack_from("<q", content, at + 6)[0] > 48_000:
            content = content[: at + 6] + struct.pack("<q", 48_000) + content[at + 14 :]
        at += 4
    return content


def forge_box(content: bytes, kind: bytes, offset: int, number: int) -> bytes:
    at = content.index(kind) + 4 + offset
    return content[:at] + struct.pack(">I", number) + content[at + 4 :]


Maker = Callable[[Media], bytes]

FORGED: dict[str, Maker] = {
    "flac of a second": lambda media: media("plain.flac").read_bytes()[:21]
    + bytes([media("plain.flac").read_bytes()[21] & 0xF0])
    + struct.pack(">I", 44_100)
    + media("plain.flac").read_bytes()[26:],
    "mp4 whose samples are too many": lambda m: forge_box(m("faststart.m4a").read_bytes(), b"stts", 8, 9),
    "mp4 whose samples are too short": lambda m: forge_box(m("faststart.m4a").read_bytes(), b"stts", 12, 1),
    "mp4 whose table does not fit": lambda m: forge_box(m("faststart.m4a").read_bytes(), b"stsz", 8, 2**31),
    "mp4 whose edit hides most": lambda m: forge_box(m("faststart.m4a").read_bytes(), b"elst", 8, 100),
    "mp4 that lies past its end": lambda m: forge_box(m("faststart.m4a").read_bytes(), b"stco", 8, 2**31),
    "ogg that stands still": lambda m: forge_ogg(m("opus.ogg").read_bytes()),
    "wav of a frame without bytes": lambda m: m("s16.wav").read_bytes()[:32] + bytes(2) + bytes(90_000),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_header_is_not_believed(name: str, media: Media, tmp_path: Path) -> None:
    assert scan_bytes(FORGED[name](media), tmp_path) is None


HOSTILE: dict[str, Maker] = {
    "all bytes are the start of a sync": lambda _: b"\xff" * 25_000_000,
    "a frame after each zero": lambda m: b"\0".join([m("cbr.mp3").read_bytes()[2048:2900]] * 20_000),
    "noise after a frame": lambda m: m("cbr.mp3").read_bytes()[:8000] + Random(1).randbytes(25_000_000),
    "headers without frames": lambda _: (b"\xff\xfb\x90\xc0" + bytes(4)) * 3_000_000,
    "ogg of empty pages": lambda _: b"OggS" + (bytes(23) + b"OggS") * 900_000,
    "flac in flac": lambda _: b"fLaC\0\0\0\x22" * 3_000_000,
    "mp4 of empty boxes": lambda _: b"\0\0\0\x08ftyp" * 3_000_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_be_searched_for_ever_costs_little(name: str, media: Media, tmp_path: Path) -> None:
    content = HOSTILE[name](media)
    before = time.process_time()
    with suppress(AudioTooCostly):
        assert scan_bytes(content, tmp_path) is None
    assert time.process_time() - before < 10


def test_more_parts_than_anyone_joins_are_refused(media: Media, tmp_path: Path) -> None:
    link = media.ffmpeg("-f lavfi -i sine=440:d=0.1 -c:a libopus", tmp_path / "link.ogg").read_bytes()
    with pytest.raises(AudioTooCostly):
        scan_bytes(link * 300, tmp_path)
