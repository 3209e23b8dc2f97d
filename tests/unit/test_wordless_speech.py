"""Speech that has no words: the detector against its reference, where it finds speech, and who speaks it."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest

from common.speakers.features import RATE, Floats
from common.speakers.packing import pack, pack_speech, unpack, unpack_speech
from common.speakers.records import SIZE
from common.speakers.speech import between_words, find_speech
from common.speakers.stretch import Stretch, stretch_of
from common.speakers.vad import CHUNK, SpeechDetector
from common.speakers.weights import SPEECH_DETECTOR
from common.speakers.windows import Span
from common.speakers.wordless import assign_turns
from tests.conversation import decode
from tests.recordings import ENGLISH, ENGLISH_SHORT

REFERENCE = np.load(Path(__file__).parent.parent / "data" / "vad.npz")["probabilities"]


@pytest.fixture
def detector() -> SpeechDetector:
    return SpeechDetector(SPEECH_DETECTOR.read())


def english_short() -> Floats:
    raw = ENGLISH_SHORT.path.read_bytes()[44:]
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32_768)


def test_probabilities_equal_onnxruntimes(detector: SpeechDetector) -> None:
    ours = detector.hear(english_short())[: len(REFERENCE)]
    assert REFERENCE.min() < 0.1 < 0.9 < REFERENCE.max()
    assert np.abs(ours - REFERENCE).max() < 1e-4


@pytest.mark.parametrize("chunks", [1, 7])
def test_a_probability_does_not_depend_on_the_blocks(detector: SpeechDetector, chunks: int) -> None:
    samples, size = english_short(), chunks * CHUNK
    blocks = [detector.hear(samples[first : first + size]) for first in range(0, len(samples), size)]
    assert np.abs(np.concatenate(blocks)[: len(REFERENCE)] - REFERENCE).max() < 1e-4
    assert len(detector.hear(samples[:0])) == 0


def test_speech_is_found_where_somebody_speaks_and_nowhere_else(detector: SpeechDetector) -> None:
    speech, quiet = decode(ENGLISH_SHORT.path), bytes(4 * RATE)  # two seconds
    noise = np.random.default_rng(1).normal(size=2 * RATE) * 200
    sound = quiet + speech + quiet + noise.astype("<i2").tobytes() + speech
    found = find_speech(io.BytesIO(sound), detector)
    length = len(speech) / 2 / RATE
    spoken = [(2.0, 2 + length), (6 + length, 6 + 2 * length)]
    for start, end in found:
        assert any(start > first - 0.3 and end < last + 0.3 for first, last in spoken)
    heard = sum(end - start for start, end in found)
    assert heard > 0.8 * 2 * length


def test_what_words_leave_of_speech_is_a_stretch_of_its_own_unless_it_is_short() -> None:
    speech = [Span(0, 4), Span(10, 12), Span(20, 21)]
    words = [Span(1, 1.5), Span(1.6, 2), Span(3.8, 10.2), Span(11.8, 13)]
    assert between_words(speech, words) == [Span(0, 1), Span(2, 3.8), Span(10.2, 11.8), Span(20, 21)]
    assert between_words(speech, []) == speech
    assert between_words([], words) == []


def test_a_stretch_counts_its_own_part_on_the_recording_s_clock() -> None:
    words = [Span(i, i + 0.9) for i in range(20)] + [Span(30, 31)]
    stretch = Stretch.from_json(stretch_of(words, at=9.5, start=10.0, end=math.inf).to_json())
    assert stretch.words == [Span(0, 19.9), Span(30, 31)]
    assert all(start >= 10 for start, _ in stretch.windows([]))
    assert stretch.own([Span(0.0, 0.4), Span(0.2, 1.0), Span(5.0, 6.0)]) == [Span(10, 10.5), Span(14.5, 15.5)]
    first = stretch_of(words, at=0.0, start=-math.inf, end=10.0)
    whole = stretch_of(words, at=0.0, start=-math.inf, end=math.inf)
    assert [*first.windows([]), *stretch.windows([])] == whole.windows([])
    assert first.own([Span(8.0, 12.0), Span(11.0, 12.0)]) == [Span(8, 10)]


def voices_by_turns(count: int) -> list[tuple[Span, Floats]]:
    """Windows of two voices, by turns of twelve."""
    random = np.random.default_rng(5)
    middles = np.abs(random.normal(size=(2, SIZE)))
    made = middles[[i // 12 % 2 for i in range(count)]] + random.normal(size=(count, SIZE)) * 0.4
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return [(Span(i * 0.8, i * 0.8 + 1.6), voice.astype(np.float32)) for i, voice in enumerate(made)]


def test_speech_is_kept_beside_embeddings() -> None:
    voices = voices_by_turns(3)
    packed = b"".join([pack(*voices[0]), pack_speech(Span(4.0, 5.5)), pack(*voices[1]), pack(*voices[2])])
    assert len(unpack(packed)[1]) == 3
    assert unpack_speech(packed) == [Span(4.0, 5.5)]


def test_speech_without_words_gets_the_speaker_whose_voice_it_has() -> None:
    """The second turn of each voice has no words."""
    voices = voices_by_turns(72)
    seconds = 12 * 0.8
    words = [
        Span(at, at + 0.3) for at in np.arange(0, 6 * seconds, 0.32).tolist() if not 2 <= at // seconds < 4
    ]
    silent = [Span(2 * seconds + 0.2, 3 * seconds), Span(3 * seconds, 4 * seconds - 0.2)]
    packed = b"".join(pack(*voice) for voice in voices) + b"".join(map(pack_speech, silent))
    assigned = assign_turns(words, packed, least=1, most=10)
    assert len(assigned.speakers) == len(words)
    (first, one), (second, other) = assigned.wordless
    assert (one, other) == (assigned.speakers[0], assigned.speakers[-1])
    assert one != other
    assert first.start == pytest.approx(silent[0].start, abs=0.2)
    assert second.end == pytest.approx(silent[1].end, abs=0.2)
    assert first.end == second.start == pytest.approx(3 * seconds, abs=0.8)


def test_a_word_that_came_later_takes_the_place_of_speech_without_words() -> None:
    voices = b"".join(pack(*voice) for voice in voices_by_turns(12))
    packed = voices + pack_speech(Span(3.0, 6.0))
    words = [Span(0.0, 1.0), Span(4.0, 5.0)]
    spans = [span for span, _ in assign_turns(words, packed, least=1, most=1).wordless]
    assert spans == [Span(3, 4), Span(5, 6)]


def test_speech_gets_its_speakers_also_where_no_word_is_at_all() -> None:
    packed = b"".join(pack(*voice) for voice in voices_by_turns(72)) + pack_speech(Span(0.0, 57.6))
    assigned = assign_turns([], packed, least=1, most=10)
    assert assigned.speakers == []
    spans, speakers = zip(*assigned.wordless, strict=True)
    assert speakers == (speakers[0], 1 - speakers[0]) * 3
    assert [span.start for span in spans] == pytest.approx([i * 9.6 for i in range(6)], abs=0.8)


def test_a_voice_is_found_in_a_recording_that_the_engine_did_not_understand(detector: SpeechDetector) -> None:
    sound = decode(ENGLISH.path)
    found = find_speech(io.BytesIO(sound), detector)
    assert sum(end - start for start, end in found) > 0.6 * len(sound) / 2 / RATE
