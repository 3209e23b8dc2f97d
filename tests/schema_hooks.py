"""For schemathesis: real recordings, and what no schema can say of a form with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

_DATA = Path(__file__).parent / "data"
_WAVS = ("english-short.wav", "spanish-busy.wav")

schemathesis.openapi.media_type(
    "audio/wav", st.sampled_from(_WAVS).map(lambda name: (_DATA / name).read_bytes())
)
schemathesis.openapi.media_type("audio/flac", st.just((_DATA / "english.flac").read_bytes()))


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """The recordings have one track. A form has nothing but text, so no text is of a wrong type."""
    if not isinstance(body, dict) or "file" not in body:
        return True
    is_text = all(isinstance(body.get(name, ""), str) for name in ("prompt", "filename"))
    return is_text and body.get("track", 1) == 1
