"""How many voices there are, and which embedding is whose: spectral clustering that tunes itself. Pure.

Each embedding is linked to those most like it. Where there are groups, the smallest eigenvalues of the
graph's Laplacian are near 0, one for each, and a gap follows. The number of links is the one with the largest
gap for the fewest links: Park et al. 2020, "Auto-tuning spectral clustering for speaker diarization using
normalized maximum eigengap" (arXiv:2003.02405). So no threshold depends on a microphone or a telephone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from common.speakers.features import Doubles, Floats

Labels: TypeAlias = NDArray[np.intp]

FEW = 12  # vectors, of some ten seconds: a graph of so few has gaps by chance

_FEWEST_LINKS = 4
_MOST_LINKS = 0.3  # of all embeddings
_TRIES = 15
_STARTS, _ROUNDS = 8, 30  # of k-means
_SEED = 0  # the same groups at every call


def group_by_links(voices: Floats, *, least: int, most: int) -> Labels:
    """The group of each unit vector: between `least` and `most` groups, no more than there are vectors.

    Few vectors become `least` groups.
    """
    most = min(most, len(voices))
    if most == 1:
        return np.zeros(len(voices), np.intp)
    if len(voices) <= FEW:
        return _k_means(voices.astype(np.float64), min(least, len(voices)))
    laplacian, groups = _best_graph(voices, min(least, most), most)
    if groups == 1:
        return np.zeros(len(voices), np.intp)
    _, vectors = np.linalg.eigh(laplacian)
    return _k_means(vectors[:, :groups], groups)


def _best_graph(voices: Floats, least: int, most: int) -> tuple[Doubles, int]:
    """The Laplacian with the clearest gap, and how many groups that tells."""
    best: tuple[float, Doubles, int] | None = None
    for links, laplacian in _graphs(voices):
        values = np.linalg.eigvalsh(laplacian)
        gaps = np.diff(values[: most + 1])[least - 1 :]
        gap = float(gaps.max()) / (float(values[-1]) + 1e-9)
        cost = links / len(voices) / (gap + 1e-9)
        if best is None or cost < best[0]:
            best = cost, laplacian, int(gaps.argmax()) + least
    assert best is not None
    return best[1], best[2]


def _graphs(voices: Floats) -> Iterator[tuple[int, Doubles]]:
    """The Laplacian of the graph in which each vector has so many links."""
    order = np.argsort(-(voices @ voices.T), axis=1, kind="stable")
    most = max(_FEWEST_LINKS + 1, int(_MOST_LINKS * len(voices)))
    for links in sorted(set(np.linspace(_FEWEST_LINKS, most, _TRIES).astype(int).tolist())):
        graph = np.zeros((len(voices), len(voices)))
        np.put_along_axis(graph, order[:, :links], 1.0, axis=1)
        graph = (graph + graph.T) / 2
        np.fill_diagonal(graph, 0.0)
        yield links, np.diag(graph.sum(axis=1)) - graph


def _k_means(points: Doubles, groups: int) -> Labels:
    """The best of some runs; each begins with points that are far from each other."""
    random = np.random.default_rng(_SEED)
    runs = (_run(points, _spread(points, groups, int(random.integers(len(points))))) for _ in range(_STARTS))
    return min(runs, key=lambda run: run[0])[1]


def _spread(points: Doubles, groups: int, first: int) -> Doubles:
    centres = [points[first]]
    while len(centres) < groups:
        centres.append(points[_distances(points, np.array(centres)).min(axis=1).argmax()])
    return np.array(centres)


def _run(points: Doubles, centres: Doubles) -> tuple[float, Labels]:
    for _ in range(_ROUNDS):
        labels = _distances(points, centres).argmin(axis=1)
        centres = np.array(
            [
                points[labels == group].mean(axis=0) if np.any(labels == group) else centre
                for group, centre in enumerate(centres)
            ]
        )
    distances = _distances(points, centres)
    return float(distances.min(axis=1).sum()), distances.argmin(axis=1)


def _distances(points: Doubles, centres: Doubles) -> Doubles:
    return np.asarray(np.square(points[:, None] - centres[None]).sum(axis=2), np.float64)
