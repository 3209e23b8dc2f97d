"""The page at /docs: whole, true to the document, and asking nobody else for anything."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from common import errors
from common.http.docs_page import page
from common.settings import Settings
from local_server import build


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return get(tmp_path_factory.mktemp("data"), "/openapi.json").json()


def get(data_dir: Path, path: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(build(Settings(data_dir=data_dir)))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    return asyncio.run(asked())


def test_a_browser_that_reads_it_asks_nobody_else(tmp_path: Path) -> None:
    answer = get(tmp_path, "/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import", answer.text)
    assert re.findall(r'(?:href|src)="([^"#]+)"', answer.text) == ["openapi.json"]


def test_every_operation_and_every_example_is_on_it(document: Any) -> None:
    text = html.unescape(page(document))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in text
            assert all(f"<b>{status}</b>" in text for status in operation["responses"])


def test_a_word_of_the_document_cannot_become_markup(document: Any) -> None:
    hostile = {**document, "info": {"title": "<script>x</script>", "version": "&", "description": "<b>"}}
    assert "<script" not in page(hostile)


def test_what_stands_between_backticks_is_code_and_still_escaped(document: Any) -> None:
    told = {"title": "x", "version": "1", "description": "say `<b>` twice\n\n`a` and `b`"}
    shown = page({**document, "info": told})
    assert "<p>say <code>&lt;b&gt;</code> twice<p><code>a</code> and <code>b</code>" in shown


def codes(kind: type[errors.EscribaError] = errors.EscribaError) -> set[str]:
    return {kind.code}.union(*(codes(child) for child in kind.__subclasses__()))


def test_every_code_that_it_shows_exists(document: Any) -> None:
    shown = set(re.findall(r'"code": ?"(\w+)"', page(document).replace("&quot;", '"')))
    assert len(shown) > 30
    assert shown - {"…"} <= codes()
