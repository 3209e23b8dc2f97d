"""The documents agree with the code: settings with their defaults, every path and command that they name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from common.settings import Settings
from tests.server import ROOT

READMES = ("README.md", "README.es.md")
GUIDES = ("docs/migration.md", "docs/migracion.md")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "web/*.md", "tests/*/*.md")
    for path in ROOT.glob(pattern)
)

PATH = re.compile(
    r"(?<![\w./:-])(?:common|functions|tests|web|page|docs|benchmarks|locks)/[\w./-]*[\w/]"
    r"|(?<=`)\w+\.(?:py|yaml|toml)(?=`)"
)
MODULE = re.compile(r"(?<![\w./])(?:common|functions|tests|benchmarks)(?:\.\w+)+")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def settings_table(readme: str) -> dict[str, str]:
    text = (ROOT / readme).read_text()
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|(.*?)\|", text, re.MULTILINE)
    return {name: default.strip() for name, default in rows}


def as_written(value: object) -> str:
    if value in (None, (), PydanticUndefined):
        return ""
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


@pytest.mark.parametrize("readme", READMES)
def test_every_setting_is_listed_with_its_default(readme: str) -> None:
    table = settings_table(readme)
    for name, setting in Settings.model_fields.items():
        default = table.pop(name.upper())
        if name.startswith("quota_"):
            assert setting.default is None
        else:
            assert default == as_written(setting.default), name
    assert table == {}


def missing_modules(text: str) -> list[str]:
    paths = {name: ROOT / name.replace(".", "/") for name in MODULE.findall(text)}
    return [name for name, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").exists())]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_module_and_link_in_a_document_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    assert [name for name in PATH.findall(text) if not (ROOT / name).exists()] == []
    assert missing_modules(text) == []
    folder = (ROOT / document).parent
    assert [name for name in LINK.findall(text) if not (folder / name).exists()] == []


def test_paths_modules_and_links_are_found_in_a_sentence() -> None:
    sentence = "See `common/jobs/`, [why](docs/no.md), @tests/a.flac, `no.toml`, `python -m benchmarks.jobs`."
    assert PATH.findall(sentence) == ["common/jobs/", "docs/no.md", "tests/a.flac", "no.toml"]
    assert MODULE.findall(sentence) == ["benchmarks.jobs"]
    assert LINK.findall(sentence) == ["docs/no.md"]
    assert missing_modules("`common.jobs`, `common.jobs.state`, `common.jobs.no`") == ["common.jobs.no"]


def test_contributing_lists_every_package() -> None:
    rows = re.findall(
        r"^\| `((?:common|functions)/[\w/]*)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    packages = {
        f"{path.parent.relative_to(ROOT)}/"
        for folder in ("common", "functions")
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert sorted(rows) == sorted(packages)


def test_contributing_shows_the_layers_that_are_checked() -> None:
    (contract,) = (
        contract
        for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
            "contracts"
        ]
        if contract["type"] == "layers"
    )
    checked = [set(re.findall(r"(?:common\.)?(\w+)", layer)) for layer in contract["layers"]]
    block = next(block for block in code_blocks("CONTRIBUTING.md") if block.startswith("functions\n"))
    shown_layers = [set(re.findall(r"\w+", line)) for line in block.splitlines()]
    for names, layer in zip(shown_layers, checked, strict=True):
        assert names <= layer
        assert [name for name in layer - names if (ROOT / "common" / name).is_dir()] == []


@pytest.mark.parametrize("readme", READMES)
def test_every_make_target_in_the_readme_exists(readme: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets_in_readme = set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / readme).read_text()))
    assert {"run", "test"} <= targets_in_readme <= targets


def code_blocks(page: str) -> list[str]:
    """The code of a page, without its comments."""
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return [re.sub(r"\s*(#|//) .*", "", block) for block in blocks]


@pytest.mark.parametrize(("english", "spanish"), [READMES, GUIDES])
def test_both_languages_give_the_same_commands(english: str, spanish: str) -> None:
    assert code_blocks(english)
    assert code_blocks(english) == code_blocks(spanish)


def test_ci_runs_the_readmes_test_command() -> None:
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()


def test_no_tracked_file_names_a_package_index() -> None:
    hosts = re.compile(r"\b(pypi|pythonhosted|npmjs|debian)\.(org|com)\b|registry\.npmjs|deb\.debian")
    for lock in (ROOT / "locks").glob("*.txt"):
        assert not hosts.search(lock.read_text()), lock
    for folder in ("web", "page", "tests/sdk"):
        assert not hosts.search(Path(ROOT / folder / "package-lock.json").read_text()), folder
