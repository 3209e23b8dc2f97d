"""The fields of an access key: as admins send them, and as they are shown."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError

from common import errors
from common.http.query import parse_time
from common.jobs.view import iso_time
from common.models import AccessKey, Limits, Scope

_SCOPES: tuple[Scope, ...] = get_args(Scope)
_DEFAULT_SCOPES: tuple[Scope, ...] = ("transcribe", "read")
A_NAME = errors.Sentence("1 to 80 characters", "de 1 a 80 caracteres")
_A_TIME = errors.Sentence(
    "a time to come in ISO 8601, such as 2027-01-31T12:00:00Z",
    "una fecha futura en ISO 8601, como 2027-01-31T12:00:00Z",
)
_LONGEST_NAME = 80
FIELDS: dict[str, Any] = {
    "name": {
        "type": "string",
        "minLength": 1,
        "maxLength": _LONGEST_NAME,
        "description": "for you: who uses it, where",
    },
    "scopes": {
        "type": ["array", "null"],
        "items": {"enum": list(_SCOPES)},
        "minItems": 1,
        "default": list(_DEFAULT_SCOPES),
    },
    "limits": {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            field.alias or name: {"type": ["integer", "null"], "minimum": least.ge, "maximum": most.le}
            for name, field in Limits.model_fields.items()
            for least, most in [field.metadata]
        },
        "description": "what it may use, with all its tokens; what is not named is as the settings say",
    },
    "expiresAt": {"type": ["string", "null"], "format": "date-time", "description": "a time to come"},
}


def read_name(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_NAME:
        raise errors.OptionInvalid(option="name", expected=A_NAME)
    return value


def read_scopes(value: object) -> tuple[Scope, ...]:
    if value is None:
        return _DEFAULT_SCOPES
    if not isinstance(value, list) or not value or not all(scope in _SCOPES for scope in value):
        raise errors.OptionInvalid(option="scopes", expected=", ".join(_SCOPES))
    return tuple(scope for scope in _SCOPES if scope in value)


def read_limits(value: object) -> Limits | None:
    if value is None:
        return None
    try:
        return Limits.model_validate(value, strict=True)
    except ValidationError:
        known = ", ".join(FIELDS["limits"]["properties"])
        raise errors.OptionInvalid(option="limits", expected=known) from None


def read_expiry(value: object, now: float) -> float | None:
    if value is None:
        return None
    seconds = parse_time(str(value))
    if seconds is None or seconds <= now:
        raise errors.OptionInvalid(option="expiresAt", expected=_A_TIME)
    return seconds


def view_key(key: AccessKey) -> dict[str, Any]:
    times = {"createdAt": key.created_at, "expiresAt": key.expires_at, "revokedAt": key.revoked_at}
    view: dict[str, Any] = {"keyId": key.key_id, "name": key.name, "scopes": list(key.scopes)}
    if key.limits is not None:
        view["limits"] = key.limits.model_dump(by_alias=True, exclude_none=True)
    return view | {name: iso_time(seconds) for name, seconds in times.items() if seconds is not None}
