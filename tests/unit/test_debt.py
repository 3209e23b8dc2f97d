"""When the child that listens stands still for others: the rule alone, at given times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from common.speakers.debt import Debt


@dataclass
class Child:
    """It follows the rule, through the moments that the rule names, while work begins and ends."""

    debt: Debt = field(default_factory=lambda: Debt(0.0))
    is_urgent: bool = False
    stood: list[tuple[float, bool]] = field(default_factory=lambda: [(0.0, False)])

    def work(self, *times: float) -> Child:
        """Urgent work begins and ends by turns at `times`."""
        for time in times:
            self.until(time)
            self.is_urgent = not self.is_urgent
            self._advance(time)
        return self

    def until(self, time: float) -> Child:
        while self.debt.next_change <= time:
            self._advance(self.debt.next_change)
        self._advance(time)
        return self

    def _advance(self, now: float) -> None:
        self.debt = self.debt.advance(now, is_urgent=self.is_urgent)
        if self.debt.is_still != self.stood[-1][1]:
            self.stood.append((now, self.debt.is_still))

    @property
    def changes(self) -> list[float]:
        """When it was stopped and went on, by turns."""
        return [time for time, _ in self.stood[1:]]

    def share_of_running(self, end: float) -> float:
        spans = pairwise([*self.stood, (end, False)])
        return sum(b - a for (a, is_still), (b, _) in spans if not is_still) / end


@pytest.mark.parametrize(
    ("times", "changes"),
    [
        ([], []),
        ([1, 2], [1, 2.25]),
        ([1, 2, 2.125, 3, 3.125, 4], [1, 4.25]),
        ([1, 20], [1, 7, 9, 15, 17, 20.25]),
        ([1, 7.5, 11, 12], [1, 7, 11, 12.25]),
        ([1, 7, 7.125, 10], [1, 7, 9, 10.25]),
        ([1, 3.75, 4.5, 10], [1, 4, 4.5, 9]),
    ],
    ids=[
        "alone it runs",
        "it stands still a moment longer than the work",
        "short works one after the other do not let it run between them",
        "beside work without end it runs two seconds of eight",
        "after a pause it stops at once, although it was its turn before",
        "a gap that is shorter than that moment is no pause",
        "what is left of the debt after a short pause counts",
    ],
)
def test_it_stands_still_while_others_work(times: Sequence[float], changes: Sequence[float]) -> None:
    assert Child().work(*times).until(times[-1] + 0.5 if times else 9).changes == changes


@pytest.mark.parametrize("gap", [0.0, 0.125, 0.25, 0.375, 0.5, 1.0])
@pytest.mark.parametrize("length", [0.125, 0.5, 3.0, 100.0])
def test_over_a_long_time_it_has_a_quarter_whatever_comes(length: float, gap: float) -> None:
    end = 1200.0
    times = [
        t
        for at in range(int(end / (length + gap)))
        for t in (at * (length + gap), at * (length + gap) + length)
    ]
    child = Child().work(*times).until(end)
    assert child.share_of_running(end) >= 1 / 4 - 6 / end


def test_work_that_comes_after_two_seconds_without_any_has_six_seconds() -> None:
    child = Child().work(1, 30, 32.25, 40)
    assert child.changes[-2:] == [32.25, 38.25]
