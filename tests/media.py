"""Recordings of every kind, good, broken and hostile, each made when a test first uses it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

SECONDS = 4.0  # the duration of each good recording
PITCH = 440  # Hz, the tone in all of them

_TONE = f"-f lavfi -i sine={PITCH}:r=44100:d={SECONDS}"
_FILM = f"-f lavfi -i testsrc=s=320x240:r=5:d={SECONDS} -map 0:a -map 1:v -pix_fmt yuv420p"
# No test looks at the picture.
_H264, _VP8 = "-c:v libx264 -preset ultrafast", "-c:v libvpx -deadline realtime -cpu-used 8"
_COVER = "-map 0:a -map 1:v -c copy -disposition:v attached_pic"

# ffmpeg's options for each good file; the extension of its name decides the container.
GOOD: dict[str, str] = {
    "cbr.mp3": f"{_TONE} -b:a 64k",
    "vbr-without-xing.mp3": f"{_TONE} -q:a 4 -write_xing 0 -id3v2_version 0",
    "cover.mp3": f"-i {{cbr.mp3}} -i {{cover.jpg}} {_COVER}",
    "layer2.mp2": _TONE,
    "s16.wav": _TONE,
    "s24.wav": f"{_TONE} -c:a pcm_s24le",
    "float.wav": f"{_TONE} -c:a pcm_f32le",
    "mulaw.wav": f"{_TONE} -ar 8000 -c:a pcm_mulaw",
    "surround.wav": f"{_TONE} -ac 6",
    "adpcm.wav": f"{_TONE} -c:a adpcm_ms",
    "big.w64": _TONE,
    "sun.au": _TONE,
    "moov-at-end.m4a": f"{_TONE} -b:a 64k",
    "faststart.m4a": f"{_TONE} -b:a 64k -movflags +faststart",
    "cover.m4a": f"-i {{moov-at-end.m4a}} -i {{cover.jpg}} {_COVER}",
    "lossless.m4a": f"{_TONE} -c:a alac",
    "audio-only.mp4": f"{_TONE} -b:a 64k",
    # What Safari's MediaRecorder sends as audio/mp4: fragments, an empty index, no duration.
    "safari.mp4": f"{_TONE} -b:a 64k -movflags +empty_moov+default_base_moof -frag_duration 1000000",
    "plain.flac": _TONE,
    "vorbis.ogg": f"{_TONE} -c:a libvorbis",
    "opus.ogg": f"{_TONE} -c:a libopus -b:a 24k",
    "opus.opus": f"{_TONE} -c:a libopus -b:a 24k",
    "flac.oga": f"{_TONE} -c:a flac",
    # What Chrome's MediaRecorder sends: clusters of unknown size, no duration.
    "mediarecorder.webm": f"{_TONE} -c:a libopus -b:a 32k -live 1",
    "film.webm": f"{_TONE} {_FILM} {_VP8} -c:a libopus",
    "film.mp4": f"{_TONE} {_FILM} {_H264}",
    "film-fragmented.mp4": f"{_TONE} {_FILM} {_H264} -movflags +frag_keyframe+empty_moov",
    "film-with-mp3.mp4": f"{_TONE} {_FILM} {_H264} -c:a libmp3lame",
    "film-with-opus.mp4": f"{_TONE} {_FILM} {_H264} -c:a libopus",
    "film-with-late-sound.mp4": f"-f lavfi -i testsrc=s=64x64:d=10 -itsoffset 6 {_TONE} -pix_fmt yuv420p",
    "film-with-late-sound.mkv": "-i {film-with-late-sound.mp4} -c:v copy -c:a ac3",
    "film.mov": f"{_TONE} {_FILM} {_H264} -c:a aac",
    "film-with-pcm.mov": f"{_TONE} {_FILM} {_H264} -c:a pcm_s16be",
    "sound.mov": f"{_TONE} -c:a aac",
    "film.mkv": f"{_TONE} {_FILM} {_H264} -c:a libvorbis",
    "film-with-ac3.mkv": f"{_TONE} {_FILM} {_H264} -c:a ac3",
    "film-with-flac.mkv": f"{_TONE} {_FILM} {_H264} -c:a flac",
    "sound.mka": f"{_TONE} -c:a libmp3lame",
    "phone.3gp": f"{_TONE} -ar 8000 -ac 1 -c:a libopencore_amrnb",
    "raw.aac": f"{_TONE} -b:a 64k",
    "note.amr": f"{_TONE} -ar 8000 -ac 1",
    "apple.aiff": _TONE,
    "apple.caf": f"{_TONE} -c:a alac",
    "windows.wma": _TONE,
}

_BROKEN_BY_FFMPEG: dict[str, str] = {
    "cover.jpg": "-f lavfi -i testsrc=s=600x600:d=0.04 -frames:v 1",
    "silent-film.mp4": f"-f lavfi -i testsrc=s=320x240:d={SECONDS} {_H264} -pix_fmt yuv420p",
    "five-milliseconds.wav": "-f lavfi -i sine=440:d=0.005",
    "rate-of-2-khz.wav": "-f lavfi -i sine=440:r=2000:d=1",
    # Six hours in a few hundred kilobytes; `n`, the samples of a frame, makes it a quarter of the work.
    "silence-bomb.flac": (
        "-f lavfi -i anullsrc=r=8000:cl=mono:d=21600:n=65535 -frame_size 65535 -compression_level 0"
    ),
}


class Media:
    """Makes files in `folder`, each once. Call it with a name to get the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            if (options := (GOOD | _BROKEN_BY_FFMPEG).get(name)) is not None:
                self.ffmpeg(options, path)
            else:
                path.write_bytes(_BROKEN[name](self))
        return path

    def ffmpeg(self, options: str, path: Path) -> Path:
        """Run ffmpeg without limits, since its input is our own. `{name}` becomes the path of that file."""
        words = [str(self(word[1:-1])) if word[0] == "{" else word for word in options.split()]
        _run_program(["-y", *words, str(path)])
        return path

    def part(self, name: str, share: float) -> bytes:
        """The first `share` of a file's bytes."""
        whole = self(name).read_bytes()
        return whole[: int(len(whole) * share)]


