"""Windows: where the voice encoder listens, and where it need not."""

from __future__ import annotations

import io
import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from common.speakers.embedding import embed_windows
from common.speakers.encoder import VoiceEncoder
from common.speakers.features import RATE, Floats
from common.speakers.stretch import stretch_of
from common.speakers.weights import VOICE_ENCODER
from common.speakers.windows import WINDOW, Span, held_by_others, speech_of, windows_of
from tests.conversation import decode
from tests.recordings import ENGLISH, ENGLISH_SHORT, SPANISH


class Counting(VoiceEncoder):
    """The encoder, and how many windows it was given."""

    count = 0

    def embed(self, windows: Floats) -> Floats:
        self.count += len(windows)
        return super().embed(windows)


@pytest.fixture
def encoder() -> Counting:
    return Counting(VOICE_ENCODER.read())


def some_words(random: Random) -> list[Span]:
    words, at = [], random.uniform(0, 2)
    for _ in range(random.randint(1, 60)):
        words.append(Span(at, at + random.uniform(0.1, 0.6)))
        at = words[-1].end + random.choice([0.0, 0.05, 0.2, 0.6, 3.0])
    return words


def test_windows_cover_all_speech_and_span_no_pause() -> None:
    random = Random(3)
    for _ in range(200):
        words = some_words(random)
        speech = speech_of(words)
        windows = windows_of(speech)
        for start, end in windows:
            assert end - start <= WINDOW + 1e-9
            assert any(span.start - 1e-9 <= start and end <= span.end + 1e-9 for span in speech)
        for span in speech:
            inside = [window for window in windows if span.start <= window.start < span.end]
            assert inside[0].start == span.start
            assert span.end - inside[-1].end <= 0.4 + 1e-9


def test_stretches_divide_the_windows_of_the_whole() -> None:
    random = Random(4)
    for _ in range(50):
        words = some_words(random)
        cut = random.uniform(0, words[-1].end)
        parts = ((-math.inf, cut), (cut, math.inf))
        found = [stretch_of(words, at=0.0, start=start, end=end).windows([]) for start, end in parts]
        assert [*found[0], *found[1]] == windows_of(speech_of(words))


def test_short_speech_without_words_is_heard_with_the_words_that_it_touches() -> None:
    words = [Span(1.0, 2.0), Span(2.4, 3.0), Span(6.0, 7.0), Span(12.0, 12.2)]
    wordless = [Span(2.0, 2.4), Span(3.0, 3.5), Span(5.6, 6.0), Span(8.0, 8.35), Span(12.2, 12.4)]
    assert speech_of(words, wordless) == [
        *(Span(1.0, 2.4), Span(2.4, 3.0)),  # a pause may hold a change of speaker
        Span(3.0, 3.5),  # long enough for itself
        Span(5.6, 7.0),
        Span(8.0, 8.35),
        Span(12.0, 12.4),  # the word alone was too short
    ]


def test_others_hold_the_sound_of_every_other_window_within_speech() -> None:
    random = Random(5)
    for _ in range(200):
        windows = windows_of(speech_of(some_words(random)))
        held = held_by_others(windows)
        for number in held:
            before, window, after = windows[number - 1 : number + 2]
            assert before.start <= window.start <= after.start <= before.end + 1e-3
            assert window.end <= after.end
        assert all(second - first > 1 for first, second in pairwise(held))
    minute = windows_of([Span(0.0, 60.0)])
    assert len(held_by_others(minute)) == pytest.approx(len(minute) / 2, abs=1)


def test_windows_at_the_edges_of_a_recording_have_embeddings(encoder: Counting) -> None:
    pcm = io.BytesIO(ENGLISH_SHORT.path.read_bytes()[44:])
    windows = [Span(0.0, 0.3), Span(3.2, 3.29), Span(3.0, 4.6), Span(90.0, 91.6)]
    embedded = dict(embed_windows(pcm, windows, encoder))
    assert list(embedded) == windows
    assert np.isfinite(np.stack(list(embedded.values()))).all()


def test_the_clock_of_windows_may_be_another_than_that_of_the_sound(encoder: Counting) -> None:
    pcm = io.BytesIO(decode(ENGLISH_SHORT.path))
    windows = [Span(0.5, 2.1), Span(1.3, 2.9)]
    later = [Span(start + 100, end + 100) for start, end in windows]
    here = dict(embed_windows(pcm, windows, encoder))
    there = dict(embed_windows(pcm, later, encoder, at=100.0))
    for window, moved in zip(windows, later, strict=True):
        assert np.abs(here[window] - there[moved]).max() < 1e-3


def test_where_two_windows_are_of_one_voice_the_one_between_is_not_listened_to(encoder: Counting) -> None:
    sound = decode(ENGLISH.path)[: 20 * 2 * RATE]
    windows = windows_of([Span(0.0, 20.0)])
    embedded = dict(embed_windows(io.BytesIO(sound), windows, encoder))
    assert sorted(embedded) == windows
    assert encoder.count < 0.7 * len(windows)
    listened = np.stack([voice for _, voice in embed_windows(io.BytesIO(sound), windows[1::2], encoder)])
    given = np.stack([embedded[window] for window in windows[1::2]])
    assert np.linalg.norm(given, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.median((listened * given).sum(axis=1)) > 0.8


def test_where_the_voice_changes_the_window_between_is_listened_to(encoder: Counting) -> None:
    english, spanish = (decode(one.path)[: 16 * 2 * RATE // 10] for one in (ENGLISH, SPANISH[0]))
    windows = [Span(0.0, 1.6), Span(0.8, 2.4), Span(1.6, 3.2)]
    assert len(dict(embed_windows(io.BytesIO(english + spanish), windows, encoder))) == encoder.count == 3
