"""The real server before the stand-in for Groq, and recordings to send it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media import Media
from tests.recordings import ENGLISH_SHORT
from tests.server import ROOT, Server
from tests.upstream import Upstream

MB = 1024 * 1024


def snippet(language: str, server: Server, recording: Path) -> str:
    """What README.md shows of OpenAI's SDK, asking this server about this recording."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    shown: str = next(block for block in blocks if "OpenAI" in block)
    return shown.replace("http://127.0.0.1:8000", server.url).replace("interview.mp3", str(recording))


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    """The stand-in, with nothing scripted and nothing seen."""
    _upstream.script.clear()
    _upstream.requests.clear()
    return _upstream


@pytest.fixture(scope="session")
def server(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {
        "GROQ_API_KEY": "gsk_" + "s" * 40,
        "GROQ_BASE_URL": _upstream.url,
        "MAX_JOB_UPLOAD_MB": "40",
        "LOG_LEVEL": "WARNING",
        "DOWNLOAD_PRIVATE_ADDRESSES": "true",
    }
    with Server(tmp_path_factory.mktemp("sdk") / "data", **environment) as server:
        yield server


@pytest.fixture(scope="session")
def recording() -> Path:
    return ENGLISH_SHORT.path


@pytest.fixture(scope="session")
def heavy(media: Media) -> Path:
    """Three minutes of 32 MB: past the 25 that OpenAI and Groq take."""
    path = media.ffmpeg("-f lavfi -i sine=440:r=44100:d=180 -ac 2", media.folder / "heavy.wav")
    assert path.stat().st_size > 30 * MB
    return path


@pytest.fixture(scope="session")
def long(media: Media) -> Path:
    """Nineteen minutes. A stream transcribes them in three pieces, from 0:00, 1:50 and 10:25."""
    return media.ffmpeg("-f lavfi -i sine=440:r=8000:d=1150 -b:a 8k", media.folder / "long.mp3")
