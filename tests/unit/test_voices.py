"""Voices: the encoder against its reference, grouping, words to speakers, labels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from common.errors import SpeakersUnavailable
from common.models import Segment, Transcript, Word
from common.speakers.assignment import assign_speakers
from common.speakers.clustering import group_voices
from common.speakers.embedding import embed_windows
from common.speakers.encoder import VoiceEncoder
from common.speakers.features import HOP, RATE, Floats, mel_frames
from common.speakers.labels import label_speakers, spoken_tokens
from common.speakers.likeness import SAME, Pairs, merge_alike, split_unlike
from common.speakers.packing import pack, unpack
from common.speakers.range import parse_range, range_of
from common.speakers.records import RECORD_BYTES, is_current
from common.speakers.weights import VOICE_ENCODER
from common.speakers.windows import Span, speech_of, windows_of
from tests.chunks import chunks_of
from tests.conversation import decode
from tests.recordings import ENGLISH, ENGLISH_SHORT, SPANISH

NO_CHUNKS = chunks_of({}, seconds=0.0)

REFERENCE = np.load(Path(__file__).parent.parent / "data" / "voice-encoder.npz")


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    return VoiceEncoder(VOICE_ENCODER.read())


def samples_of(path: Path) -> Floats:
    return np.frombuffer(path.read_bytes()[44:], "<i2").astype(np.float32) / np.float32(32_768)


# ── the encoder ───────────────────────────────────────────────────────────────────────────────────


def test_features_equal_kaldis() -> None:
    ours = mel_frames(samples_of(ENGLISH_SHORT.path))[: len(REFERENCE["mel"])]
    differences = np.abs(ours - REFERENCE["mel"])
    assert differences.mean() < 1e-5
    assert differences.max() < 5e-4  # Kaldi has 32 bits: in its quietest bands that is its own error


def frames_of(first: int, end: int) -> Floats:
    """A window of the reference, without its mean."""
    frames = REFERENCE["mel"][first:end]
    return np.asarray(frames - frames.mean(axis=0), np.float32)


def test_embeddings_equal_pytorchs(encoder: VoiceEncoder) -> None:
    ours = encoder.embed(np.stack([frames_of(0, 160), frames_of(80, 240)]))
    assert np.abs(ours - REFERENCE["embeddings"]).max() < 1e-4


def test_a_window_longer_than_a_stretch_of_context_equals_pytorchs(encoder: VoiceEncoder) -> None:
    assert np.abs(encoder.embed(frames_of(0, 300)[None])[0] - REFERENCE["long"]).max() < 1e-4


def test_an_embedding_does_not_depend_on_its_batch(encoder: VoiceEncoder) -> None:
    windows = np.stack([frames_of(first, first + 160) for first in range(0, 80, 20)])
    alone = np.concatenate([encoder.embed(window[None]) for window in windows])
    assert np.abs(encoder.embed(windows) - alone).max() < 1e-5


def test_an_altered_file_of_weights_is_refused(tmp_path: Path) -> None:
    raw = bytearray(VOICE_ENCODER.path.read_bytes())
    raw[300_000] ^= 1
    (tmp_path / "altered.pt").write_bytes(raw)
    for name in ("altered.pt", "missing.pt"):
        with pytest.raises(SpeakersUnavailable):
            VOICE_ENCODER.read(tmp_path / name)


def test_packed_embeddings_come_back() -> None:
    voice = np.abs(np.random.default_rng(1).normal(size=192)).astype(np.float32)
    voice /= np.linalg.norm(voice)
    packed = pack(Span(14_399.1, 14_400.7), voice) + pack(Span(14_400.0, 14_401.0), voice)
    assert len(packed) == 2 * RECORD_BYTES == 792
    assert is_current(packed)
    assert is_current(b"")
    assert not is_current(packed[4:] + packed[:4])
    assert not is_current(bytes(520))
    times, voices = unpack(packed)
    assert times[0].tolist() == pytest.approx([14_399.1, 14_400.7], abs=2e-3)
    assert np.abs(voices - voice).max() < 1e-3


# ── groups ────────────────────────────────────────────────────────────────────────────────────────


def voices_of(centres: int, counts: int, *, spread: float = 0.045, seed: int = 5) -> tuple[Floats, list[int]]:
    """Unit vectors around some centres by turns of twelve, and whose each is."""
    random = np.random.default_rng(seed)
    middles = random.normal(size=(centres, 192))
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    owners = [turn // 12 % centres for turn in range(counts)]
    voices = middles[owners] + random.normal(size=(counts, 192)) * spread
    voices /= np.linalg.norm(voices, axis=1, keepdims=True)
    return voices.astype(np.float32), owners


@pytest.mark.parametrize("centres", [1, 2, 5])
@pytest.mark.parametrize("count", [120, 1500])
def test_groups_are_the_voices(centres: int, count: int) -> None:
    voices, owners = voices_of(centres, count)
    labels = group_voices(voices, least=1, most=10).labels
    pairs = set(zip(owners, labels.tolist(), strict=True))
    assert len(pairs) == centres == len(set(labels.tolist()))


def test_a_voice_of_few_embeddings_is_divided_from_the_rest_and_one_voice_is_not() -> None:
    voices, owners = voices_of(2, 120)
    mostly_one = [index for index, owner in enumerate(owners) if owner == 0 or index < 18]
    alone = [index for index, owner in enumerate(owners) if owner == 0]
    for members, is_two in ((mostly_one, True), (alone, False)):
        some, each = voices[members], np.arange(len(members))
        labels = split_unlike(some, each, some, np.zeros(len(members), np.intp), most=4)
        pairs = {(owners[index], label) for index, label in zip(members, labels.tolist(), strict=True)}
        assert len(pairs) == len(set(labels.tolist())) == 1 + is_two
        assert not split_unlike(some, each, some, np.zeros(len(members), np.intp), most=1).any()


@pytest.mark.parametrize("first", [2, 3, 6])
@pytest.mark.parametrize("second", [0, 2, 5])
def test_ten_seconds_of_two_people_are_two_voices_and_of_one_person_one(first: int, second: int) -> None:
    voices, owners = voices_of(2, 24)
    chosen = [*range(first), *range(12, 12 + second), *range(first, 6)]
    labels = group_voices(voices[chosen], least=1, most=10).labels.tolist()
    pairs = {(owners[index], label) for index, label in zip(chosen, labels, strict=True)}
    assert len(pairs) == len(set(labels)) == (2 if second else 1)
    assert set(group_voices(voices[chosen], least=1, most=1).labels.tolist()) == {0}


@pytest.mark.parametrize(("least", "most"), [(1, 1), (2, 2), (4, 6)])
def test_as_many_groups_as_were_said(least: int, most: int) -> None:
    voices, _ = voices_of(3, 150)
    assert least <= len(set(group_voices(voices, least=least, most=most).labels.tolist())) <= most


def test_a_handful_of_embeddings_is_one_voice() -> None:
    for count in range(1, 5):
        assert set(group_voices(voices_of(2, count)[0], least=1, most=10).labels.tolist()) == {0}


@pytest.mark.parametrize("spread", [0.02, 0.06], ids=["clear", "noisy"])
def test_one_voice_in_two_groups_becomes_one_and_two_voices_stay_two(spread: float) -> None:
    for centres in (1, 2):
        voices, owners = voices_of(centres, 24, spread=spread)
        halves = np.array(owners if centres == 2 else [i // 12 for i in range(24)])
        labels, lowest = merge_alike(voices, halves, least=1)
        assert len(set(labels.tolist())) == centres
        assert SAME <= lowest <= 1
        assert centres == 1 or lowest == 1
        assert merge_alike(voices, halves, least=2)[0].tolist() == halves.tolist()


def test_groups_of_a_single_embedding_have_a_likeness() -> None:
    voices, _ = voices_of(2, 13)
    alike = Pairs(voices, np.array([0] * 12 + [1])).likeness()
    assert np.isfinite(alike).all()
    assert alike[0, 1] < SAME


# ── words ─────────────────────────────────────────────────────────────────────────────────────────


def test_words_go_to_the_voice_around_them() -> None:
    voices, owners = voices_of(2, 120)
    times = np.array([(i * 0.8, i * 0.8 + 1.6) for i in range(120)], np.float32)
    words = [Span(0.1 + i * 0.32, 0.4 + i * 0.32) for i in range(300)]
    assigned = assign_speakers(words, times, voices, NO_CHUNKS, least=1, most=10)
    truth = [owners[min(119, max(0, round((start - 0.65) / 0.8)))] for start, _ in words]
    assert np.mean([a == b for a, b in zip(assigned.speakers, truth, strict=True)]) > 0.97
    assert not assigned.doubt


def test_short_windows_make_no_voice_of_their_own() -> None:
    voices, _ = voices_of(2, 120)
    voices[:24], voices[5:120:10] = voices[24:48], voices_of(3, 120)[0][30]
    ends = [0.3 if i % 10 == 5 else 1.6 for i in range(120)]
    times = np.array([(i * 0.8, i * 0.8 + ends[i]) for i in range(120)], np.float32)
    words = [Span(0.1 + i * 0.32, 0.4 + i * 0.32) for i in range(300)]
    assert len(set(assign_speakers(words, times, voices, NO_CHUNKS, least=1, most=10).speakers)) == 2


def test_little_speech_and_voices_near_each_other_are_doubtful() -> None:
    voices, _ = voices_of(1, 6)
    times = np.array([(i * 0.8, i * 0.8 + 1.6) for i in range(6)], np.float32)
    assert assign_speakers([Span(0.0, 0.5)], times, voices, NO_CHUNKS, least=1, most=10).doubt
    assert assign_speakers([Span(0.0, 0.5)], times[:0], voices[:0], NO_CHUNKS, least=1, most=10).speakers == [
        0
    ]
    near, _ = voices_of(1, 120)
    times = np.array([(i * 0.8, i * 0.8 + 1.6) for i in range(120)], np.float32)
    words = [Span(i * 0.32, i * 0.32 + 0.3) for i in range(300)]
    assert assign_speakers(words, times, near, NO_CHUNKS, least=2, most=2).doubt


def listen(encoder: VoiceEncoder, *recordings: Path) -> list[int]:
    """The speaker of each third of a second of recordings that follow each other."""
    sound = b"".join(decode(path) + bytes(RATE) for path in recordings)
    words = [Span(i / 3, (i + 1) / 3) for i in range(len(sound) * 3 // RATE // 2)]
    windows = windows_of(speech_of(words))
    embedded = dict(embed_windows(io.BytesIO(sound), windows, encoder))
    voices = np.stack([embedded[window] for window in windows])
    return assign_speakers(words, np.array(windows, np.float32), voices, NO_CHUNKS, least=1, most=10).speakers


def test_half_a_minute_of_one_reader_is_one_speaker(encoder: VoiceEncoder) -> None:
    assert set(listen(encoder, ENGLISH.path)) == {0}


def test_two_readers_of_some_seconds_are_two_speakers(encoder: VoiceEncoder) -> None:
    speakers = listen(encoder, ENGLISH.path, SPANISH[0].path, SPANISH[2].path)
    assert len(set(speakers)) == 2
    assert speakers[0] != speakers[-1]


# ── labels and the option ─────────────────────────────────────────────────────────────────────────


def test_segments_end_where_the_speaker_changes() -> None:
    texts = [" Hola,", " ¿qué", " tal?", " Bien."]
    words = [Word(word=text, start=i, end=i + 0.9) for i, text in enumerate(texts)]
    transcript = Transcript(
        text="Hola, ¿qué tal? Bien.",
        duration=4,
        segments=(Segment(id=0, start=0, end=4, text=" Hola, ¿qué tal? Bien.", avg_logprob=-0.2),),
        words=tuple(words),
    )
    lines = spoken_tokens(transcript)
    labelled = label_speakers(transcript, lines, [7, 7, 7, 2])
    assert [(one.id, one.speaker, one.text, one.start, one.end) for one in labelled.segments] == [
        (0, "A", " Hola, ¿qué tal?", 0, 2.9),
        (1, "B", " Bien.", 3, 4),
    ]
    assert [word.speaker for word in labelled.words or ()] == ["A", "A", "A", "B"]
    assert labelled.text == transcript.text


def test_without_word_times_labels_come_by_estimates() -> None:
    segment = Segment(id=0, start=1, end=3, text=" one two")
    transcript = Transcript(text="one two", duration=4, segments=(segment,))
    labelled = label_speakers(transcript, spoken_tokens(transcript), [0, 1])
    assert [(one.speaker, one.text) for one in labelled.segments] == [("A", " one"), ("B", " two")]
    assert labelled.words is None


@pytest.mark.parametrize(
    ("said", "option", "least_and_most"),
    [("true", "true", (1, 10)), ("FALSE", None, (1, 10)), ("2", "2", (2, 2)), ("2-5", "2-5", (2, 5))],
)
def test_the_option_says_how_many(said: str, option: str | None, least_and_most: tuple[int, int]) -> None:
    assert parse_range(said) == option
    assert range_of(option) == least_and_most


@pytest.mark.parametrize("said", ["0", "21", "5-2", "-2", "2-", "2–5", "yes", "1e1", "٣", "2-5-6"])
def test_anything_else_is_refused(said: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it names what was said
        parse_range(said)


def test_frames_of_one_hop_follow_each_other() -> None:
    sound = np.random.default_rng(0).normal(size=RATE).astype(np.float32) * np.float32(0.1)
    assert np.allclose(mel_frames(sound)[1:], mel_frames(sound[HOP:]), rtol=1e-4)
