"""Savings of a fifth of the CPU of a start, and a little of every request: docs/decisions/start-up.md.

For the program alone, before it imports FastAPI: they change the whole process.
"""

from __future__ import annotations

import gc
import sys
from importlib.util import find_spec

from common.local.memory import reuse_memory


def begin() -> None:
    """Let imports only add."""
    # The collector looks in vain through what imports never throw away.
    gc.disable()
    # FastAPI asks of each parameter whether it is a model of pydantic's old API, and loads that API to know.
    # Where it cannot be imported the answer is no.
    sys.modules["pydantic.v1"] = None  # type: ignore[assignment]
    # httpcore looks for it on the disk, six times a request, and goes on without it.
    if not find_spec("sniffio"):
        sys.modules["sniffio"] = None  # type: ignore[assignment]
    from pydantic import BaseModel

    # FastAPI describes all of OpenAPI in models; they are built when /docs first needs them.
    BaseModel.model_config["defer_build"] = True


def settle() -> None:
    """What is there now is there to stay: collect garbage again, and never again look through this."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
        reuse_memory()
