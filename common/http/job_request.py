"""What a client asks for with a job: fields and headers, checked."""

from __future__ import annotations

import re
from typing import Any, Protocol

from starlette.requests import Request

from common import errors
from common.access.caller import Caller, client_id
from common.http.app import language_of
from common.http.options import parse_options
from common.jobs.ids import derive_job_id, new_job_id, parse_job_id
from common.jobs.submit import JobRequest
from common.services import Services
from common.transcription.option_rules import check_speakers
from common.upload.part_headers import display_name

KEY = re.compile(r"[\x21-\x7e]{1,255}")
USER_ID = re.compile(r"[A-Za-z0-9_.@:|+/=-]{1,128}")
USER_ID_FORM = "A–Z a–z 0–9 . _ @ : | + / = - (1–128)"

# What OpenAPI shows of both headers.
KEY_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}

JOB_FIELDS: dict[str, dict[str, Any]] = {
    "jobId": {
        "type": "string",
        "pattern": "^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?$",
        "description": "a UUID, chosen by you, so that a repeat is harmless",
    },
    "userId": {
        "type": ["string", "number"],
        "pattern": f"^({USER_ID.pattern})?$",
        "description": "stored with the job and returned",
    },
    "callbackUrl": {
        "type": "string",
        "pattern": r"^(https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(/[A-Za-z0-9._~/-]*)?)?$",
        "description": "receives a signed request when the job ends",
    },
    "filename": {"type": "string", "description": "of the recording; it wins over the name in a form"},
}

_A_UUID = errors.Sentence("a UUID", "un UUID")
_VISIBLE_ASCII = errors.Sentence(
    "1 to 255 characters of ASCII, without spaces", "de 1 a 255 caracteres ASCII, sin espacios"
)


class CheckUrl(Protocol):
    """Returns the address of a callback, checked."""

    def __call__(self, url: str, *, private_allowed: bool) -> str: ...


def parse_job_request(
    fields: Any,
    request: Request,
    services: Services,
    caller: Caller,
    *,
    check_callback_url: CheckUrl,
) -> JobRequest:
    """Raises OptionUnknown, OptionInvalid, LanguageUnknown, SpeakersUnavailable, UserNotYours."""
    _check_headers(request)
    options = parse_options(fields, beside=(*JOB_FIELDS, "sizeBytes"))
    check_speakers(services, options)
    values = _job_values(fields)
    user_id = _user_id(values.get("userId"), caller)
    job_id = (
        _parse_id(values["jobId"]) if "jobId" in values else _derived_id(request, user_id, caller, services)
    )
    return JobRequest(
        job_id=job_id,
        options=options,
        user_id=user_id,
        owner=caller.owner,
        client=client_id(caller.client, secret=services.key_secret),
        callback_url=_callback_url(values.get("callbackUrl"), services, check_callback_url),
        locale=language_of(request),
        filename=display_name(values.get("filename", "").encode()),
    )


def _job_values(fields: Any) -> dict[str, str]:
    """The fields that belong to the job and not to its options; an empty value counts as not sent."""
    values: dict[str, str] = {}
    for name, value in fields:
        if name in JOB_FIELDS and value.strip():
            if name in values:
                raise errors.OptionInvalid(option=name, expected=errors.ONE_VALUE)
            values[name] = value.strip()
    return values


def _user_id(user_id: str | None, caller: Caller) -> str | None:
    """The holder of a token is the user that it was issued for, and nobody else."""
    if caller.subject is not None:
        if user_id not in {None, caller.subject}:
            raise errors.UserNotYours(user=user_id)
        return caller.subject
    if user_id is not None and not USER_ID.fullmatch(user_id):
        raise errors.OptionInvalid(option="userId", expected=USER_ID_FORM)
    return user_id


def _parse_id(job_id: str) -> str:
    try:
        return parse_job_id(job_id)
    except errors.JobNotFound:
        raise errors.OptionInvalid(option="jobId", expected=_A_UUID) from None


def _check_headers(request: Request) -> None:
    for option in ("Idempotency-Key", "X-Client-Token"):
        value = request.headers.get(option)
        if value is not None and not KEY.fullmatch(value):
            raise errors.OptionInvalid(option=option, expected=_VISIBLE_ASCII)


def _derived_id(request: Request, user_id: str | None, caller: Caller, services: Services) -> str:
    """The id that an Idempotency-Key names for this caller; a new one where there is no such key.

    Callers without an access key are distinguished by a random text of their own or by their address.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return new_job_id()
    token = request.headers.get("x-client-token")
    name = f"client:{token}" if token and caller.kind == "address" else caller.name
    return derive_job_id(key, user_id, caller=name, secret=services.key_secret)


def _callback_url(url: str | None, services: Services, check: CheckUrl) -> str | None:
    if url is None:
        return None
    if services.settings.callback_secret is None:
        raise errors.OptionInvalid(
            option="callbackUrl",
            expected=errors.Sentence("a server with CALLBACK_SECRET", "un servidor con CALLBACK_SECRET"),
        )
    return check(url, private_allowed=services.settings.callback_private_addresses)
