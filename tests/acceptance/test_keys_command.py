"""The command that makes access keys on a server's store, beside the server and without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests.server import ROOT, Server

UNKNOWN = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


def run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "common.keys_command", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_key_is_made_before_the_first_start_listed_and_revoked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    created = run(data, "create", "the first", "--scope", "read", "--days", "1")
    key = created.stdout.strip()
    assert (created.returncode, key.startswith("esc_")) == (0, True), created.stderr
    with Server(data, ADMIN_KEY="a" * 32, GROQ_BASE_URL="http://127.0.0.1:9") as server:
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{server.url}/job/{UNKNOWN}", headers=headers).status_code == 404
        listed = run(data, "list").stdout
        key_id = listed.split()[0]
        assert "the first" in listed
        assert key not in listed
        assert run(data, "revoke", key_id).returncode == 0
        other = {"Authorization": f"Bearer {run(data, 'create', 'another').stdout.strip()}"}
        assert httpx.get(f"{server.url}/job/{UNKNOWN}", headers=other).status_code == 404
        admin = {"Authorization": f"Bearer {'a' * 32}"}
        actions = httpx.get(f"{server.url}/admin/audit", headers=admin).json()["actions"]
        assert [(entry["action"], entry["by"]) for entry in actions] == [
            ("key.created", "command line"),
            ("key.revoked", "command line"),
            ("key.created", "command line"),
        ]
    assert "revoked" in run(data, "list").stdout


def test_a_key_that_does_not_exist_is_named(tmp_path: Path) -> None:
    revoked = run(tmp_path / "data", "revoke", "1a2b3c4d")
    assert (revoked.returncode, "1a2b3c4d" in revoked.stderr) == (2, True)