def program() -> Path:
    spec = find_spec("imageio_ffmpeg")
    assert spec is not None
    assert spec.submodule_search_locations
    return next(Path(spec.submodule_search_locations[0], "binaries").glob("ffmpeg-*"))


def _run_program(options: Sequence[str]) -> bytes:
    """What ffmpeg writes to its standard output."""
    command = [str(program()), "-nostdin", "-loglevel", "error", *options]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        # A quarter less CPU, as in common/audio/child.py.
        if sys.platform == "linux":
            os.sched_setscheduler(process.pid, os.SCHED_BATCH, os.sched_param(0))
        written = process.communicate()[0]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return written


def pcm(path: Path, rate: int = 16_000) -> memoryview:
    """The samples of a file, mono, as 16-bit integers."""
    options = ["-i", str(path), "-map", "0:a:0", "-ac", "1", "-ar", str(rate), "-f", "s16le", "pipe:1"]
    return memoryview(_run_program(options)).cast("h")


def pitch(path: Path) -> float:
    """The pitch of a tone in Hz: how often its samples rise through zero."""
    samples = pcm(path)
    rises = sum(1 for sample, following in pairwise(samples) if sample < 0 <= following)
    return rises * 16_000 / len(samples)


# ── hostile and broken files, byte by byte ────────────────────────────────────────────────────────


def _noise(size: int) -> bytes:
    """Pseudo-random bytes, the same in each run."""
    state, out = 0x2545F491, bytearray()
    while len(out) < size:
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        out += state.to_bytes(4, "little")
    return bytes(out[:size])


