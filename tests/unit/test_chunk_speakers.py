"""Which speaker each voice of ten seconds is, and two who speak at once."""

from __future__ import annotations

import numpy as np
import pytest

from common.speakers.chunk_speakers import SpeakersOfChunks
from common.speakers.segmentation import FRAME
from common.speakers.windows import Span
from tests.chunks import chunks_of

# Words of half a second, of two people by turns of two seconds.
WORDS = [Span(i / 2, i / 2 + 0.4) for i in range(40)]
SPEAKERS = np.array([i // 4 % 2 for i in range(40)])
ONE = [(i * 4.0, i * 4.0 + 1.9) for i in range(5)]
OTHER = [(i * 4.0 + 2, i * 4.0 + 3.9) for i in range(5)]


def test_a_voice_is_the_speaker_of_most_that_it_says_alone() -> None:
    """The second ten seconds number the voices otherwise."""
    chunks = chunks_of({2: ONE, 1: OTHER}, seconds=20.0)
    chunks.active[1] = chunks.active[1][:, [2, 1, 0]]
    wrong = SPEAKERS.copy()
    wrong[2] = 1
    shares = SpeakersOfChunks(WORDS, wrong, chunks).shares(2)
    assert (shares.argmax(axis=1) == SPEAKERS).all()
    assert shares.max(axis=1) == pytest.approx(np.ones(40), abs=2 * FRAME / 0.4)
    assert shares.min() == 0


def test_ten_seconds_with_one_voice_say_nothing_of_who_it_is() -> None:
    known = SpeakersOfChunks(WORDS, SPEAKERS, chunks_of({0: ONE}, seconds=20.0))
    assert not known.shares(2).any()
    assert known.beside() == []
    assert not SpeakersOfChunks(WORDS, SPEAKERS, chunks_of({}, seconds=0.0)).shares(2).any()


def test_a_voice_of_several_speakers_is_nobodys() -> None:
    thirds = np.arange(40) // 4 % 3
    chunks = chunks_of({0: [(0.0, 3.5), (4.0, 6.0)], 1: [(8.0, 10.0)]}, seconds=10.0)
    assert not SpeakersOfChunks(WORDS, thirds, chunks).shares(3).any()
    chunks = chunks_of({0: [(0.0, 3.0)], 1: [(8.0, 10.0)]}, seconds=10.0)
    assert SpeakersOfChunks(WORDS, thirds, chunks).shares(3).any()


def test_who_speaks_beside_another_has_turns_of_its_own() -> None:
    """One goes on in the second turn of the other; the other begins a moment early."""
    one, other = [*ONE, (6.5, 7.5)], [*OTHER, (9.7, 10.0)]
    turns = [Span(i * 2.0, i * 2 + 1.9) for i in range(10)]
    speakers = np.arange(10) % 2
    beside = SpeakersOfChunks(turns, speakers, chunks_of({0: one, 1: other}, seconds=20.0)).beside()
    assert [speaker for _, speaker in beside] == [0, 1]
    spans = [span for span, _ in beside]
    assert np.allclose(spans, [(6.5, 7.5), (9.7, 10.0)], atol=0.1)


def test_an_edge_of_a_turn_is_none_of_its_own() -> None:
    turns = [Span(i * 2.0, i * 2 + 1.9) for i in range(10)]
    later = [(start, end + 0.08) for start, end in ONE]
    chunks = chunks_of({0: later, 1: OTHER}, seconds=20.0)
    assert SpeakersOfChunks(turns, np.arange(10) % 2, chunks).beside() == []


def test_two_voices_are_never_one_speaker() -> None:
    """Both say most of theirs in the first one's words; the second voice is nobody's then."""
    turns, speakers = [Span(0.0, 6.0), Span(6.0, 10.0)], np.array([0, 1])
    chunks = chunks_of({0: [(0.0, 4.0)], 1: [(4.0, 6.0)], 2: [(6.0, 10.0), (1.0, 2.0)]}, seconds=10.0)
    known = SpeakersOfChunks(turns, speakers, chunks)
    assert known.shares(2)[0].tolist() == pytest.approx([4 / 6, 1 / 6], abs=0.02)
    assert np.allclose([span for span, _ in known.beside()], [(1.0, 2.0)], atol=2 * FRAME)


def test_what_is_heard_beyond_the_end_of_a_chunk_does_not_count() -> None:
    chunks = chunks_of({1: [(0.0, 9.0)]}, seconds=10.0)._replace(ends=np.array([5.0]))
    ((start, end),) = chunks.spans(chunks.active[..., 1])
    assert (start < 0.1, end) == (True, 5.0)
