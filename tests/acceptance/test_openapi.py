"""schemathesis sends what /openapi.json allows, and what it forbids, to every route, and judges the answers.

Settings, and what no schema can say: schemathesis.toml, tests/schema_hooks.py.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.file_server import FileServer
from tests.server import ROOT, Server
from tests.upstream import Upstream

_PROGRAM = ROOT / ".venv" / "schemathesis" / "bin" / "st"
_ADMIN_KEY = "a" * 32
_ENDLESS = "/admin/now/events"  # each request would wait for its time-out
_SETTINGS = {
    "ADMIN_KEY": _ADMIN_KEY,
    "CALLBACK_SECRET": "s" * 32,
    "DOWNLOAD_PRIVATE_ADDRESSES": "true",
    "LOG_LEVEL": "WARNING",
    "MAX_QUEUE": "100000",
    "STORAGE_MB": "100000",
}
# The same requests in every run, a few for each route; `make soak` sends new ones for five minutes.
_SHORT = "--phases coverage,fuzzing --max-examples 3 --no-shrink --generation-deterministic --seed 15"


def test_schemathesis_finds_nothing(tmp_path: Path, upstream: Upstream, pytestconfig: pytest.Config) -> None:
    seconds = pytestconfig.getoption("--fuzz")
    effort = f"--max-time {seconds}" if seconds else _SHORT
    # It looks for its hooks, and keeps what failed, in the folder where it runs.
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    recording = (ROOT / "tests/data/english-short.wav").read_bytes()
    with (
        FileServer(files={"/a.wav": recording}) as files,
        Server(tmp_path / "data", GROQ_BASE_URL=upstream.url, **_SETTINGS) as server,
    ):
        command = f"""{_PROGRAM} --config-file {ROOT}/schemathesis.toml run {server.url}/openapi.json
            --exclude-path {_ENDLESS} --checks all --mode all --continue-on-failure
            --warnings off --no-color {effort}"""
        ran = subprocess.run(
            [*command.split(), "--header", f"Authorization: Bearer {_ADMIN_KEY}"],
            cwd=tmp_path,
            env={**os.environ, "RECORDING_URL": f"{files.url}/a.wav"},
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
        assert "No issues found" in ran.stdout
        assert '"ERROR"' not in server.log
