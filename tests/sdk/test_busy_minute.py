"""Many threads of OpenAI's SDK at once: a short line serves them all, and turns nobody away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.replies import Reply
from tests.server import Server
from tests.upstream import Upstream


@pytest.mark.parametrize(
    ("threads", "requests", "settings"),
    [(24, 48, {}), (8, 16, {"max_retries": 0})],
    ids=["default settings", "without retries"],
)
def test_a_busy_minute_is_answered_whole(
    threads: int,
    requests: int,
    settings: dict[str, Any],
    server: Server,
    recording: Path,
    upstream: Upstream,
) -> None:
    upstream.default = Reply(delay=0.3)
    upstream.most_at_once = 0
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", **settings) as client:

        def transcribe(_: int) -> str:
            return client.audio.transcriptions.create(file=recording, model="whisper-1").text

        with ThreadPoolExecutor(threads) as pool:
            texts = list(pool.map(transcribe, range(requests)))
    upstream.default = Reply()
    assert all(text.startswith("heard ") for text in texts)
    assert len(upstream.requests) == requests  # nothing was sent twice, so nothing was refused
    assert upstream.most_at_once <= 5
