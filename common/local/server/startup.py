"""Saves a fifth of the CPU of a start, and a little of every request: docs/decisions/start-up.md.

Only local_server.py calls this, before it imports FastAPI: both functions change the whole process.
"""

from __future__ import annotations

import gc
import sys
from importlib.util import find_spec

from common.local.memory import reuse_memory


def speed_up_imports() -> None:
    """Skip what the imports that follow would do in vain; ends with `freeze_imports`."""
    # Imports create objects and drop hardly any: the collector would search them and find nothing.
    gc.disable()
    # FastAPI asks of each parameter whether it is a model of pydantic's old API, and loads that API to know.
    # Where the API cannot be imported the answer is no.
    sys.modules["pydantic.v1"] = None  # type: ignore[assignment]
    # httpcore looks for it on the disk, six times a request, and works without it.
    if not find_spec("sniffio"):
        sys.modules["sniffio"] = None  # type: ignore[assignment]
    from pydantic import BaseModel

    # FastAPI describes all of OpenAPI in models; they are built when /docs first needs them.
    BaseModel.model_config["defer_build"] = True


def freeze_imports() -> None:
    """Collect garbage again, but not among the objects that exist now: they live as long as the process."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
        reuse_memory()
