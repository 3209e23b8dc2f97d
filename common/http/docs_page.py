"""OpenAPI → one page of plain HTML at /docs: read anywhere, offline too, with nothing loaded from elsewhere.

Swagger's page, FastAPI's default, would have each reader's browser ask a CDN for a megabyte of program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI, Request, Response

OpenApi = dict[str, Any]

# The page holds no program and asks for nothing: https://www.w3.org/TR/CSP3/
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem}
h2{margin-top:2.5rem;border-top:1px solid #8886;padding-top:1rem;overflow-wrap:anywhere}
h2 b{color:#07a}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#8882;padding:.6rem;overflow-x:auto}summary{cursor:pointer}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
"""


def add_docs(app: FastAPI) -> None:
    """Serve /docs and /openapi.json, each made when first asked for and kept: making one takes a while."""
    made: dict[str, bytes] = {}

    async def document(_: Request) -> Response:
        if "json" not in made:
            made["json"] = json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()
        return Response(made["json"], media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def shown(_: Request) -> Response:
        if "page" not in made:
            made["page"] = page(app.openapi()).encode()
        return Response(made["page"], media_type="text/html", headers=_HEADERS)

    app.router.add_route("/openapi.json", document, include_in_schema=False)
    app.router.add_route("/docs", shown, include_in_schema=False)


def page(openapi: OpenApi) -> str:
    """The whole page; every word of the document is escaped."""
    told = openapi["info"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    return "".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(told['title'])}</title><style>{_STYLE}</style>",
            f"<h1>{escape(told['title'])} {escape(told['version'])}</h1><p>{escape(told.get('summary', ''))}",
            _paragraphs(told.get("description", "")),
            '<p>As a document for programs: <a href="openapi.json">openapi.json</a>.<ul>',
            *(_entry(*operation) for operation in operations),
            "</ul>",
            *(part for operation in operations for part in _section(*operation)),
        )
    )


def _entry(method: str, path: str, operation: OpenApi) -> str:
    link = f'<a href="#{escape(operation["operationId"])}"><code>{method} {escape(path)}</code></a>'
    return f"<li>{link} {escape(operation['summary'])}"


def _section(method: str, path: str, operation: OpenApi) -> Iterator[str]:
    yield f'<h2 id="{escape(operation["operationId"])}"><b>{method}</b> <code>{escape(path)}</code></h2>'
    yield f"<p><b>{escape(operation['summary'])}</b>{_paragraphs(operation.get('description', ''))}"
    parameters = [
        (one["name"], f"in the {one['in']}", {**one["schema"], **one})
        for one in operation.get("parameters", ())
    ]
    yield _table("Parameters", parameters)
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        needed = schema.get("required", ())
        fields = [
            (name, "required" if name in needed else "", about)
            for name, about in schema["properties"].items()
        ]
        yield _table(f"Body, {kind}", fields)
    yield "<h3>Answers</h3>"
    for status, answer in operation["responses"].items():
        yield _answer(status, answer)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_words(part)}" for part in text.split("\n\n") if part)


def _words(text: str) -> str:
    """Escaped, and what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _table(heading: str, rows: list[tuple[str, str, OpenApi]]) -> str:
    if not rows:
        return ""
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(where)}<td>{_words(_about(about))}"
        for name, where, about in rows
    )
    return f"<h3>{escape(heading)}</h3><table>{lines}</table>"


def _about(about: OpenApi) -> str:
    """A field in words: what it says of itself, what it may be, what it is when left out."""
    parts = [about.get("description", "")]
    if "enum" in about:
        parts.append("one of " + ", ".join(map(str, about["enum"])))
    if about.get("default") not in {None, ""}:
        default = about["default"]
        parts.append(f"default {default if isinstance(default, str) else json.dumps(default)}")
    return "; ".join(part for part in parts if part) or str(about.get("type", ""))


def _answer(status: str, answer: OpenApi) -> str:
    heading = f"<b>{escape(status)}</b> {_words(answer['description'])}"
    shown = "".join(
        f"<pre>{escape(example if isinstance(example, str) else _json(example))}</pre>"
        for content in answer.get("content", {}).values()
        for example in _examples(content)
    )
    return f"<details><summary>{heading}</summary>{shown}</details>" if shown else f"<p>{heading}"


def _examples(content: OpenApi) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield example["value"]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
