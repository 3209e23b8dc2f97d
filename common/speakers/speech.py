"""Where speech is that has no words: what the segmentation hears between them.

It hears what the engine did not understand, as of people far from the microphone. Where words are, their own
times say more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.speakers.windows import SHORTEST, Span


def between_words(speech: Iterable[Span], words: Sequence[Span]) -> list[Span]:
    """The stretches of `speech` in which there is no word, but for those too short to tell a voice.

    Both are in order.
    """
    left: list[Span] = []
    first = 0
    for start, end in speech:
        while first < len(words) and words[first].end <= start:
            first += 1
        at = start
        for word in words[first:]:
            if word.start >= end:
                break
            left.append(Span(at, word.start))
            at = max(at, word.end)
        left.append(Span(at, end))
    return [span for span in left if span.end - span.start >= SHORTEST]
