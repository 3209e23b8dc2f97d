"""Whether a client that sends no more still reads: it may have left, or only closed its sending side.

Both look alike (RFC 9293, 3.6) until something is sent: the system of a client that left answers it with a
reset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import Any

_INTERVAL = 1.0  # seconds; most answers are quicker, and their clients are sent nothing else
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HalfClosedProbe:
    """Probes from now on until the answer of `cycle`, the last request, starts or `close` is called.

    While earlier requests are answered, `pipeline` is not empty and nothing is sent between their answers.
    """

    def __init__(self, cycle: Any, transport: asyncio.Transport, pipeline: Sized) -> None:
        self._cycle = cycle
        self._transport = transport
        self._pipeline = pipeline
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_INTERVAL, self._probe)

    def close(self) -> None:
        self._timer.cancel()

    def _probe(self) -> None:
        if self._transport.is_closing() or self._cycle.response_started:
            return  # whatever is sent from now on meets the reset
        if self._cycle.scope["http_version"] == "1.0":
            self._transport.close()  # it knows no interim answers, so it counts as a client that left
            return
        if not self._pipeline:
            self._transport.write(_CONTINUE)  # any client ignores it (RFC 9110, 15.2.1)
        self._timer = self._loop.call_later(_INTERVAL, self._probe)
