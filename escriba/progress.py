"""Shows how far each recording is, and all of them: bars on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from escriba.results import write_line
from escriba.sentences import Sentences
from escriba.transcribe import Report

_FORMAT = "{desc} {bar} {percentage:3.0f} %"
_NAME = 28


class Progress:
    """Bars on standard error, and lines above them."""

    def __init__(self, say: Sentences, *, total: int, at_once: int, silent: bool) -> None:
        self._say = say
        self._free = list(range(1, at_once + 1))
        self._bar_type = None if silent else _bar_type()
        self._all = self._bar(0, say("all"), total, "{desc} {bar} {n_fmt} / {total_fmt}")

    @contextmanager
    def of(self, name: str) -> Iterator[Report]:
        """A bar for one recording; when it is gone, the bar of all has grown by one."""
        place = self._free.pop(0)
        bar = self._bar(place, name, 1, _FORMAT)
        try:
            yield lambda step, share: self._show(bar, name, step, share)
        finally:
            self._free = sorted([*self._free, place])
            if bar is not None:
                bar.close()
            if self._all is not None:
                self._all.update(1)
                self._all.refresh()

    def write(self, text: str) -> None:
        """A line above the bars."""
        if self._bar_type is None:
            write_line(text)
        else:
            self._bar_type.write(text, file=sys.stderr)

    def close(self) -> None:
        if self._all is not None:
            self._all.close()

    def _bar(self, place: int, name: str, total: int, form: str) -> Any:
        if self._bar_type is None:
            return None
        return self._bar_type(
            total=total,
            desc=name,
            position=place,
            leave=False,
            bar_format=form,
            file=sys.stderr,
            dynamic_ncols=True,
        )

    def _show(self, bar: Any, name: str, step: str, share: float) -> None:
        if bar is None:
            return
        short = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
        bar.set_description_str(f"{short:<{_NAME}} {self._say(step)}", refresh=False)
        bar.n = min(1.0, max(0.0, share))
        bar.refresh()


def _bar_type() -> Any:
    """tqdm's bar, where there is a terminal to draw it on and the package is installed."""
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm
