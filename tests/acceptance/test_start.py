"""What a person who starts the server sees: a banner, readable lines, or one sentence on why it failed."""

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

INHERITED = {"PATH": os.environ["PATH"]}
BOTH = "CONVEX_SITE_URL and CONVEX_API_KEY"


def failed_start(**settings: str) -> str:
    """All that the server prints when these settings do not let it start."""
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


def test_a_taken_port_is_named_in_one_sentence_and_no_file_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = failed_start(PORT=str(port), DATA_DIR=str(tmp_path / "data"))
    assert message == (
        f"Escriba cannot start. Something else listens on 127.0.0.1:{port} already. "
        "Stop it, or choose another PORT.\n"
    )
    assert not (tmp_path / "data").exists()


def test_an_address_of_another_machine_is_named_in_one_sentence(tmp_path: Path) -> None:
    message = failed_start(HOST="192.0.2.1", PORT=str(free_port()), DATA_DIR=str(tmp_path))
    assert message.startswith("Escriba cannot start. It cannot listen on HOST 192.0.2.1, PORT ")
    assert message.count("\n") == 1


def test_an_unusable_folder_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    message = failed_start(PORT=str(free_port()), DATA_DIR=str(tmp_path / "data"))
    assert message == (
        f"Escriba cannot start. The folder {tmp_path}/data/scratch cannot be made or written to: "
        "Not a directory.\n"
    )


def test_a_file_that_is_no_database_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "escriba.sqlite3").write_text("Dear diary, this is no database.")
    message = failed_start(PORT=str(free_port()), DATA_DIR=str(tmp_path))
    assert message == (
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
def test_a_wrong_setting_is_named_in_one_sentence(setting: dict[str, str], sentence: str) -> None:
    assert failed_start(**setting) == f"Escriba cannot start. {sentence}\n"


class Terminal:
    def __init__(self, screen: int) -> None:
        self._screen = screen
        self.output = ""

    def until(self, words: str) -> str:
        """The whole output up to now, once it contains `words`."""
        while words not in self.output:
            self.output += os.read(self._screen, 65536).decode().replace("\r\n", "\n")
        return self.output


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


def test_a_terminal_shows_a_banner_and_a_line_for_each_request(tmp_path: Path) -> None:
    port = free_port()
    with started_on_a_terminal(tmp_path, port) as terminal:
        lines = terminal.until("/transcribe\n")
        url = f"http://127.0.0.1:{port}"
        assert lines.startswith(f"Escriba listens on {url}, ")
        assert f"  curl -F file=@tests/data/english.flac {url}/transcribe" in lines
        assert httpx.get(url, timeout=60).headers["location"] == "/docs"
        answer = httpx.get(f"{url}/nowhere", headers={"x-request-id": "newcomer"}, timeout=60)
        assert answer.status_code == 404
        line = terminal.until("requestId=newcomer").splitlines()[-1]
    assert "  request  method=GET status=404 seconds=" in line
    assert line.endswith(" requestId=newcomer")
