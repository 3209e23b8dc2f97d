"""What CONTRIBUTING.md asks of every file and no linter checks: sizes, and one word for one thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = [
    *ROOT.glob("common/**/*.py"),
    *ROOT.glob("escriba/*.py"),
    *ROOT.glob("functions/*.py"),
    ROOT / "local_server.py",
]
WEB = [
    path
    for folder in ("web/dev", "web/example", "web/scripts", "web/src", "page/scripts", "page/src")
    for path in ROOT.glob(f"{folder}/**/*")
    if path.suffix in {".ts", ".tsx", ".mjs"} and "_generated" not in path.parts and ".test." not in path.name
]

OTHERS = [
    path
    for pattern in (
        "tests/**/*.py",
        "tests/sdk/*.mjs",
        "benchmarks/*.py",
        "web/e2e/*",
        "page/e2e/**/*.ts",
        "docs/**/*.md",
        "*.md",
        "template.yaml",
    )
    for path in ROOT.glob(pattern)
    if path != Path(__file__)
]

LONGEST_MODULE = 250
LONGEST_FUNCTION = 40

# Words that once stood for a thing that has a name in CONTRIBUTING's glossary.
RETIRED = re.compile(
    r"\b(told|furnished|begun|departure|telling|patience|courier|whoever|thereof|witness)\b", re.IGNORECASE
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function and how many lines it has, decorators and docstring aside."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - first.lineno + 1


# One test for all files, since two thousand tests of a file each take twenty seconds to collect and report.


def test_no_module_is_longer_than_a_reader_keeps_in_mind() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in [*CODE, *WEB]}
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        (relative(path), name, lines)
        for path in CODE
        for name, lines in functions(path)
        if lines > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_retired_word_comes_back() -> None:
    found = [
        (relative(path), number, line)
        for path in [*CODE, *WEB, *OTHERS]
        for number, line in enumerate(current_text(path).splitlines(), 1)
        if RETIRED.search(line)
    ]
    assert found == []


def current_text(path: Path) -> str:
    """What a database already holds under a retired word keeps its name there."""
    return path.read_text().replace('"told"  # a watcher\'s attribute', "")
