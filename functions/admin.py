"""/admin/keys: access keys, for admins."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.key_store import AccessKeyStore
from common.access.keys import new_access_key
from common.admin.audit import record_action
from common.delivery.webhook_secret import secret_of_key
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Admin
from common.http.json_body import check_names, read_json
from common.http.key_fields import (
    A_NAME,
    FIELDS,
    read_expiry,
    read_limits,
    read_name,
    read_scopes,
    view_key,
)
from common.http.openapi import exact_object, request_body
from common.lambda_entry.handlers import http_handler
from common.models import AccessKey
from common.services import Services

router = APIRouter(prefix="/admin", tags=["admin"])

_NO_STORE = {"Cache-Control": "no-store"}
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
    openapi_extra=request_body(exact_object(FIELDS, "name")),
    responses={
        201: {
            "description": "`key` is shown once; `webhookSecret` verifies the callbacks of its jobs",
            "content": {
                "application/json": {"example": {**_KEY, "key": "esc_1a2b3c4d_…", "webhookSecret": "whsec_…"}}
            },
        },
        **error_examples(
            *_REFUSALS, errors.AccessOff(), errors.OptionInvalid(option="name", expected=A_NAME)
        ),
    },
)
async def create_key(request: Request, services: ServicesDep, admin: Admin) -> Response:
    """Only its SHA-256 is stored: a key that is lost is replaced by another."""
    body = await read_json(request)
    check_names(body, FIELDS)
    now = services.now()
    text, key = new_access_key(
        read_name(body.get("name")),
        scopes=read_scopes(body.get("scopes")),
        now=now,
        expires_at=read_expiry(body.get("expiresAt"), now),
        random_bytes=secrets.token_bytes,
    )
    key = key.model_copy(update={"limits": read_limits(body.get("limits"))})
    store = _store(services)
    await record_action(services.admin, "key.created", now=now, by=admin.name, target=key.key_id)
    await store.put(key)
    shown_once = {"key": text}
    if callback_secret := services.settings.callback_secret:
        shown_once["webhookSecret"] = secret_of_key(callback_secret, key.key_id)
    return json_response(view_key(key) | shown_once, 201, _NO_STORE)


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
    return json_response({"keys": [view_key(key) for key in await _store(services).all()]}, headers=_NO_STORE)


@router.patch(
    "/keys/{key_id}",
    summary="Change an access key",
    response_model=None,
    openapi_extra=request_body(exact_object(FIELDS)),
    responses={
        200: {
            "description": "it holds everywhere within ten seconds; what is not named stays",
            "content": {"application/json": {"example": _KEY}},
        },
        **error_examples(
            *_REFUSALS,
            errors.AccessOff(),
            errors.KeyNotFound(),
            errors.OptionInvalid(option="name", expected=A_NAME),
        ),
    },
)
async def change_key(request: Request, services: ServicesDep, admin: Admin, key_id: str) -> Response:
    """`expiresAt: null` lets it live for ever. A key that was revoked stays so."""
    body = await read_json(request)
    check_names(body, FIELDS)
    key, now = await _find(services, key_id), services.now()
    changes: dict[str, Any] = {}
    if "name" in body:
        changes["name"] = read_name(body["name"])
    if "scopes" in body:
        changes["scopes"] = read_scopes(body["scopes"])
    if "limits" in body:
        changes["limits"] = read_limits(body["limits"])
    if "expiresAt" in body:
        changes["expires_at"] = read_expiry(body["expiresAt"], now)
    changed = key.model_copy(update=changes)
    if changed != key:
        await record_action(services.admin, "key.changed", now=now, by=admin.name, target=key_id)
        await _store(services).put(changed)
    return json_response(view_key(changed), headers=_NO_STORE)


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
    key = await _find(services, key_id)
    if key.revoked_at is None:
        now = services.now()
        await record_action(services.admin, "key.revoked", now=now, by=admin.name, target=key_id)
        key = key.model_copy(update={"revoked_at": now})
        await _store(services).put(key)
    return json_response(view_key(key), headers=_NO_STORE)


async def _find(services: Services, key_id: str) -> AccessKey:
    """Raises KeyNotFound."""
    key = await _store(services).get(key_id) if key_id.isalnum() else None
    if key is None:
        raise errors.KeyNotFound
    return key


def _store(services: Services) -> AccessKeyStore:
    if not services.access.is_on or services.access.store is None:
        raise errors.AccessOff
    return services.access.store


handler = http_handler(router)
