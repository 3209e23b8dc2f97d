"""Recordings as people have them, of which something could get lost: every word at its time, or an error.

The engine decodes the words that are really in the file it gets, and takes its first track, mixed to one
channel, as an engine with ffmpeg does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.coded_speech import WORD_SECONDS, ToneRecogniser, speech_file, word_times, words_of
from tests.media import Media
from tests.server import Server
from tests.upstream import Upstream

SECONDS = 30.0
SILENCE = f"-f lavfi -i anullsrc=r=48000:cl=stereo:d={SECONDS}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("recordings") / "data"
    upstream = Upstream(recognise=ToneRecogniser())
    with upstream as engine, Server(data, GROQ_BASE_URL=engine.url, LOG_LEVEL="WARNING") as server:
        yield server


@pytest.fixture
def speech(media: Media) -> Path:
    return speech_file(media, "speech.wav", "", SECONDS)


def send(server: Server, path: Path, **fields: str) -> httpx.Response:
    return httpx.post(
        f"{server.url}/transcribe",
        files={"file": (path.name, path.read_bytes())},
        data={"timestamps": "segment,word", **fields},
        headers={"accept-language": "es"},
        timeout=120,
    )


def transcribe(server: Server, path: Path, **fields: str) -> dict[str, Any]:
    answer = send(server, path, **fields)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result.get("warnings", [])]


def check_words(
    result: dict[str, Any], seconds: float = SECONDS, *, times: list[float] | None = None
) -> None:
    """Every word once, within 0.05 s of its time, and the duration."""
    times = word_times(seconds) if times is None else times
    assert [word["word"] for word in result["words"]] == words_of(len(times))
    for word, start in zip(result["words"], times, strict=True):
        assert (word["start"], word["end"]) == pytest.approx((start, start + WORD_SECONDS), abs=0.05)
    assert result["duration"] == pytest.approx(seconds, abs=0.1)


# ── several audio tracks ──────────────────────────────────────────────────────────────────────────

FLAGS = {
    "no flag": "-disposition:a:0 0 -disposition:a:1 0 -default_mode passthrough",
    "the first": "-disposition:a:0 default -disposition:a:1 0",
    "the second": "-disposition:a:0 0 -disposition:a:1 default",
}


def recording_with_silent_microphone(media: Media, speech: Path, name: str, options: str) -> Path:
    path = media.folder / name
    return media.ffmpeg(f"{SILENCE} -i {speech} -map 0:a -map 1:a -c:a aac {options}", path)


@pytest.mark.parametrize("flag", FLAGS)
def test_of_several_tracks_the_first_that_is_audible_is_transcribed_with_a_warning(
    flag: str, server: Server, media: Media, speech: Path
) -> None:
    path = recording_with_silent_microphone(media, speech, "tracks.mkv", FLAGS[flag])
    result = transcribe(server, path)
    check_words(result)
    assert codes(result) == ["track_chosen"]
    assert result["warnings"][0]["message"].startswith(
        "El archivo tiene 2 pistas de audio; se transcribió la 2."
    )


def test_the_default_track_goes_before_another_audible_one(
    server: Server, media: Media, speech: Path
) -> None:
    path = media.folder / "commentary.mp4"
    tone = f"-f lavfi -i sine=200:d={SECONDS}"
    flags = "-disposition:a:0 0 -disposition:a:1 default"
    media.ffmpeg(f"{tone} -i {speech} -map 0:a -map 1:a -c:a aac {flags}", path)
    check_words(transcribe(server, path))


def test_a_track_that_starts_with_silence_is_found(server: Server, media: Media, speech: Path) -> None:
    path = media.folder / "late.mka"
    late = f"-i {speech} -af adelay=8000,atrim=end={SECONDS + 8}"
    media.ffmpeg(f"{SILENCE} {late} -map 0:a -map 1:a -c:a libopus", path)
    result = transcribe(server, path)
    check_words(result, SECONDS + 8, times=[start + 8 for start in word_times(SECONDS)])


def test_a_track_may_be_requested_and_is_no_news_then(server: Server, media: Media, speech: Path) -> None:
    path = recording_with_silent_microphone(media, speech, "request.mp4", "")
    second = transcribe(server, path, track="2")
    check_words(second)
    assert "warnings" not in second
    assert transcribe(server, path, track="1")["text"] == ""
    refusal = send(server, path, track="3")
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (422, "audio_track_unknown")
    assert refusal.json()["error"]["message"] == "El archivo no tiene pista de audio 3; tiene 2."


def test_all_tracks_may_be_mixed(server: Server, media: Media, speech: Path) -> None:
    """One half of the words in each track, as two sides of a call."""
    path = media.folder / "sides.mkv"
    half = SECONDS / 2
    sides = f"[0:a]asplit[x][y];[x]volume=0:enable='lt(t,{half})'[a];[y]volume=0:enable='gte(t,{half})'[b]"
    media.ffmpeg(f"-i {speech} -filter_complex {sides} -map [a] -map [b] -c:a flac", path)
    result = transcribe(server, path, tracks="mix")
    check_words(result)
    assert "warnings" not in result


@pytest.mark.parametrize(
    "fields",
    [
        {"track": "0"},
        {"track": "x"},
        {"track": "9999999"},
        {"tracks": "all"},
        {"track": "1", "tracks": "mix"},
    ],
)
def test_an_invalid_choice_of_track_is_refused(fields: dict[str, str], server: Server, speech: Path) -> None:
    refusal = send(server, speech, **fields)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (422, "option_invalid")


# ── channels ──────────────────────────────────────────────────────────────────────────────────────

INVERTED = "pan=stereo|c0=c0|c1=-1*c0"


@pytest.mark.parametrize("ending", ["wav", "mp3", "m4a", "webm", "flac"])
def test_one_channel_of_two_that_cancel_each_other_is_transcribed_with_a_warning(
    ending: str, server: Server, media: Media, speech: Path
) -> None:
    path = media.ffmpeg(f"-i {speech} -af {INVERTED}", media.folder / f"inverted.{ending}")
    result = transcribe(server, path)
    check_words(result)
    assert codes(result) == ["channel_chosen"]


def test_the_louder_of_two_channels_that_cancel_each_other_is_used(
    server: Server, media: Media, speech: Path
) -> None:
    pan = "pan=stereo|c0=0.7*c0|c1=-1*c0"
    result = transcribe(server, media.ffmpeg(f"-i {speech} -af {pan}", media.folder / "uneven.wav"))
    check_words(result)
    assert "2 canales" in result["warnings"][0]["message"]
    assert result["warnings"][0]["message"].endswith("se transcribió el canal 2.")


def test_channels_that_cancel_are_found_after_a_silent_beginning(
    server: Server, media: Media, speech: Path
) -> None:
    options = f"-i {speech} -af adelay=9000,{INVERTED}"
    result = transcribe(server, media.ffmpeg(options, media.folder / "inverted-late.flac"))
    check_words(result, SECONDS + 9, times=[start + 9 for start in word_times(SECONDS)])


@pytest.mark.parametrize("side", ["c0=c0|c1=0*c0", "c0=0*c0|c1=c0"])
def test_a_recording_with_one_silent_side_is_sent_as_it_is(
    side: str, server: Server, media: Media, speech: Path
) -> None:
    path = media.ffmpeg(f"-i {speech} -af pan=stereo|{side},volume=1.8", media.folder / f"{side[3:6]}.wav")
    result = transcribe(server, path)
    check_words(result)
    assert "warnings" not in result


def test_both_sides_of_a_call_are_transcribed(server: Server, media: Media, speech: Path) -> None:
    """One speaks on the left, then the other on the right, out of phase: neither side may be dropped."""
    half = SECONDS / 2
    left, right = f"volume=2:enable='lt(t,{half})'", f"volume=-2:enable='gte(t,{half})'"
    mute_left, mute_right = f"volume=0:enable='gte(t,{half})'", f"volume=0:enable='lt(t,{half})'"
    graph = (
        f"[0:a]asplit[x][y];[x]{left},{mute_left}[a];[y]{right},{mute_right}[b];[a][b]amerge=inputs=2[out]"
    )
    path = media.ffmpeg(f"-i {speech} -filter_complex {graph} -map [out]", media.folder / "call.wav")
    result = transcribe(server, path)
    check_words(result)
    assert "warnings" not in result


def test_the_centre_of_six_channels_is_used_where_the_others_cancel_it(
    server: Server, media: Media, speech: Path
) -> None:
    pan = "pan=5.1|FL=-0.71*c0|FR=-0.71*c0|FC=c0|BL=0*c0|BR=0*c0"
    path = media.ffmpeg(f"-i {speech} -af {pan}", media.folder / "surround-cancels.wav")
    result = transcribe(server, path)
    check_words(result)
    assert result["warnings"][0]["message"].endswith("se transcribió el canal 3.")


# ── what is cut off, protected, or no recording ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "options"),
    [("half.m4a", "-movflags +faststart"), ("half.webm", ""), ("half.mp3", ""), ("half.flac", "")],
)
def test_a_recording_whose_end_is_missing_is_transcribed_with_a_warning(
    name: str, options: str, server: Server, media: Media, speech: Path
) -> None:
    path = media.ffmpeg(f"-i {speech} {options}", media.folder / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    result = transcribe(server, path)
    assert 10 < len(result["words"]) < len(word_times(SECONDS))
    assert [word["word"] for word in result["words"]][:10] == words_of(10)
    assert codes(result) == ["audio_cut_off"]
    assert result["warnings"][0]["message"].startswith("Falta el final del archivo")


@pytest.mark.parametrize("entry", ["aavd", "drms", "enca"])
def test_a_protected_recording_is_refused_as_such(
    entry: str, server: Server, media: Media, speech: Path
) -> None:
    plain = media.ffmpeg(f"-i {speech} -c:a aac", media.folder / "to-protect.m4a").read_bytes()
    path = media.folder / f"{entry}.m4a"
    path.write_bytes(plain.replace(b"mp4a", entry.encode()))
    refusal = send(server, path)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (422, "audio_protected")


def test_a_recording_with_common_encryption_is_refused_as_such(
    server: Server, media: Media, speech: Path
) -> None:
    key = "-encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb"
    options = f"-i {speech} -c:a aac {key} -encryption_kid a7e61c373e219033c21091fa607bf3b8"
    refusal = send(server, media.ffmpeg(options, media.folder / "cenc.mp4"))
    assert refusal.json()["error"]["code"] == "audio_protected"


NO_RECORDINGS = {
    "list.m3u8": (b"#EXTM3U\n#EXT-X-ENDLIST\n", "file_is_playlist"),
    "list.pls": (b"[playlist]\nFile1=a.mp3\n", "file_is_playlist"),
    "talk.srt": (b"\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02,000\r\nHola\r\n", "file_is_subtitles"),
    "talk.vtt": (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHola\n", "file_is_subtitles"),
    "photo.heic": (b"\0\0\0\x18ftypheic" + bytes(64), "file_is_image"),
    "photo.webp": (b"RIFF\x20\0\0\0WEBPVP8 " + bytes(64), "file_is_image"),
    "notes.zip": (b"PK\x03\x04" + bytes(64), "file_is_archive"),
    "notes.tar": (b"a.mp3" + bytes(252) + b"ustar" + bytes(300), "file_is_archive"),
    "paper.pdf": (b"%PDF-1.7\n" + bytes(64), "file_is_document"),
    "sign-in.mp3": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "file_is_document"),
}


@pytest.mark.parametrize("name", NO_RECORDINGS)
def test_what_is_no_recording_is_refused_by_name(name: str, server: Server, tmp_path: Path) -> None:
    content, code = NO_RECORDINGS[name]
    path = tmp_path / name
    path.write_bytes(content)
    refusal = send(server, path)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (415, code)
    assert refusal.json()["error"]["hint"]


# ── without a header ──────────────────────────────────────────────────────────────────────────────

RAW = {
    "mulaw;rate=8000": "-ar 8000 -ac 1 -f mulaw",
    "ulaw": "-ar 8000 -ac 1 -f mulaw",
    "alaw;rate=16000": "-ar 16000 -ac 1 -f alaw",
    "slin": "-ar 8000 -ac 1 -f s16le",
    "s16le;rate=44100;channels=2": "-ar 44100 -ac 2 -f s16le",
    "g722": "-ar 16000 -ac 1 -f g722",
}


@pytest.mark.parametrize("input_format", RAW)
def test_a_file_without_a_header_is_read_as_the_client_says(
    input_format: str, server: Server, media: Media, speech: Path
) -> None:
    path = media.ffmpeg(f"-i {speech} {RAW[input_format]}", media.folder / "call.wav")
    check_words(transcribe(server, path, inputFormat=input_format))


def test_a_gsm_file_without_a_header_is_decoded(server: Server, tmp_path: Path) -> None:
    """ffmpeg has no GSM encoder: these are five seconds of frames of silence (GSM 06.10)."""
    path = tmp_path / "call.gsm"
    path.write_bytes((b"\xd8\x20\xa2\xe1\x5a" + b"\x50\x00\x49\x24\x92\x49\x24" * 4) * 250)
    result = transcribe(server, path, inputFormat="gsm")
    assert result["duration"] == pytest.approx(5.0, abs=0.05)


@pytest.mark.parametrize(
    "input_format", ["concat", "mulaw;rate=1", "mulaw;rate=x", "g722;rate=8000", "s16le;f=hls", ";"]
)
def test_another_format_of_files_without_a_header_is_refused(
    input_format: str, server: Server, speech: Path
) -> None:
    refusal = send(server, speech, inputFormat=input_format)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (422, "option_invalid")


def test_a_file_without_a_header_that_is_too_long_is_refused(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "four-hours.gsm"
    with path.open("wb") as file:
        file.truncate((4 * 3600 * 50 + 1) * 33)  # frames of 20 ms
    refusal = send(server, path, inputFormat="gsm")
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (422, "audio_too_long")


# ── gaps in time ──────────────────────────────────────────────────────────────────────────────────

GAP = (9.0, 17.0)  # seconds
GAPS = {
    "call.mkv": "-c:a aac",
    "call.webm": "-c:a libopus -b:a 32k",
    "call.m4a": "-c:a aac",
    "call.mp4": "-c:a libopus -b:a 32k",
    "call.flv": "-c:a aac",
    "call.mka": "-c:a ac3",
    "vorbis.mkv": "-c:a libvorbis",
}


@pytest.mark.parametrize("codec", ["aac", "libopus", "libvorbis", "flac"])
def test_a_recording_that_begins_before_0_is_heard_whole(
    codec: str, server: Server, media: Media, speech: Path
) -> None:
    before = "-output_ts_offset -3.3 -avoid_negative_ts disabled"
    path = media.ffmpeg(f"-i {speech} -ar 48000 -c:a {codec} {before}", media.folder / f"below-0-{codec}.mkv")
    check_words(transcribe(server, path))


@pytest.mark.parametrize("name", GAPS)
def test_words_after_missing_packets_keep_their_times(
    name: str, server: Server, media: Media, speech: Path
) -> None:
    whole = media.ffmpeg(f"-i {speech} -ar 48000 {GAPS[name]}", media.folder / f"whole-{name}.mkv")
    drop = f"noise=drop='between(pts*tb,{GAP[0]},{GAP[1]})'"
    holed = media.ffmpeg(f"-i {whole} -c copy -bsf:a {drop}", media.folder / f"holed-{name}.mkv")
    path = media.ffmpeg(f"-i {holed} -c copy", media.folder / f"gap-{name}")
    result = transcribe(server, path)
    words = words_of(len(word_times(SECONDS)))
    kept = [
        (word, start)
        for word, start in zip(words, word_times(SECONDS), strict=True)
        if start + WORD_SECONDS < GAP[0] - 0.1 or start > GAP[1] + 0.1
    ]
    found = [(word["word"], word["start"]) for word in result["words"]]
    for word, start in kept:
        assert any(word == text and abs(start - at) <= 0.06 for text, at in found), (word, start)
    assert len(found) <= len(kept) + 2  # half a word on either side
    assert result["duration"] == pytest.approx(SECONDS, abs=0.1)


# ── damaged midway ────────────────────────────────────────────────────────────────────────────────

DAMAGED = {
    "call.m4a": "-c:a aac",
    "call.ogg": "-c:a libvorbis",
    "call.opus": "-c:a libopus",
    "call.webm": "-c:a libopus",
    "call.flac": "",
}


def damaged_recording(media: Media, name: str, options: str) -> Path:
    """Zeros in place of 15 % of the bytes, in the middle."""
    content = bytearray(speech_file(media, f"whole-{name}", options, SECONDS).read_bytes())
    start, size = len(content) * 2 // 5, len(content) * 15 // 100
    content[start : start + size] = bytes(size)
    path = media.folder / f"damaged-{name}"
    path.write_bytes(content)
    return path


def check_times_of_words_that_are_left(result: dict[str, Any], least: float) -> None:
    """`least`: the share of the words that must be there. Half words at the damage may read as anything."""
    words, times = words_of(len(word_times(SECONDS))), word_times(SECONDS)
    found = [(word["word"], word["start"]) for word in result["words"]]
    in_place = [
        any(word == text and abs(start - at) <= 0.05 for text, at in found)
        for word, start in zip(words, times, strict=True)
    ]
    assert in_place[:15] == [True] * 15
    assert in_place[-15:] == [True] * 15
    assert sum(in_place) >= least * len(words)
    assert len(found) <= sum(in_place) + 3


@pytest.mark.parametrize("name", DAMAGED)
def test_words_after_a_damage_keep_their_times(name: str, server: Server, media: Media) -> None:
    result = transcribe(server, damaged_recording(media, name, DAMAGED[name]))
    check_times_of_words_that_are_left(result, least=0.7)
    assert result["duration"] == pytest.approx(SECONDS, abs=0.1)
    assert codes(result) == ["audio_damaged"]


def test_a_damaged_mp3_has_no_clock_and_a_warning_says_so(server: Server, media: Media) -> None:
    result = transcribe(server, damaged_recording(media, "call.mp3", "-b:a 64k"))
    assert codes(result) == ["audio_damaged_times"]
    assert [word["word"] for word in result["words"]][:15] == words_of(15)
    assert [word["word"] for word in result["words"]][-15:] == words_of(len(word_times(SECONDS)))[-15:]


# ── several recordings in one file ────────────────────────────────────────────────────────────────

# The options of two halves that follow each other in one file.
JOINED = {
    "change.ogg": ("-c:a libvorbis -ar 48000 -ac 2", "-c:a libvorbis -ar 16000 -ac 1"),
    "codecs.ogg": ("-c:a libopus", "-c:a libvorbis -ar 44100"),
    "same.ogg": ("-c:a libopus", "-c:a libopus"),
    "rate.aac": ("-c:a aac -ar 44100", "-c:a aac -ar 22050"),
    "channels.aac": ("-c:a aac -ar 44100 -ac 2", "-c:a aac -ar 44100 -ac 1"),
    "rate.mp3": ("-ar 44100", "-ar 22050"),
    "channels.mp3": ("-ac 2", "-ac 1"),
    "rate.flac": ("", "-ar 48000"),
    "same.flac": ("", ""),
}


def joint() -> float:
    """A moment between two words in the middle of the speech."""
    before, after = next(pair for pair in pairwise(word_times(SECONDS)) if pair[1] > SECONDS / 2)
    return (before + WORD_SECONDS + after) / 2


def joined_recording(media: Media, speech: Path, name: str, options: tuple[str, ...]) -> Path:
    """The speech in two halves, each encoded by itself."""
    path, spans = media.folder / f"joined-{name}", ((0.0, joint()), (joint(), SECONDS))
    halves = [
        media.ffmpeg(f"-ss {start} -to {end} -i {speech} {each}", media.folder / f"{start:.0f}-{name}")
        for (start, end), each in zip(spans, options, strict=True)
    ]
    path.write_bytes(b"".join(half.read_bytes() for half in halves))
    return path


@pytest.mark.parametrize("name", JOINED)
def test_recordings_that_follow_each_other_in_one_file_are_all_transcribed(
    name: str, server: Server, media: Media, speech: Path
) -> None:
    result = transcribe(server, joined_recording(media, speech, name, JOINED[name]))
    times = word_times(SECONDS)
    if name.endswith("aac"):  # each file of ADTS begins with the sound of its encoder's delay
        first, second = (1024 / float(each.split()[3]) for each in JOINED[name])
        times = [start + first + (second if start > joint() else 0.0) for start in times]
    check_words(result, times=times)
    assert "warnings" not in result


# ── unusual, and right ────────────────────────────────────────────────────────────────────────────


def _wav_that_claims(size: int) -> Callable[[Media], bytes]:
    def make(media: Media) -> bytes:
        content = bytearray(speech_file(media, "claims.wav", "-bitexact", SECONDS).read_bytes())
        content[40:44] = content[4:8] = size.to_bytes(4, "little")
        return bytes(content)

    return make


def _mp3_after(head: bytes) -> Callable[[Media], bytes]:
    return lambda media: head + speech_file(media, "plain.mp3", "-b:a 64k", SECONDS).read_bytes()


def _encoded(name: str, options: str) -> Callable[[Media], bytes]:
    return lambda media: speech_file(media, name, options, SECONDS).read_bytes()


def _id3(size: int) -> bytes:
    length = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + b"\xff\xfb" * (size // 2)


_APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 32, 0, 1 << 29) + bytes(32)
_FRAGMENTS = "-c:a aac -movflags +empty_moov+default_base_moof -frag_duration 1000000"


UNUSUAL: dict[str, Callable[[Media], bytes]] = {
    "wav of size 0": _wav_that_claims(0),
    "wav of size 0xFFFFFFFF": _wav_that_claims(0xFFFFFFFF),
    "wav of size 2e9": _wav_that_claims(2_000_000_000),
    "RF64": _encoded("rf64.wav", "-rf64 always"),
    "wav of six channels": _encoded("six.wav", "-ac 6"),
    "wav of doubles": _encoded("doubles.wav", "-c:a pcm_f64le"),
    "mp3 with a tag of 6 MB": _mp3_after(_id3(6_000_000)),
    "mp3 after zeros": _mp3_after(bytes(3000)),
    "mp3 after an APE tag": _mp3_after(_APE),
    "mp3 of a varying rate without a count": _encoded("vbr.mp3", "-q:a 4 -write_xing 0"),
    "webm as it is recorded": _encoded("live.webm", "-c:a libopus -b:a 32k -live 1"),
    "mp4 in fragments": _encoded("fragments.mp4", _FRAGMENTS),
}  # fmt: skip


# Seconds of sound that an encoder puts before the first, where nothing in the file notes it for decoders.
DELAYS = {
    "mp3 after zeros": 0.07,
    "mp3 after an APE tag": 0.07,
    "mp3 of a varying rate without a count": 0.07,
    "mp4 in fragments": 0.065,
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_file_is_transcribed_to_its_last_word(name: str, server: Server, media: Media) -> None:
    path = media.folder / f"{name.replace(' ', '-')}.bin"
    path.write_bytes(UNUSUAL[name](media))
    result = transcribe(server, path)
    delay = DELAYS.get(name, 0.0)
    check_words(result, times=[start + delay for start in word_times(SECONDS)])
    assert "warnings" not in result
