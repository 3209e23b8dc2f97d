"""Finds where the language of a recording changes, by Whisper's own detection on short probes.

Whisper reads 30 seconds at once; a probe gives its encoder a few seconds only, which costs far less than its
share (measured: 5 s take 0.15 s of CPU, 30 s take 1.35 s).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from common.local.whisper.decoder import RATE
from common.local.whisper.language_path import (
    Probabilities,
    change_index,
    known_languages,
    likely_path,
    log_ratio,
)

if TYPE_CHECKING:
    from common.local.whisper.decoder import Samples

_WINDOW = 30  # seconds, Whisper's own
_STRETCH = 12  # seconds at most; its middle is probed
_PROBE = 8  # seconds
_STEP = 4  # seconds between the probes that tell where a language changes, to a few seconds
_UNIT = 8  # seconds of each of them
_PAUSES = 4  # the quietest places there, one of which is the change
_NEARLY = 1.0  # a natural logarithm: of pauses that fit nearly as well, the quietest is the change
_SHORTEST = 5  # seconds of a run; Whisper itself copes with a sentence
_QUIET = RATE // 10

# The probabilities of the languages in some samples.
Detect = Callable[["Samples"], Probabilities]


@dataclass(frozen=True, slots=True)
class LanguageRun:
    """Samples `start` to `end` are in one language; `probability`, 0 to 1, is the mean of its probes."""

    start: int
    end: int
    language: str
    probability: float


class LanguageFinder:
    """Finds the language runs of one recording, section by section; it remembers its languages.

    `detect` gets seconds only, `detect_all` as much as Whisper reads at once: slower, more certain.
    """

    def __init__(self, detect: Detect, detect_all: Detect, languages: Sequence[str] = ()) -> None:
        self._detect, self._detect_all = detect, detect_all
        self._known = set(languages)
        self._probes: list[Probabilities] = []
        self._last: str | None = None

    def find(self, speech: Samples) -> list[LanguageRun]:
        """The runs of the next section's speech in order, without a gap."""
        borders = _borders(len(speech))
        before = {self._last: 1.0} if self._last else self._detect_all(speech[: _WINDOW * RATE])
        if len(borders) == 2 and not self._last:
            probes = [before]  # a short recording is one probe, as long as it can be
        else:
            probes = [self._detect(_middle(speech[start:end])) for start, end in pairwise(borders)]
        self._probes += probes
        path = likely_path(probes, before=before, known=self._known | known_languages(self._probes))
        self._last = path[-1]
        runs: list[LanguageRun] = []
        for language, group in groupby(range(len(path)), key=path.__getitem__):
            indexes = list(group)
            start = self._find_change(speech, borders, indexes[0], path) if runs else 0
            probability = sum(probes[i].get(language, 0.0) for i in indexes) / len(indexes)
            _append(runs, LanguageRun(start, len(speech), language, probability))
        return runs

    def _find_change(self, speech: Samples, borders: Sequence[int], index: int, path: Sequence[str]) -> int:
        """The sample at which the language changes, somewhere about the start of stretch `index`."""
        first, second = path[index - 1], path[index]
        start, end = borders[max(0, index - 2)], borders[index + 1]
        units = [
            self._detect(_about(speech, at + _STEP * RATE // 2)) for at in range(start, end, _STEP * RATE)
        ]
        about = min(start + change_index(units, first, second) * _STEP * RATE, end)

        def fit(at: int) -> float:
            left, right = speech[max(0, at - _UNIT * RATE) : at], speech[at : at + _UNIT * RATE]
            return log_ratio(self._detect(left), first, second) + log_ratio(
                self._detect(right), second, first
            )

        earliest, latest = max(start, about - _STEP * RATE), min(end, about + _STEP * RATE)
        pauses = [earliest + at for at in _quietest(speech[earliest:latest])]
        if not pauses:
            return about
        fits = [fit(pause) for pause in pauses]
        return next(pause for pause, fit_ in zip(pauses, fits, strict=True) if fit_ >= max(fits) - _NEARLY)


def _append(runs: list[LanguageRun], run: LanguageRun) -> None:
    """Append a run, which ends the one before it; that one is dropped where too little is left of it."""
    if runs:
        runs[-1] = replace(runs[-1], end=run.start)
    if runs and runs[-1].end - runs[-1].start < _SHORTEST * RATE:
        run = replace(run, start=runs.pop().start)
    if runs and runs[-1].language == run.language:
        run = replace(run, start=runs.pop().start)
    runs.append(run)


def _borders(length: int) -> list[int]:
    """The borders of stretches of equal length."""
    count = max(1, -(-length // (_STRETCH * RATE)))
    return [length * index // count for index in range(count + 1)]


def _about(samples: Samples, at: int) -> Samples:
    """A unit of samples about a place."""
    return samples[max(0, at - _UNIT * RATE // 2) : at + _UNIT * RATE // 2]


def _middle(samples: Samples) -> Samples:
    start = max(0, (len(samples) - _PROBE * RATE) // 2)
    return samples[start : start + _PROBE * RATE]


def _quietest(samples: Samples) -> list[int]:
    """The quietest places, the quietest first, none within half a second of another nor of the ends."""
    import numpy as np

    steps = np.abs(samples[: len(samples) // _QUIET * _QUIET]).reshape(-1, _QUIET).sum(axis=1)
    apart = RATE // 2 // _QUIET
    found: list[int] = []
    for step in np.argsort(steps, kind="stable").tolist():
        if apart <= step < len(steps) - apart and all(abs(step - other) >= apart for other in found):
            found.append(step)
        if len(found) == _PAUSES:
            break
    return [step * _QUIET + _QUIET // 2 for step in found]
