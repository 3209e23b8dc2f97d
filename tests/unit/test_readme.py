"""The README is true: its settings and defaults, and the files and commands that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from common.settings import Settings
from tests.server import ROOT

READMES = ("README.md", "README.es.md")
IN_BOTH = [READMES, ("docs/migration.md", "docs/migracion.md")]


def settings_table(readme: str) -> dict[str, str]:
    text = (ROOT / readme).read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \|(.*?)\|", text, re.MULTILINE)
    return {name: default.strip() for name, default in rows}


def as_written(value: object) -> str:
    if value in (None, (), PydanticUndefined):
        return ""
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


@pytest.mark.parametrize("readme", READMES)
def test_every_file_that_is_linked_or_used_exists(readme: str) -> None:
    text = (ROOT / readme).read_text()
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text) + re.findall(r"@(tests/data/[\w.-]+)", text)
    assert linked
    for name in linked:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("readme", READMES)
def test_every_make_target_in_the_readme_exists(readme: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets_in_readme = set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / readme).read_text()))
    assert {"run", "test"} <= targets_in_readme <= targets


def code_blocks(page: str) -> list[str]:
    """The code of a page, without its comments."""
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return [re.sub(r"\s*(#|//) .*", "", block) for block in blocks]


@pytest.mark.parametrize(("english", "spanish"), IN_BOTH)
def test_both_languages_give_the_same_commands(english: str, spanish: str) -> None:
    assert code_blocks(english)
    assert code_blocks(english) == code_blocks(spanish)


def test_ci_runs_the_readmes_test_command() -> None:
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()


def test_no_tracked_file_names_a_package_index() -> None:
    hosts = re.compile(r"\b(pypi|pythonhosted|npmjs|debian)\.(org|com)\b|registry\.npmjs|deb\.debian")
    for lock in (ROOT / "locks").glob("*.txt"):
        assert not hosts.search(lock.read_text()), lock
    for folder in ("web", "tests/sdk"):
        assert not hosts.search(Path(ROOT / folder / "package-lock.json").read_text()), folder
