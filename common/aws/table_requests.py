"""What DynamoDB's requests are made of: attributes as it writes them, and the actions of a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = str | float | bool | bytes
Item = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Update:
    """A change of one item: DynamoDB's expressions with their names (`#x`) and values (`:x`)."""

    key: Key
    expression: str
    condition: str | None
    values: Mapping[str, Value]
    names: Mapping[str, str]


# ── actions of a transaction ──────────────────────────────────────────────────────────────────────


def put_action(item: Item, *, condition: str | None = None, values: Item | None = None) -> dict[str, Any]:
    return {"Put": put_of(item, condition, values)}


def update_action(update: Update) -> dict[str, Any]:
    return {"Update": update_of(update)}


def delete_action(key: Key) -> dict[str, Any]:
    """Harmless where there is no such item."""
    return {"Delete": {"Key": wire_key(key)}}


def check_action(key: Key, condition: str, values: Item | None = None) -> dict[str, Any]:
    """Writes nothing: the transaction fails unless the condition holds."""
    return {
        "ConditionCheck": {
            "Key": wire_key(key),
            "ConditionExpression": condition,
            **({"ExpressionAttributeValues": to_wire(values)} if values else {}),
        }
    }


def put_of(item: Item, condition: str | None, values: Item | None) -> dict[str, Any]:
    return {
        "Item": to_wire(item),
        **({"ConditionExpression": condition} if condition else {}),
        **({"ExpressionAttributeValues": to_wire(values)} if values else {}),
    }


def update_of(update: Update) -> dict[str, Any]:
    return {
        "Key": wire_key(update.key),
        "UpdateExpression": update.expression,
        **({"ConditionExpression": update.condition} if update.condition else {}),
        **({"ExpressionAttributeValues": to_wire(update.values)} if update.values else {}),
        **({"ExpressionAttributeNames": dict(update.names)} if update.names else {}),
    }


# ── the wire format ───────────────────────────────────────────────────────────────────────────────


def to_wire(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Attributes as DynamoDB writes them; None is no attribute."""
    return {name: _wire_value(value) for name, value in item.items() if value is not None}


def _wire_value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}  # 17 digits at most, so that every float comes back the same
        case bytes():
            return {"B": value}
        case _:
            return {"S": value}


def from_wire(item: Mapping[str, Mapping[str, Any]]) -> Item:
    return {name: _plain_value(*attribute.items()) for name, attribute in item.items()}


def _plain_value(attribute: tuple[str, Any]) -> Any:
    kind, value = attribute
    if kind != "N":
        return value
    return int(value) if value.lstrip("-").isdigit() else float(value)


def wire_key(key: Key) -> dict[str, dict[str, str]]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
