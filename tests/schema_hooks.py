"""For schemathesis: real recordings and addresses, and what no schema can say of them.

It runs in an environment of its own, so nothing of Escriba is imported.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

_DATA = Path(__file__).parent / "data"
_RECORDINGS = st.sampled_from([(_DATA / name).read_bytes() for name in ("english-short.wav", "english.flac")])
# Where a recording is served, and where nothing is.
_ADDRESS = os.environ.get("RECORDING_URL", "http://127.0.0.1:9/a.wav")

for _kind in ("audio/*", "video/*"):
    schemathesis.openapi.media_type(_kind, _RECORDINGS)
# Where it breaks the schema of a file: its own bytes make some of its filters fail with an error (4.32).
schemathesis.openapi.format("binary", st.text())
schemathesis.openapi.format("uri", st.sampled_from([_ADDRESS, f"{_ADDRESS}?again=1"]))
schemathesis.openapi.format(
    "language", st.sampled_from(["es", "eng", "es-MX", "English", "español", "es,en"])
)
# Of `expiresAt`, which must be to come.
schemathesis.openapi.format("date-time", st.integers(2040, 2090).map("{}-01-31T12:00:00Z".format))


@schemathesis.hook  # type: ignore[untyped-decorator]
def filter_case(context: Any, case: Any) -> bool:
    """The recordings have one audio track, a header that tells their format, and these addresses alone.

    schemathesis also tries addresses and texts that it finds in answers. `cursor` and `before` are texts that
    an answer gave, a day in `from` goes with one in `to`, and `format=rttm` with `speakers`.
    """
    if case.meta.generation.mode.is_positive and {"cursor", "from"} & set(case.query or ()):
        return False
    body = case.body
    if not isinstance(body, dict):
        return True
    is_nameless = body.get("format") == "rttm" and body.get("speakers") in (None, "", False, "false")
    if (isinstance(body.get("file"), str) or is_nameless) and case.meta.generation.mode.is_positive:
        return False
    url, track = body.get("url"), body.get("track")
    is_foreign = isinstance(url, str) and "://" in url and not url.startswith(_ADDRESS)
    return (
        not is_foreign and track in (None, "", 1, "1") and not (body.get("inputFormat") or body.get("before"))
    )
