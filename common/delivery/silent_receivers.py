"""Receivers that do not answer: the next tries wait, so that they hold no place for webhooks. Pure.

A receiver that keeps a connection open for the whole time of a try takes a place from others' webhooks. After
some such tries in a row it is not called for a while, ever longer.
"""

from __future__ import annotations

from collections import OrderedDict

# Tries in a row that a receiver may leave without an answer.
_TOLERATED = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 20.0, 900.0  # seconds
_REMEMBERED = 1000  # receivers; the one that was silent longest ago is forgotten first


class SilentReceivers:
    def __init__(self) -> None:
        self._receivers: OrderedDict[str, tuple[int, float]] = (
            OrderedDict()
        )  # silences in a row, and until when

    def wait(self, receiver: str, now: float) -> float:
        """Seconds for which the receiver is not to be called."""
        _, until = self._receivers.get(receiver, (0, now))
        wait = until - now
        return wait if 0 < wait <= _LONGEST_PAUSE else 0.0  # a longer one: the clock stepped back

    def note_silence(self, receiver: str, now: float) -> None:
        silences = self._receivers.get(receiver, (0, 0.0))[0] + 1
        beyond = silences - _TOLERATED
        pause = min(_FIRST_PAUSE * 2.0 ** min(beyond, 10), _LONGEST_PAUSE) if beyond >= 0 else 0.0
        self._receivers[receiver] = (silences, now + pause)
        self._receivers.move_to_end(receiver)
        if len(self._receivers) > _REMEMBERED:
            self._receivers.popitem(last=False)

    def note_answer(self, receiver: str) -> None:
        self._receivers.pop(receiver, None)
