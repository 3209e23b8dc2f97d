"""How a job keeps embeddings: 396 bytes a window. The server, which lacks numpy, knows no more of them."""

from __future__ import annotations

# At the start of each record: which encoder made it. A job may go on under a release that has another one.
MARK = b"CAM+"
SIZE = 192  # numbers of an embedding
RECORD_BYTES = len(MARK) + 2 * 4 + 2 * SIZE  # two times of 32 bits, numbers of 16


def is_current(packed: bytes) -> bool:
    """Whether today's encoder made the embeddings of a stretch; one without speech has none."""
    return len(packed) % RECORD_BYTES == 0 and (not packed or packed.startswith(MARK))
