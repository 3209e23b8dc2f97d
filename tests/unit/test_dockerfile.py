"""The Dockerfile, as far as it can be checked without building it."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest

from tests.server import ROOT

LINES = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text()).splitlines()


def instructions(name: str) -> list[str]:
    return [line.partition(" ")[2].strip() for line in LINES if line.startswith(f"{name} ")]


def copied() -> list[str]:
    sources = [line.split()[:-1] for line in instructions("COPY") if not line.startswith("--from")]
    return [source for words in sources for source in words]


def test_every_file_it_copies_exists_and_is_not_ignored() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    exceptions = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert ignored[0] == "*"
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in exceptions), source


def reaches_the_builder(path: str) -> bool:
    """Docker's rule: the last line that matches a path, or a folder above it, decides."""
    above = [PurePosixPath(path), *PurePosixPath(path).parents[:-1]]
    reaches = True
    for line in re.findall(r"^[^#\n].*", (ROOT / ".dockerignore").read_text(), re.MULTILINE):
        pattern = PurePosixPath(line.removeprefix("!"))
        if any(len(each.parts) == len(pattern.parts) and each.match(str(pattern)) for each in above):
            reaches = line.startswith("!")
    return reaches


def test_every_python_file_of_the_packages_reaches_the_builder() -> None:
    files = [path for folder in ("common", "functions") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    assert [path for path in files if not reaches_the_builder(str(path.relative_to(ROOT)))] == []


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "common/.env",
        "common/audio/.env",
        "common/secrets",
        "common/local/sqlite/escriba.sqlite3",
        "functions/__pycache__/job.cpython-311.pyc",
        "data/audio/recording.py",
        "tests/server.py",
    ],
)
def test_nothing_else_reaches_the_builder(path: str) -> None:
    assert not reaches_the_builder(path)


def test_everything_that_the_server_imports_is_copied() -> None:
    assert {"local_server.py", "common", "functions"} <= set(copied())


def test_two_stages_start_from_the_slim_image() -> None:
    assert [line.split()[0] for line in instructions("FROM")] == ["python:3.11-slim"] * 2


def test_packages_come_from_the_production_lock_by_hash_alone() -> None:
    install = next(line for line in instructions("RUN") if "pip install" in line)
    assert "--require-hashes" in install
    # Without it pip looks for the extras of a locked package, and stops at the first newer release.
    assert "--no-deps" in install
    assert "locks/production.txt" in copied()
    lock = (ROOT / "locks" / "production.txt").read_text()
    assert "faster-whisper" not in lock
    assert "pytest" not in lock
    assert "boto3" not in lock


def test_it_runs_as_an_unprivileged_user_who_owns_the_data_folder() -> None:
    (user,) = instructions("USER")
    assert user not in {"root", "0"}
    creates_user = next(line for line in instructions("RUN") if "useradd" in line)
    assert user in creates_user
    assert "/data" in creates_user
    assert any("DATA_DIR=/data" in line for line in instructions("ENV"))


def test_the_health_check_asks_the_port_that_is_served() -> None:
    (check,) = instructions("HEALTHCHECK")
    assert "curl" in check
    assert "${PORT}/health" in check
    assert any("install" in line and "curl" in line for line in instructions("RUN"))
    assert any("PORT=8000" in line and "HOST=0.0.0.0" in line for line in instructions("ENV"))


def test_the_server_is_the_first_process_so_that_it_gets_the_signals() -> None:
    (command,) = instructions("CMD")
    assert command == '["/venv/bin/python", "local_server.py"]'
