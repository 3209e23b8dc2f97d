"""The kinds of values that settings have, and what makes one wrong: each error says what is expected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationError

from common.models import AccessKey, Limits, Scope

SHORTEST_ADMIN_KEY = 32  # characters
SHORTEST_PAGE_PASSWORD = 12  # characters, since a person types it

_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")
# Nothing else may stand in a Content-Security-Policy.
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_LINE = re.compile(r"(\S{1,80})\s+([0-9a-f]{64})(?:\s+([a-z,]+))?((?:\s+[A-Za-z]+=\d{1,9})*)")
_SCOPES: tuple[Scope, ...] = get_args(Scope)


def _split(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _check_http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http or https address")
    return url.rstrip("/")


def _check_origin(url: str) -> str:
    origin = url.rstrip("/")
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("an origin such as https://happy-animal-123.convex.cloud")
    return origin


def _check_secret(secret: str) -> str:
    if secret.startswith("whsec_"):
        import binascii

        try:
            binascii.a2b_base64(secret.removeprefix("whsec_"), strict_mode=True)
        except binascii.Error:
            raise ValueError("whsec_ followed by base64, or any other text") from None
    return secret


def _check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        parts = urlsplit(origin)
        is_exact = (
            parts.scheme in {"http", "https"}
            and parts.hostname
            and origin == f"{parts.scheme}://{parts.netloc}"
        )
        if origin != "*" and not is_exact:
            raise ValueError("origins such as https://example.com, separated by commas, or *")
    return origins


def _check_proxies(names: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress

    for name in names:
        if name not in {"private", "*", "none"}:
            try:
                ipaddress.ip_network(name, strict=False)
            except ValueError:
                raise ValueError(
                    "addresses or networks such as 10.0.0.0/8, separated by commas; private, * or none"
                ) from None
    return names


def _is_reference(text: str) -> bool:
    """Whether AWS keeps the value: common/aws/secret_references.py reads it."""
    return text.startswith(("ssm:", "secretsmanager:"))


def _check_admin_key(key: str) -> str:
    if len(key) < SHORTEST_ADMIN_KEY and not _is_reference(key):
        raise ValueError(f"at least {SHORTEST_ADMIN_KEY} characters, as `openssl rand -hex 32` prints them")
    return key


def _check_page_password(password: str) -> str:
    if len(password) < SHORTEST_PAGE_PASSWORD and not _is_reference(password):
        raise ValueError(f"at least {SHORTEST_PAGE_PASSWORD} characters, such as four words")
    return password


def _check_api_keys(text: str) -> str:
    if not _is_reference(text):
        parse_api_keys(text)
    return text


def parse_api_keys(text: str) -> Mapping[str, AccessKey]:
    """The keys of API_KEYS by their digest, one a line or after a `;`.

    `<name> <SHA-256 of the key> [scope,scope] [limit=number …]`. Raises ValueError with what a line is.
    """
    return {key.digest: key for key in _keys(text)}


def _keys(text: str) -> Iterator[AccessKey]:
    for line in filter(None, map(str.strip, text.replace(";", "\n").splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(
                "lines of: name, SHA-256 of the key in 64 hexadecimal digits, scopes, limits as jobs=10"
            )
        name, digest, scopes, limits = match.groups()
        yield AccessKey(
            key_id=digest[:8],
            name=name,
            digest=digest,
            scopes=_parse_scopes(scopes),
            created_at=0.0,
            limits=parse_limits(limits),
        )


def parse_limits(text: str) -> Limits | None:
    """`limit=number`, between spaces. Raises ValueError with what limits are."""
    pairs = [part.partition("=") for part in text.split()]
    values = {name: number for name, _, number in pairs}
    try:
        return Limits.model_validate(values) if values else None
    except ValidationError:
        known = ", ".join(field.alias or name for name, field in Limits.model_fields.items())
        raise ValueError(f"limits among {known}, each a whole number above 0 (audio: 10)") from None


def _parse_scopes(text: str | None) -> tuple[Scope, ...]:
    if text is None:
        return ("transcribe", "read")
    names = set(text.split(","))
    if not names <= set(_SCOPES):
        raise ValueError("scopes among transcribe, read and admin")
    return tuple(scope for scope in _SCOPES if scope in names)


def _check_postgres(url: str) -> str:
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise ValueError("postgres://user:password@host/database")
    return url


def _check_bucket(url: str) -> str:
    if not _BUCKET_URL.fullmatch(url):
        raise ValueError("s3://bucket or s3://bucket/prefix")
    return url


Listed = Annotated[tuple[str, ...], BeforeValidator(_split)]
Origins = Annotated[Listed, AfterValidator(_check_origins)]
Proxies = Annotated[Listed, AfterValidator(_check_proxies)]
Origin = Annotated[str, AfterValidator(_check_origin)]
HttpUrl = Annotated[str, AfterValidator(_check_http)]
SigningSecret = Annotated[str, AfterValidator(_check_secret)]
AdminKey = Annotated[str, AfterValidator(_check_admin_key)]
PagePassword = Annotated[str, AfterValidator(_check_page_password)]
ApiKeys = Annotated[str, AfterValidator(_check_api_keys)]
PostgresUrl = Annotated[str, AfterValidator(_check_postgres)]
BucketUrl = Annotated[str, AfterValidator(_check_bucket)]
