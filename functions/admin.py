"""/admin: access keys, for who runs the server. Each action is logged with who did it."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.key_store import AccessKeyStore
from common.access.keys import new_access_key
from common.delivery.webhook_secret import secret_of_key
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Admin
from common.http.json_body import read_json
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.log import log
from common.models import AccessKey, Scope
from common.services import Services

router = APIRouter(prefix="/admin", tags=["admin"])

_SCOPES: tuple[Scope, ...] = get_args(Scope)
_DEFAULT_SCOPES: tuple[Scope, ...] = ("transcribe", "read")
_NO_STORE = {"Cache-Control": "no-store"}
_A_NAME = errors.Sentence("1 to 80 characters", "de 1 a 80 caracteres")
_A_TIME = errors.Sentence(
    "a time to come in ISO 8601, such as 2027-01-31T12:00:00Z",
    "una fecha futura en ISO 8601, como 2027-01-31T12:00:00Z",
)
_LONGEST_NAME = 80
_FIELDS = {
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
    "expiresAt": {"type": ["string", "null"], "format": "date-time", "description": "a time to come"},
}
_KEY = {
    "keyId": "1a2b3c4d",
    "name": "the page",
    "scopes": ["transcribe", "read"],
    "createdAt": "2026-01-01T12:00:00.000Z",
}
_REFUSALS = (errors.KeyMissing(), errors.KeyInvalid(), errors.ScopeMissing(scope="admin"))


@router.post(
    "/keys",
    summary="Make an access key",
    response_model=None,
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["name"],
                        "properties": _FIELDS,
                        "additionalProperties": False,
                    }
                }
            },
        }
    },
    responses={
        201: {
            "description": "`key` is shown once; `webhookSecret` verifies the callbacks of its jobs",
            "content": {
                "application/json": {"example": {**_KEY, "key": "esc_1a2b3c4d_…", "webhookSecret": "whsec_…"}}
            },
        },
        **error_examples(
            *_REFUSALS, errors.AccessOff(), errors.OptionInvalid(option="name", expected=_A_NAME)
        ),
    },
)
async def create_key(request: Request, services: ServicesDep, admin: Admin) -> Response:
    """Only its SHA-256 is stored: a key that is lost is replaced by another."""
    body = await read_json(request)
    for field in body:
        if field not in _FIELDS:
            raise errors.OptionUnknown(option=field[:40], known=", ".join(_FIELDS))
    now = services.now()
    text, key = new_access_key(
        _name(body.get("name")),
        scopes=_scopes(body.get("scopes")),
        now=now,
        expires_at=_expiry(body.get("expiresAt"), now),
        random_bytes=secrets.token_bytes,
    )
    await _store(services).put(key)
    log("admin.key_created", by=admin.name, keyId=key.key_id, scopes=list(key.scopes))
    shown_once = {"key": text}
    if callback_secret := services.settings.callback_secret:
        shown_once["webhookSecret"] = secret_of_key(callback_secret, key.key_id)
    return json_response(_view(key) | shown_once, 201, _NO_STORE)


@router.get(
    "/keys",
    summary="All access keys that were made here, without the keys themselves",
    response_model=None,
    responses={
        200: {"description": "oldest first", "content": {"application/json": {"example": {"keys": [_KEY]}}}},
        **error_examples(*_REFUSALS, errors.AccessOff()),
    },
)
async def list_keys(services: ServicesDep, _: Admin) -> Response:
    """Those of API_KEYS are not among them."""
    return json_response({"keys": [_view(key) for key in await _store(services).all()]}, headers=_NO_STORE)


@router.delete(
    "/keys/{key_id}",
    summary="Revoke an access key",
    response_model=None,
    responses={
        200: {
            "description": "revoked everywhere within ten seconds; a repeat is harmless",
            "content": {"application/json": {"example": {**_KEY, "revokedAt": "2026-01-02T12:00:00.000Z"}}},
        },
        **error_examples(*_REFUSALS, errors.AccessOff(), errors.KeyNotFound()),
    },
)
async def revoke_key(services: ServicesDep, admin: Admin, key_id: str) -> Response:
    """It ends the key and the tokens that it issued; its jobs stay."""
    store = _store(services)
    key = await store.get(key_id)
    if key is None:
        raise errors.KeyNotFound
    if key.revoked_at is None:
        key = key.model_copy(update={"revoked_at": services.now()})
        await store.put(key)
        log("admin.key_revoked", by=admin.name, keyId=key.key_id)
    return json_response(_view(key), headers=_NO_STORE)


def _store(services: Services) -> AccessKeyStore:
    if not services.access.is_on or services.access.store is None:
        raise errors.AccessOff
    return services.access.store


def _view(key: AccessKey) -> dict[str, Any]:
    times = {"createdAt": key.created_at, "expiresAt": key.expires_at, "revokedAt": key.revoked_at}
    view: dict[str, Any] = {"keyId": key.key_id, "name": key.name, "scopes": list(key.scopes)}
    return view | {name: iso_time(seconds) for name, seconds in times.items() if seconds is not None}


def _name(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_NAME:
        raise errors.OptionInvalid(option="name", expected=_A_NAME)
    return value


def _scopes(value: object) -> tuple[Scope, ...]:
    if value is None:
        return _DEFAULT_SCOPES
    if not isinstance(value, list) or not value or not all(scope in _SCOPES for scope in value):
        raise errors.OptionInvalid(option="scopes", expected=", ".join(_SCOPES))
    return tuple(scope for scope in _SCOPES if scope in value)


def _expiry(value: object, now: float) -> float | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        seconds = moment.timestamp() if moment.tzinfo else now
    except (ValueError, OverflowError):
        seconds = now
    if seconds <= now:
        raise errors.OptionInvalid(option="expiresAt", expected=_A_TIME)
    return seconds


handler = http_handler(router)
