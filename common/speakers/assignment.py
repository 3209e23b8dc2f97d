"""Embeddings of windows → the speaker of each word: group, score, smooth over neighbours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.speakers.chunk_speakers import SpeakersOfChunks
from common.speakers.chunks import Chunks
from common.speakers.clustering import centres_of, group_voices
from common.speakers.features import Doubles, Floats
from common.speakers.likeness import Pairs, fewest_of_a_voice
from common.speakers.spectral import Labels
from common.speakers.windows import Span

_REACH = 0.8  # seconds: how far from a word's middle a window's counts little
_FARTHEST = 1.6  # seconds: a window whose middle is farther counts nothing
_CHANGE = 0.24  # what a change of speaker costs, in similarity
_AFTER_PAUSE = 0.07  # the same where a pause goes before the word
_PAUSE = 0.25  # seconds
_HEARD = 0.1  # what it counts, in similarity, that the segmentation hears a speaker all through a word
_LONG = 0.8  # seconds: the voices of shorter windows make no groups
_FEW = 3  # windows: a smaller group is noise, or several voices at once

# Between these, groups may be one voice or two: docs/decisions/speakers.md
_NEAR, _FAR = 0.58, 0.75
_SCARCE = 6.0  # seconds of speech: less says little of a voice
_UNSURE = 0.06  # a word's lead in similarity over the next speaker
_MOST_UNSURE = 0.25  # of the words


@dataclass(frozen=True, slots=True)
class Assignment:
    """The speaker of each word, from 0; `doubt` is whether that is hard to tell."""

    speakers: list[int]
    doubt: bool


def assign_speakers(
    words: Sequence[Span],
    times: NDArray[np.float32],
    voices: Floats,
    chunks: Chunks,
    *,
    least: int,
    most: int,
) -> Assignment:
    """`times` (window, 2) and `voices` (window, SIZE) belong together; all are in order."""
    if not len(voices) or not words:
        return Assignment([0] * len(words), doubt=True)
    long = voices[_are_long(times, least)]
    groups = group_voices(long, least=least, most=most)
    labels = _drop_small(long, groups.labels, least)
    centres = centres_of(long, labels)
    scores = _score(words, times, voices @ centres.T)
    scores += _HEARD * SpeakersOfChunks(words, scores.argmax(axis=1), chunks).shares(len(centres))
    path = _smooth(words, scores)
    is_near = groups.merged < _FAR or float(Pairs(long, labels).likeness().max()) > _NEAR
    return Assignment(path.tolist(), doubt=is_near or _is_doubtful(words, scores, path))


def _are_long(times: NDArray[np.float32], least: int) -> NDArray[np.bool_]:
    """Which windows say whose voice they are: what is repeated to fill short ones makes these alike."""
    are_long = times[:, 1] - times[:, 0] >= _LONG
    return are_long if are_long.sum() >= max(least, _FEW) else np.ones(len(times), np.bool_)


def _drop_small(voices: Floats, labels: Labels, least: int) -> Labels:
    """Every embedding goes to the nearest group of those that are large; `least` groups stay."""
    sizes, fewest = np.bincount(labels), fewest_of_a_voice(len(labels))
    order = np.argsort(-sizes, kind="stable")
    large = [group for rank, group in enumerate(order) if rank < least or sizes[group] >= fewest]
    centres = centres_of(voices, labels)[np.sort(large or order[:1])]
    return np.unique((voices @ centres.T).argmax(axis=1), return_inverse=True)[1]


def _score(words: Sequence[Span], times: NDArray[np.float32], alike: Floats) -> Doubles:
    """How much like each speaker (word, speaker) the windows sound that hold a word, else those near it."""
    starts, ends = np.asarray(words, np.float64).T
    middles, word_middles = times.mean(axis=1), (starts + ends) / 2
    first = np.searchsorted(middles, word_middles - _FARTHEST)
    last = np.searchsorted(middles, word_middles + _FARTHEST)
    first = np.minimum(first, len(middles) - 1)  # where nothing was heard the nearest window counts
    last = np.maximum(last, first + 1)
    totals, scores = np.zeros(len(words)), np.zeros((len(words), alike.shape[1]))
    for step in range(int((last - first).max())):
        window = np.minimum(first + step, last - 1)
        held = np.minimum(times[window, 1], ends) - np.maximum(times[window, 0], starts)
        share = np.clip(held / np.maximum(ends - starts, 1e-3), 0, 1)
        weights = np.exp(-np.square((middles[window] - word_middles) / _REACH)) * (share + 1e-6) + 1e-9
        weights[first + step >= last] = 0.0
        totals += weights
        scores += weights[:, None] * alike[window]
    return np.asarray(scores / totals[:, None], np.float64)


def _smooth(words: Sequence[Span], scores: Doubles) -> Labels:
    """The likeliest path (Viterbi): a change costs something, less where a pause is."""
    best = scores[0]
    came_from = np.zeros(scores.shape, np.intp)
    stay = np.arange(scores.shape[1])
    for row in range(1, len(words)):
        is_pause = words[row].start - words[row - 1].end > _PAUSE
        leader = best.argmax()
        change = best[leader] - (_AFTER_PAUSE if is_pause else _CHANGE)
        came_from[row] = np.where(best >= change, stay, leader)
        best = np.maximum(best, change) + scores[row]
    path = np.empty(len(words), np.intp)
    path[-1] = best.argmax()
    for row in range(len(words) - 1, 0, -1):
        path[row - 1] = came_from[row, path[row]]
    return path


def _is_doubtful(words: Sequence[Span], scores: Doubles, path: Labels) -> bool:
    """Whether one says little, or many words could be another's."""
    speakers = scores.shape[1]
    seconds = np.bincount(path, [end - start for start, end in words], speakers)
    spoken = seconds[seconds > 0]
    if not len(spoken) or spoken.min() < _SCARCE:
        return True
    if speakers == 1:
        return False
    ranked = np.sort(scores, axis=1)
    return bool(np.mean(ranked[:, -1] - ranked[:, -2] < _UNSURE) > _MOST_UNSURE)
