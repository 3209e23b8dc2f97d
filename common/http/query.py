"""The query of an address: names that are known, each at most once, and times and numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from common.errors import ONE_VALUE, OptionInvalid, OptionUnknown, Sentence

# OpenAPI's schema of each parameter, with its description. An empty value counts as not sent.
Parameters = Mapping[str, Mapping[str, Any]]

_DIGITS = 9  # of a number, as many as anybody needs

A_TIME = Sentence(
    "a time in ISO 8601, such as 2027-01-31T12:00:00Z", "una fecha en ISO 8601, como 2027-01-31T12:00:00Z"
)


def describe_query(parameters: Parameters) -> list[dict[str, Any]]:
    """What OpenAPI says of them."""
    return [
        {
            "name": name,
            "in": "query",
            "schema": schema if _allows_empty(schema) else {"anyOf": [schema, {"const": ""}]},
            "description": schema.get("description", ""),
        }
        for name, schema in parameters.items()
    ]


def _allows_empty(schema: Mapping[str, Any]) -> bool:
    return schema["type"] == "string" and not schema.keys() & {"format", "pattern"}


def read_query(request: Request, parameters: Parameters) -> dict[str, str]:
    """The values that are not empty. Raises OptionUnknown, OptionInvalid."""
    values: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in {*parameters, "ticket"}:
            raise OptionUnknown(option=name[:40], known=", ".join(parameters))
        if name in values:
            raise OptionInvalid(option=name, expected=ONE_VALUE)
        values[name] = value
    return {name: value for name, value in values.items() if value}


def read_number(values: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    """Raises OptionInvalid."""
    text = values.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and 1 <= int(text) <= most):
        raise OptionInvalid(option=name, expected=f"1 … {most}")
    return int(text)


def read_time(values: Mapping[str, str], name: str, *, default: float) -> float:
    """Epoch seconds. Raises OptionInvalid."""
    if name not in values:
        return default
    moment = parse_time(values[name])
    if moment is None:
        raise OptionInvalid(option=name, expected=A_TIME)
    return moment


def parse_time(text: str) -> float | None:
    """Epoch seconds of a date, or of a time with its zone, in ISO 8601; None for other text."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that nobody escaped
        if moment.tzinfo is None and len(text) > len("2027-01-31"):
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
