"""`common.lambda_entry.entry.<name>` is the handler of functions/<name>.py, made ready before its first call.

Lambda looks a handler up while it starts a sandbox, with a whole processor to itself; what is done in the
first call instead has only the function's share of one. template.yaml names handlers this way.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from common.errors import EscribaError
from common.lambda_entry.handlers import LambdaHandler


def __getattr__(name: str) -> LambdaHandler:
    if name.startswith("_"):
        raise AttributeError(name)
    handler: LambdaHandler = import_module(f"functions.{name}").handler
    with suppress(EscribaError):  # what cannot be reached now may be by the first call
        handler.begin()  # type: ignore[attr-defined]
    return handler
