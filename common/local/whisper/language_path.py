"""Which language is spoken when: decided from probes, each of them doubtful. Pure.

A probe is a few seconds of speech, with a probability for each language. Whisper takes some for a language
that nobody speaks, so a change of language must explain the probes better than no change, by a margin: the
most likely path of a hidden Markov model (Viterbi 1967). The margin is small between languages that the
recording is known to have: with telephone sound, Whisper gives Spanish only a little more than English.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

Probabilities = Mapping[str, float]

# Natural logarithms: a change must make the probes 7 times more likely, or 150 times into a new language.
_CHANGE = 2.0
_CHANGE_TO_NEW = 5.0
_LEAST = 0.001  # a probability: no single probe pays for a new language and for the way back

# A language is known by so many probes that are so certain of it, and by this share of all: in an hour there
# are more wrong ones.
_KNOWN_PROBES = 2
_KNOWN_CERTAINTY = 0.75
_KNOWN_SHARE = 0.05


def known_languages(probes: Sequence[Probabilities]) -> set[str]:
    """The languages that the recording has beyond doubt."""
    certain = Counter(best for probe in probes if (best := _best(probe)) and probe[best] >= _KNOWN_CERTAINTY)
    needed = max(_KNOWN_PROBES, _KNOWN_SHARE * len(probes))
    return {language for language, count in certain.items() if count >= needed}


def likely_path(
    probes: Sequence[Probabilities], *, before: Probabilities, known: Collection[str]
) -> list[str]:
    """The language of each probe; `before` is what the speech before the first one says."""
    languages = sorted({_best(each) for each in (before, *probes)})
    costs = {language: _CHANGE if language in known else _CHANGE_TO_NEW for language in languages}
    scores = {language: _log(before, language) for language in languages}
    steps: list[dict[str, str]] = []
    for probe in probes:
        best = max(scores, key=scores.__getitem__)
        origins = {each: best if scores[best] - costs[each] > scores[each] else each for each in languages}
        scores = {
            each: max(scores[each], scores[best] - costs[each]) + _log(probe, each) for each in languages
        }
        steps.append(origins)
    return _trace(steps, max(scores, key=scores.__getitem__))


def change_index(probes: Sequence[Probabilities], first: str, second: str) -> int:
    """How many of the probes are in `first`, where all of them after these are in `second`."""
    gains = [log_ratio(probe, first, second) for probe in probes]
    return max(range(len(gains) + 1), key=lambda index: sum(gains[:index]))


def log_ratio(probabilities: Probabilities, first: str, second: str) -> float:
    """How much more likely `first` is than `second`; 0 is as likely."""
    return _log(probabilities, first) - _log(probabilities, second)


def _trace(steps: Sequence[Mapping[str, str]], last: str) -> list[str]:
    path = [last]
    for origins in reversed(steps[1:]):
        path.append(origins[path[-1]])
    return path[::-1]


def _best(probabilities: Probabilities) -> str:
    return max(probabilities, key=lambda language: probabilities[language])


def _log(probabilities: Probabilities, language: str) -> float:
    return math.log(max(probabilities.get(language, 0.0), _LEAST))
