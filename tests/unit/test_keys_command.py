"""What the command that makes access keys prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.access.keys import parse_key
from common.keys_command import main


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_new_key_alone_is_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", "the page"]) == 0
    printed = capsys.readouterr()
    key_id = parse_key(printed.out.strip())
    assert key_id is not None
    assert printed.err.split()[:2] == [key_id, "transcribe,read"]


def test_keys_are_listed_with_their_end_and_without_their_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", "first", "--scope", "read", "--days", "2"]) == 0
    assert main(["create", "second", "--scope", "admin"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert main(["revoke", str(parse_key(second))]) == 0
    assert main(["revoke", str(parse_key(second))]) == 0
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["read", "admin"]
    assert ["expires" in lines[0], "revoked" in lines[1]] == [True, True]
    assert first not in "".join(lines)


def test_a_key_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["revoke", "1a2b3c4d"]) == 2
    assert "1a2b3c4d" in capsys.readouterr().err


def test_wrong_settings_end_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ADMIN_KEY", "short")
    assert main(["list"]) == 2
    assert "ADMIN_KEY" in capsys.readouterr().err


def test_a_key_gets_limits_which_are_replaced_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", "bounded", "--limit", "jobs=20", "--limit", "storedMb=300"]) == 0
    key_id = str(parse_key(capsys.readouterr().out.strip()))
    assert main(["list"]) == 0
    assert capsys.readouterr().out.strip().endswith("bounded  jobs=20  storedMb=300")
    assert main(["limit", key_id, "--limit", "audioPerDay=60"]) == 0
    assert main(["list"]) == 0
    replaced, listed = capsys.readouterr().out.splitlines()
    assert replaced == listed
    assert listed.endswith("bounded  audioPerDay=60")
    assert main(["limit", key_id]) == 0
    assert "=" not in capsys.readouterr().out
    assert main(["limit", "1a2b3c4d"]) == 2


@pytest.mark.parametrize("limit", ["jobs", "jobs=0", "colors=1", "audioPerDay=9"])
def test_a_wrong_limit_ends_with_one_sentence(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", "bounded", "--limit", limit]) == 2
    assert capsys.readouterr().err.startswith("--limit: limits among requestsPerMinute")
