"""How alike the voices of two groups are, which groups are one voice, and which are two. Pure.

The mean similarity of two groups is compared with that within each: noise lowers both, and a few embeddings
give the same value as many, where the similarity of centres does not.
"""

from __future__ import annotations

import numpy as np

from common.speakers.features import Doubles, Floats
from common.speakers.spectral import FEW, Labels, group_by_links

# More alike than the first, groups are one voice; less alike than the second, halves of a group are two. The
# graph decides between them. Measured in docs/decisions/speakers.md
SAME, OTHER = 0.66, 0.55
_FEWEST_PAIRS = 2  # within a group: fewer say nothing of its voice


def fewest_of_a_voice(count: int) -> int:
    """Of so many embeddings in all: fewer are noise, or several voices at once."""
    return 2 if count <= FEW else 3


class Pairs:
    """Sums of the similarities between groups, and of how many pairs of embeddings.

    Neighbours are left out: their windows share half of the sound.
    """

    def __init__(self, voices: Floats, labels: Labels) -> None:
        members = np.eye(labels.max() + 1, dtype=np.float32)[labels]
        sums = (members.T @ voices).astype(np.float64)
        sizes = members.sum(axis=0, dtype=np.float64)
        near = np.zeros((len(sizes), len(sizes)))
        shared = near.copy()
        np.add.at(near, (labels[:-1], labels[1:]), np.einsum("ij,ij->i", voices[:-1], voices[1:]))
        np.add.at(shared, (labels[:-1], labels[1:]), 1.0)
        self._totals = sums @ sums.T - near - near.T - np.diag(sizes)
        self._counts = np.outer(sizes, sizes) - shared - shared.T - np.diag(sizes)

    def likeness(self) -> Doubles:
        """1 where two groups are as alike as each is in itself; 0 on the diagonal."""
        means = self._totals / np.maximum(self._counts, 1.0)
        within = self._within(means.diagonal())
        alike = np.asarray(means / np.sqrt(np.outer(within, within)), np.float64)
        np.fill_diagonal(alike, 0.0)
        return alike

    def merge(self, first: int, second: int) -> None:
        for table in (self._totals, self._counts):
            table[first] += table[second]
            table[:, first] += table[:, second]
        self._totals = _without(self._totals, second)
        self._counts = _without(self._counts, second)

    def _within(self, means: Doubles) -> Doubles:
        """The similarity within each group; a tiny one gets that of all groups."""
        counts, totals = self._counts.diagonal(), self._totals.diagonal()
        is_known = counts >= _FEWEST_PAIRS
        usual = totals[is_known].sum() / counts[is_known].sum() if is_known.any() else 1.0
        return np.maximum(np.where(is_known, means, usual), 1e-6)


def merge_alike(voices: Floats, labels: Labels, *, least: int) -> tuple[Labels, float]:
    """One group for those of one voice, down to `least`; also the least likeness that was merged, or 1."""
    pairs, lowest = Pairs(voices, labels), 1.0
    while (count := int(labels.max()) + 1) > least:
        alike = pairs.likeness()
        first, second = sorted(divmod(int(alike.argmax()), count))
        if alike[first, second] < SAME:
            break
        lowest = min(lowest, float(alike[first, second]))
        labels = np.where(labels == second, first, labels)
        labels = labels - (labels > second)
        pairs.merge(first, second)
    return labels, lowest


def split_unlike(voices: Floats, small: Labels, centres: Floats, labels: Labels, *, most: int) -> Labels:
    """Two groups, up to `most`, instead of each whose halves are unlike.

    `labels` are the groups of `centres`, `small` says which of these each of the `voices` belongs to.
    """
    labels, fewest = labels.copy(), max(fewest_of_a_voice(len(voices)), len(voices) // 1000)
    unasked = list(range(int(labels.max()) + 1))
    while unasked and (count := int(labels.max()) + 1) < most:
        group = unasked.pop()
        members = np.flatnonzero(labels == group)
        second = members[group_by_links(centres[members], least=2, most=2) == 1]
        inside = labels[small] == group
        halves = np.isin(small[inside], second).astype(np.intp)
        if np.bincount(halves, minlength=2).min() < fewest:
            continue
        if Pairs(voices[inside], halves).likeness()[0, 1] < OTHER:
            labels[second] = count
            unasked += [group, count]
    return labels


def _without(table: Doubles, index: int) -> Doubles:
    return np.delete(np.delete(table, index, axis=0), index, axis=1)
