"""Groups the embeddings of a recording by voice. Pure, numpy alone.

A long recording first becomes a few hundred small groups, each surely of one voice: block by block the two
that are most alike are merged. The mean similarity of two groups of unit vectors is the product of their
means, so a group is a sum and a count, and groups of groups are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.speakers.features import Doubles, Floats
from common.speakers.likeness import merge_alike, split_unlike
from common.speakers.spectral import Labels, group_by_links

_PER_VOICE = 4  # embeddings: there are no more voices than that, or two
_AT_ONCE = 400  # vectors: five minutes of speech, and a matrix of 1.3 MB
_BLOCK = 100
_ALIKE = 0.6  # mean similarity in a small group, lower where that leaves too many
_LOWER = 0.05
_LEFT_OUT = -9.0  # below any similarity


@dataclass(frozen=True, slots=True)
class Groups:
    """The group of each embedding. `merged` is the least likeness of groups that became one voice, or 1."""

    labels: Labels
    merged: float


def group_voices(voices: Floats, *, least: int, most: int) -> Groups:
    """Between `least` and `most` groups, as far as there are embeddings.

    A graph finds them; their likeness says which of them are two voices, and which are one.
    """
    most = max(least, min(most, max(len(voices) // _PER_VOICE, 2)), 1)
    small = np.arange(len(voices)) if len(voices) <= _AT_ONCE else _small_groups(voices)
    centres = centres_of(voices, small)
    found = group_by_links(centres, least=least, most=most)
    found = split_unlike(voices, small, centres, found, most=most)
    return Groups(*merge_alike(voices, found[small], least=least))


def centres_of(voices: Floats, labels: Labels) -> Floats:
    """The unit vector of each group."""
    sums, _ = _sum_groups(voices, np.ones(len(voices)), labels)
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


def _small_groups(voices: Floats) -> Labels:
    labels, alike = np.arange(len(voices)), _ALIKE
    sums, counts = voices, np.ones(len(voices))
    while len(sums) > _AT_ONCE:
        merged, fewer, counts = _merge_blocks(sums, counts, alike)
        if len(fewer) > 0.8 * len(sums):
            alike -= _LOWER
        labels, sums = merged[labels], fewer
    return labels


def _merge_blocks(sums: Floats, counts: Doubles, alike: float) -> tuple[Labels, Floats, Doubles]:
    """The group of each, and the sums and counts of the groups."""
    labels, known = np.empty(len(sums), np.intp), 0
    groups: list[tuple[Floats, Doubles]] = []
    for first in range(0, len(sums), _BLOCK):
        block = slice(first, first + _BLOCK)
        found = _merge(sums[block].astype(np.float64), counts[block], alike)
        merged, sizes = _sum_groups(sums[block], counts[block], found)
        groups.append((merged.astype(np.float32), sizes))
        labels[block] = found + known
        known += int(found.max()) + 1
    return (
        labels,
        np.concatenate([sums for sums, _ in groups]),
        np.concatenate([sizes for _, sizes in groups]),
    )


def _merge(sums: Doubles, counts: Doubles, alike: float) -> Labels:
    """Merge the two groups that are most alike, again and again, until they differ too much."""
    labels, counts = np.arange(len(sums)), counts.copy()
    means = sums / counts[:, None]
    matrix = means @ means.T
    np.fill_diagonal(matrix, _LEFT_OUT)
    while matrix[pair := divmod(int(matrix.argmax()), len(sums))] >= alike:
        first, second = pair
        total = counts[first] + counts[second]
        matrix[first] = (counts[first] * matrix[first] + counts[second] * matrix[second]) / total
        matrix[:, first] = matrix[first]
        matrix[first, first] = matrix[second] = matrix[:, second] = _LEFT_OUT
        labels[labels == second] = first
        counts[first] = total
    return np.unique(labels, return_inverse=True)[1]


def _sum_groups(sums: Floats, counts: Doubles, labels: Labels) -> tuple[Doubles, Doubles]:
    """Labels are 0, 1, … without a gap."""
    order = np.argsort(labels, kind="stable")
    begins = np.searchsorted(labels[order], np.arange(labels.max() + 1))
    merged = np.add.reduceat(sums[order], begins, dtype=np.float64)
    return merged, np.bincount(labels, counts).astype(np.float64)
