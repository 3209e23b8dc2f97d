"""What operators see of each call: log lines under one id, X-Ray segments.

https://docs.powertools.aws.dev/lambda/python/latest/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from common.lambda_entry.handlers import Answer, Event, Handle
from common.log import correlate


def log_under_call_id(handle: Handle) -> Handle:
    """Let every log line of a call bear Lambda's id of it, and whether its sandbox was new."""
    is_cold = True

    def call(event: Event, context: Any) -> Answer:
        nonlocal is_cold
        correlate(functionRequestId=context.aws_request_id, coldStart=is_cold)
        is_cold = False
        return handle(event, context)

    return call


@contextmanager
def subsegment(name: str, **annotations: str) -> Iterator[None]:
    """A part of the call's trace, found by its annotations. Not for HTTP: no answer should wait for it."""
    with _tracer().provider.in_subsegment(f"## {name}") as segment:
        for key, value in annotations.items():
            segment.put_annotation(key, value)
        yield


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    # Nothing is patched: that would import every library it knows.
    return Tracer(service="escriba", auto_patch=False)
