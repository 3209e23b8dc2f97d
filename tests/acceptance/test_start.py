"""What whoever starts it by hand sees: a greeting, readable lines, or one sentence on why it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.server import ROOT, free_port

INHERITED = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
BOTH = "CONVEX_SITE_URL and CONVEX_API_KEY"


def refused(**settings: str) -> str:
    """What it says, all of it, when it is started with these settings and ends by itself."""
    ended = subprocess.run(
        [sys.executable, "local_server.py"],
        check=False,
        cwd=ROOT,
        env={**INHERITED, **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    return ended.stderr


def test_a_taken_port_is_told_in_one_sentence_and_nothing_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused(PORT=str(port), DATA_DIR=str(tmp_path / "data"))
    assert told == (
        f"Escriba cannot start. Something else listens on 127.0.0.1:{port} already. "
        "Stop it, or choose another PORT.\n"
    )
    assert not (tmp_path / "data").exists()


def test_an_address_that_is_not_ours_is_told_in_one_sentence(tmp_path: Path) -> None:
    told = refused(HOST="192.0.2.1", PORT=str(free_port()), DATA_DIR=str(tmp_path))
    assert told.startswith("Escriba cannot start. It cannot listen on HOST 192.0.2.1, PORT ")
    assert told.count("\n") == 1


def test_a_folder_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    told = refused(PORT=str(free_port()), DATA_DIR=str(tmp_path / "data"))
    assert told == (
        f"Escriba cannot start. The folder {tmp_path}/data/scratch cannot be made or written to: "
        "Not a directory.\n"
    )


def test_a_database_that_is_none_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "escriba.sqlite3").write_text("Dear diary, this is no database.")
    told = refused(PORT=str(free_port()), DATA_DIR=str(tmp_path))
    assert told == (
        f"Escriba cannot start. The database {tmp_path}/escriba.sqlite3 cannot be used: "
        "file is not a database.\n"
    )


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"PORT": "abc"}, "PORT has a value that cannot be used; expected: a valid integer."),
        (
            {"CONVEX_API_KEY": "secret"},
            f"The settings do not fit together; expected: {BOTH}, both or neither.",
        ),
    ],
)
def test_a_wrong_setting_is_told_in_one_sentence(setting: dict[str, str], sentence: str) -> None:
    assert refused(**setting) == f"Escriba cannot start. {sentence}\n"


class Terminal:
    def __init__(self, screen: int) -> None:
        self._screen = screen
        self.seen = ""

    def until(self, words: str) -> str:
        """All that has been shown once `words` are."""
        while words not in self.seen:
            self.seen += os.read(self._screen, 65536).decode().replace("\r\n", "\n")
        return self.seen


@contextmanager
def started_on_a_terminal(data: Path, port: int) -> Iterator[Terminal]:
    screen, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "local_server.py"],
        cwd=ROOT,
        env={**INHERITED, "DATA_DIR": str(data), "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        try:
            yield Terminal(screen)
        finally:
            process.terminate()
            assert process.wait(60) == 0
            os.close(screen)


def test_on_a_terminal_it_greets_and_each_request_is_a_line(tmp_path: Path) -> None:
    port = free_port()
    with started_on_a_terminal(tmp_path, port) as terminal:
        greeted = terminal.until("/transcribe\n")
        url = f"http://127.0.0.1:{port}"
        assert greeted.startswith(f"Escriba listens on {url}, ")
        assert f"  curl -F file=@tests/data/english.flac {url}/transcribe" in greeted
        assert httpx.get(url, timeout=60).headers["location"] == "/docs"
        nowhere = httpx.get(f"{url}/nowhere", headers={"x-request-id": "newcomer"}, timeout=60)
        assert nowhere.status_code == 404
        line = terminal.until("requestId=newcomer").splitlines()[-1]
    assert "  request  method=GET status=404 seconds=" in line
    assert line.endswith(" requestId=newcomer")
