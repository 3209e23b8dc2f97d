"""`{name:any}` in a route: all that follows, a line break too, which `{name:path}` does not match."""

from __future__ import annotations

from starlette.convertors import PathConvertor, register_url_convertor


class AnyPath(PathConvertor):
    regex = "(?s:.*)"


def register() -> None:
    """Must be called before a route names it; harmless again."""
    register_url_convertor("any", AnyPath())
