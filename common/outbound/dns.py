"""Looks names up, each in a thread of its own, so that a caller may stop waiting at any moment.

The event loop's own threads also write uploads to disk: a few names whose servers never answer would occupy
them all, and would hold up the end of the process.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from itertools import zip_longest

_AT_ONCE = 8
_places = threading.BoundedSemaphore(_AT_ONCE)


async def addresses_of(name: str, port: int) -> list[str]:
    """The numeric addresses that `name` has now, the best first, IPv6 and IPv4 in turn.

    Raises OSError, or UnicodeError where `name` cannot be a name.
    """
    if not _places.acquire(blocking=False):
        raise TimeoutError("too many names are being looked up")
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            outcome: list[str] | Exception = _families_in_turn([str(entry[4][0]) for entry in entries])
        except (OSError, UnicodeError) as exc:
            outcome = exc
        finally:
            _places.release()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_resolve, found, outcome)

    threading.Thread(target=look_up, name="lookup", daemon=True).start()
    return await found


def _families_in_turn(addresses: list[str]) -> list[str]:
    """Where one family leads nowhere, the second address is of the other (RFC 8305, section 4)."""
    preferred = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    others = [address for address in addresses if address not in preferred]
    pairs = zip_longest(preferred, others)
    return [address for pair in pairs for address in pair if address is not None]


def _resolve(found: asyncio.Future[list[str]], outcome: list[str] | Exception) -> None:
    if found.done():
        return  # the caller has stopped waiting
    if isinstance(outcome, Exception):
        found.set_exception(outcome)
    else:
        found.set_result(outcome)
