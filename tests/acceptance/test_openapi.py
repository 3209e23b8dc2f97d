"""schemathesis sends what /openapi.json allows, and what it forbids, and compares every answer with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT, Server
from tests.upstream import Upstream

# `make soak` gives it five minutes.
# Not judged: whether a body is accepted. No schema says what is a recording, and forms hold nothing but text.
_ARGUMENTS = (
    "--checks all --exclude-checks positive_data_acceptance,negative_data_rejection "
    "--mode all --seed 15 --continue-on-failure --warnings off --no-color"
)


def test_schemathesis_finds_nothing(tmp_path: Path, upstream: Upstream, pytestconfig: pytest.Config) -> None:
    seconds = pytestconfig.getoption("--fuzz")
    effort = f"--max-time {seconds}" if seconds else "--max-examples 5 --phases fuzzing --no-shrink"
    settings = {
        "CALLBACK_SECRET": "s" * 32,
        "LOG_LEVEL": "WARNING",
        "MAX_QUEUE": "100000",
        "STORAGE_MB": "100000",
    }
    with Server(tmp_path / "data", GROQ_BASE_URL=upstream.url, **settings) as server:
        st = Path(sys.executable).with_name("st")
        ran = subprocess.run(
            [st, "run", f"{server.url}/openapi.json", *_ARGUMENTS.split(), *effort.split()],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
        assert '"ERROR"' not in server.log
