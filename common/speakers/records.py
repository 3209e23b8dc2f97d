"""How a job keeps what was heard: 396 bytes a window, and 396 for ten seconds in which somebody speaks.

The server, which lacks numpy, knows no more of them.
"""

from __future__ import annotations

# At the start of each record: which model made it. A job may go on under a release that has another one.
VOICE = b"CAM2"
CHUNK = b"SEG3"
SIZE = 192  # numbers of an embedding
RECORD_BYTES = len(VOICE) + 2 * 4 + 2 * SIZE  # two times of 32 bits, numbers of 16


def is_current(packed: bytes) -> bool:
    """Whether today's models heard a stretch; one without speech has no records."""
    return len(packed) % RECORD_BYTES == 0 and (not packed or packed.startswith((VOICE, CHUNK)))
