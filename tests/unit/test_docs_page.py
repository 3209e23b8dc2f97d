"""The page at /docs shows the whole document and loads nothing from elsewhere."""

from __future__ import annotations

import asyncio
import html
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from common import errors
from common.counters import Counters
from common.http.docs_page import render_page
from common.settings import Settings
from local_server import build


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return get(tmp_path_factory.mktemp("data"), "/openapi.json").json()


def get(data_dir: Path, path: str) -> httpx.Response:
    async def request() -> httpx.Response:
        settings = Settings(data_dir=data_dir, callback_secret="secret")
        app = build(settings)
        usage = SimpleNamespace(add=lambda *_: None)
        app.state.services = SimpleNamespace(
            settings=settings,
            voices=None,
            counters=Counters(),
            now=time.time,
            admin=SimpleNamespace(usage=usage),
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    return asyncio.run(request())


def test_the_page_makes_a_browser_load_nothing_else(tmp_path: Path) -> None:
    answer = get(tmp_path, "/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import", answer.text)
    assert re.findall(r'(?:href|src)="([^"#]+)"', answer.text) == ["openapi.json"]


def test_every_operation_and_status_is_on_the_page(document: Any) -> None:
    text = html.unescape(render_page(document))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in text
            assert all(f"<b>{status}</b>" in text for status in operation["responses"])


def test_text_of_the_document_cannot_become_markup(document: Any) -> None:
    hostile = {**document, "info": {"title": "<script>x</script>", "version": "&", "description": "<b>"}}
    assert "<script" not in render_page(hostile)


def test_text_between_backticks_becomes_code_and_is_escaped(document: Any) -> None:
    info = {"title": "x", "version": "1", "description": "say `<b>` twice\n\n`a` and `b`"}
    html = render_page({**document, "info": info})
    assert "<p>say <code>&lt;b&gt;</code> twice<p><code>a</code> and <code>b</code>" in html


def codes(kind: type[errors.EscribaError] = errors.EscribaError) -> set[str]:
    return {kind.code}.union(*(codes(child) for child in kind.__subclasses__()))


def test_every_error_code_on_the_page_exists(document: Any) -> None:
    shown = set(re.findall(r'"code": ?"(\w+)"', render_page(document).replace("&quot;", '"')))
    assert len(shown) > 30
    assert shown - {"…"} <= codes()
