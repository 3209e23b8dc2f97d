"""OpenAPI → one page of plain HTML at /docs, which loads nothing from elsewhere and so works offline, too.

Swagger's page, FastAPI's default, makes each reader's browser load a megabyte of script from a CDN.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI, Request, Response

from common.http.edge import prefix_of
from common.transcription.option_rules import can_distinguish_speakers

OpenApi = dict[str, Any]

# The page has no script and loads nothing: https://www.w3.org/TR/CSP3/
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
    """Serve /docs and /openapi.json, each rendered at the first request and kept: rendering takes long."""
    cache: dict[str, bytes] = {}

    def describe() -> OpenApi:
        document: OpenApi = app.openapi()
        for name in _not_offered(app.state.services):
            document = without(document, name)
        return document

    async def document(request: Request) -> Response:
        if "json" not in cache:
            cache["json"] = json.dumps(describe(), ensure_ascii=False, separators=(",", ":")).encode()
        body = cache["json"]
        prefix = "" if app.servers else prefix_of(request)
        if prefix:  # each request may have another: it is not kept
            servers = json.dumps({"servers": [{"url": prefix}]}).encode()
            body = servers[:-1] + b"," + body[1:]
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def html(_: Request) -> Response:
        if "page" not in cache:
            cache["page"] = render_page(describe()).encode()
        return Response(cache["page"], media_type="text/html", headers=_HEADERS)

    app.router.add_route("/openapi.json", document, include_in_schema=False)
    app.router.add_route("/docs", html, include_in_schema=False)


def _not_offered(services: Any) -> Iterator[str]:
    """Fields and values that this server refuses."""
    if services.settings.callback_secret is None:
        yield "callbackUrl"
    if not can_distinguish_speakers(services):
        yield from ("speakers", "diarized_json")


def without(openapi: Any, name: str) -> Any:
    """The document without a field of bodies, or a value in lists."""
    if isinstance(openapi, list):
        return [without(each, name) for each in openapi if each != name]
    if not isinstance(openapi, dict):
        return openapi
    return {key: without(value, name) for key, value in openapi.items() if key != name}


def render_page(openapi: OpenApi) -> str:
    """The whole page; every word of the document is escaped."""
    info = openapi["info"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    return "".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>",
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info.get('summary', ''))}",
            _paragraphs(info.get("description", "")),
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
        (parameter["name"], f"in the {parameter['in']}", {**parameter["schema"], **parameter})
        for parameter in operation.get("parameters", ())
    ]
    yield _table("Parameters", parameters)
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        required = schema.get("required", ())
        fields = [
            (name, "required" if name in required else "", field)
            for name, field in schema.get("properties", {}).items()
        ]
        if isinstance(others := schema.get("additionalProperties"), dict):
            fields.append(("any other name", "", others))
        yield _table(f"Body, {kind}", fields)
    yield "<h3>Answers</h3>"
    for status, response in operation["responses"].items():
        yield _response(status, response)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_words(part)}" for part in text.split("\n\n") if part)


def _words(text: str) -> str:
    """Escaped HTML; text between backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _table(heading: str, rows: list[tuple[str, str, OpenApi]]) -> str:
    if not rows:
        return ""
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(where)}<td>{_words(_describe(field))}"
        for name, where, field in rows
    )
    return f"<h3>{escape(heading)}</h3><table>{lines}</table>"


def _describe(field: OpenApi) -> str:
    """A field in words: its description, its possible values, its default."""
    parts = [field.get("description", "")]
    if values := [value for value in field.get("enum", ()) if isinstance(value, str) and value]:
        parts.append("one of " + ", ".join(values))
    default = field.get("default")
    if default not in (None, ""):
        parts.append(f"default {default if isinstance(default, str) else json.dumps(default)}")
    return "; ".join(part for part in parts if part) or str(field.get("type", ""))


def _response(status: str, response: OpenApi) -> str:
    heading = f"<b>{escape(status)}</b> {_words(response['description'])}"
    examples = "".join(
        f"<pre>{escape(example if isinstance(example, str) else _json(example))}</pre>"
        for content in response.get("content", {}).values()
        for example in _examples(content)
    )
    return f"<details><summary>{heading}</summary>{examples}</details>" if examples else f"<p>{heading}"


def _examples(content: OpenApi) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield example["value"]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
