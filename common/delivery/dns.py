"""Names to addresses, each asked in a thread of its own that nobody waits for longer than they want.

The event loop's own threads also write uploads to disk: a few names whose servers never answer would take
them all, and hold up the end of the process.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

_AT_ONCE = 8
_asking = threading.BoundedSemaphore(_AT_ONCE)


async def addresses_of(name: str, port: int) -> list[str]:
    """The numeric addresses that `name` has now, the best first. Raises OSError, UnicodeError for no name."""
    if not _asking.acquire(blocking=False):
        raise TimeoutError("too many names are being looked up")
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            answer: list[str] | Exception = [str(entry[4][0]) for entry in entries]
        except (OSError, UnicodeError) as exc:
            answer = exc
        finally:
            _asking.release()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_tell, found, answer)

    threading.Thread(target=ask, name="lookup", daemon=True).start()
    return await found


def _tell(found: asyncio.Future[list[str]], answer: list[str] | Exception) -> None:
    if found.done():
        return  # nobody waits any more
    if isinstance(answer, Exception):
        found.set_exception(answer)
    else:
        found.set_result(answer)
