"""`python -m common.keys_command`: make, list, limit and revoke access keys without a server."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Sequence
from typing import get_args

from common.access.keys import new_access_key
from common.admin.store import AuditEntry
from common.container import open_stores
from common.jobs.view import iso_time
from common.models import AccessKey, Scope
from common.setting_types import parse_limits
from common.settings import SettingInvalid, read_settings
from common.stores import DatabaseUnusable, Stores


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 2 with one sentence on what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        options.limits = parse_limits(" ".join(options.limit))
    except ValueError as exc:
        print(f"--limit: {exc}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_run(options))
    except (SettingInvalid, DatabaseUnusable) as exc:
        print(exc, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m common.keys_command", description=__doc__)
    parser.set_defaults(limit=[])
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key and print it, once")
    create.add_argument("name", help="who uses it, where")
    create.add_argument("--scope", action="append", choices=get_args(Scope), help="default: transcribe, read")
    _add_limit(create)
    create.add_argument("--days", type=float, help="after which it expires")
    commands.add_parser("list", help="all keys, without the keys themselves")
    change = commands.add_parser("limit", help="replace the limits of a key; without --limit it has none")
    change.add_argument("key_id")
    _add_limit(change)
    revoke = commands.add_parser("revoke", help="end a key")
    revoke.add_argument("key_id")
    return parser


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit", action="append", default=[], metavar="NAME=NUMBER", help="jobs=20, audioPerHour=3600, …"
    )


async def _run(options: argparse.Namespace) -> int:
    async with open_stores(read_settings()) as stores:
        store = stores.access_keys
        match options.command:
            case "create":
                return await _create(stores, options)
            case "list":
                for key in await store.all():
                    print(_line(key))
                return 0
            case "limit":
                return await _limit(stores, options)
            case _:
                return await _revoke(stores, options.key_id)


async def _create(stores: Stores, options: argparse.Namespace) -> int:
    now = time.time()
    text, key = new_access_key(
        options.name,
        scopes=tuple(options.scope or ("transcribe", "read")),
        now=now,
        expires_at=None if options.days is None else now + options.days * 86_400,
        random_bytes=secrets.token_bytes,
    )
    key = key.model_copy(update={"limits": options.limits})
    await _record(stores, "key.created", key.key_id)
    await stores.access_keys.put(key)
    print(_line(key), file=sys.stderr)
    print(text)
    return 0


async def _limit(stores: Stores, options: argparse.Namespace) -> int:
    if (key := await _find(stores, options.key_id)) is None:
        return 2
    changed = key.model_copy(update={"limits": options.limits})
    await _record(stores, "key.changed", key.key_id)
    await stores.access_keys.put(changed)
    print(_line(changed))
    return 0


async def _find(stores: Stores, key_id: str) -> AccessKey | None:
    key = await stores.access_keys.get(key_id)
    if key is None:
        print(f"There is no access key {key_id}.", file=sys.stderr)
    return key


async def _revoke(stores: Stores, key_id: str) -> int:
    if (key := await _find(stores, key_id)) is None:
        return 2
    if key.revoked_at is None:
        await _record(stores, "key.revoked", key_id)
        await stores.access_keys.put(key.model_copy(update={"revoked_at": time.time()}))
    return 0


async def _record(stores: Stores, action: str, key_id: str) -> None:
    """In the log of actions, as `/admin/audit` shows it."""
    entry = AuditEntry(at=time.time(), by="command line", action=action, target=key_id)
    await stores.admin.append_audit(entry)


def _line(key: AccessKey) -> str:
    times = {"expires": key.expires_at, "revoked": key.revoked_at}
    notes = [f"{name} {iso_time(seconds)}" for name, seconds in times.items() if seconds is not None]
    limits = key.limits.model_dump(by_alias=True, exclude_none=True) if key.limits else {}
    notes += [f"{name}={number}" for name, number in limits.items()]
    return "  ".join([key.key_id, ",".join(key.scopes), iso_time(key.created_at), key.name, *notes])


if __name__ == "__main__":
    sys.exit(main())