def wav(rate: int, channels: int, seconds: float = 1.0, bits: int = 16) -> bytes:
    """A wav file of zeros with these values in its header."""
    align = channels * bits // 8
    data = b"\0" * min(int(rate * seconds) * align, 2_000_000)
    extensible = struct.pack(
        "<HHIIHHHHI", 0xFFFE, channels & 0xFFFF, rate, rate & 0xFFFFFFFF, align & 0xFFFF, bits, 22, bits, 0
    )
    extensible += bytes.fromhex("0100000000001000800000aa00389b71")
    chunks = (
        b"fmt "
        + struct.pack("<I", len(extensible))
        + extensible
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _streamed_wav(media: Media) -> bytes:
    whole = bytearray(media("s16.wav").read_bytes())
    at = whole.index(b"data")
    whole[4:8] = whole[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    return bytes(whole)


def _ogg_page(packets: list[bytes], serial: int, number: int, granule: int, kind: int = 0) -> bytes:
    table = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = b"OggS\0" + struct.pack("<BqIIIB", kind, granule, serial, number, 0, len(table)) + table
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _ogg_crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ _OGG_TABLE[(crc >> 24) ^ byte]
    return crc


def _ogg_table() -> list[int]:
    table = []
    for value in range(256):
        crc = value << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
        table.append(crc)
    return table


_OGG_TABLE = _ogg_table()


def _one_byte_opus(_: Media) -> bytes:
    """Half a megabyte of packets of one byte, each 60 ms of nothing (RFC 6716, 3.1): over four hours."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 312, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", 0)
    pages = [_ogg_page([head], 7, 0, 0, 2), _ogg_page([tags], 7, 1, 0)]
    pages += [_ogg_page([b"\x18"] * 255, 7, number + 1, number * 255 * 2880) for number in range(1, 1001)]
    return b"".join(pages)


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * (height * (width * 3 + 1)), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _huge_cover(media: Media) -> bytes:
    picture = b"\0image/png\0\x03\0" + _png(12_000, 12_000)
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    size = len(frame)
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + syncsafe + frame + media("vbr-without-xing.mp3").read_bytes()


def _box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _claimed_samples(_: Media) -> bytes:
    """An mp4 of some 600 bytes whose index claims 268 million samples."""
    many = 0x0FFFFFFF
    mp4a = _box(b"mp4a", bytes(6) + struct.pack(">HQHHII", 1, 0, 1, 16, 0, 44100 << 16))
    table = _box(
        b"stbl",
        _box(b"stsd", struct.pack(">II", 0, 1), mp4a),
        _box(b"stts", struct.pack(">IIII", 0, 1, many, 1024)),
        _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, many, 1)),
        _box(b"stsz", struct.pack(">III", 0, 1, many)),
        _box(b"stco", struct.pack(">III", 0, 1, 48)),
    )
    minf = _box(b"minf", _box(b"smhd", bytes(8)), table)
    hdlr = _box(b"hdlr", bytes(8) + b"soun" + bytes(13))
    mdhd = _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 44100, 0xFFFFFFFF, 0, 0))
    tkhd = _box(b"tkhd", struct.pack(">IIIII", 3, 0, 0, 1, 0) + bytes(64))
    mvhd = _box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 0) + bytes(80))
    moov = _box(b"moov", mvhd, _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf)))
    return _box(b"ftyp", b"M4A \0\0\0\0M4A ") + _box(b"mdat", bytes(64)) + moov


def _script(text: str) -> Callable[[Media], bytes]:
    return lambda _: text.encode()


def _cut(name: str) -> Callable[[Media], bytes]:
    return lambda media: media.part(name, 0.6)


_BROKEN: dict[str, Callable[[Media], bytes]] = {
    "empty.mp3": lambda _: b"",
    "noise.mp3": lambda _: _noise(300_000),
    "text.mp3": _script("This is no recording at all, whatever it is called.\n" * 400),
    "streamed.wav": _streamed_wav,
    "cut.m4a": _cut("moov-at-end.m4a"),
    "cut-faststart.m4a": _cut("faststart.m4a"),
    "cut.wav": _cut("s16.wav"),
    "cut.mp3": _cut("cbr.mp3"),
    "cut.ogg": _cut("vorbis.ogg"),
    "cut.flac": _cut("plain.flac"),
    "cut.webm": _cut("mediarecorder.webm"),
    # Playlists that make ffmpeg without whitelists open another file, connect to a host, or run for ever.
    "playlist.mp3": _script("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ncbr.mp3\n#EXT-X-ENDLIST\n"),
    "live-playlist.mp3": _script("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ncbr.mp3\n"),
    "remote-playlist.mp3": _script("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
    "concat.mp3": _script("ffconcat version 1.0\nfile cbr.mp3\n"),
    "absolute-concat.mp3": lambda media: f"ffconcat version 1.0\nfile '{media('cbr.mp3')}'\n".encode(),
    "brainwaves.mp3": _script("-SE\nall: 200+10/30 300+5/20\nNOW all\n+24:00 all\n"),
    "dash.mp4": _script(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        '<AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>'
        "cbr.mp3</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "session.sdp": _script("v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n"),
    "one-byte-packets.opus": _one_byte_opus,
    "huge-cover.mp3": _huge_cover,
    "claimed-samples.m4a": _claimed_samples,
    "rate-of-1-hz.wav": lambda _: wav(1, 1, seconds=1000),
    "rate-of-655-khz.wav": lambda _: wav(655_350, 1),
    "65535-channels.wav": lambda _: wav(8000, 65_535, bits=8),
    "nine-channels.wav": lambda _: wav(8000, 9),
    "no-channels.wav": lambda _: wav(8000, 0),
}
