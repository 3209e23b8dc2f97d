"""The recording of a request: the file in its form, or what is at the `url` that it names instead."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request

from common.download.limits import limits_of
from common.errors import (
    ONE_VALUE,
    EscribaError,
    FileMissing,
    OptionInvalid,
    Sentence,
    UploadTooSlow,
    UrlDenied,
    UrlIsPage,
    UrlNotFound,
    UrlNotPublic,
    UrlRedirects,
    UrlTooSlow,
    UrlUnreachable,
    UrlUnusable,
)
from common.http.caller import caller_of
from common.http.disconnect import body_of, run_until_left
from common.services import Services
from common.upload.fields import FORM, JSON, UNSET, Fields, IsFree, media_type, read_fields, takes_none
from common.upload.receive import Upload, receive_form

URL_ERRORS: tuple[EscribaError, ...] = (
    UrlIsPage(),
    UrlDenied(status=403),
    UrlNotFound(status=404),
    UrlNotPublic(),
    UrlRedirects(limit=5),
    UrlUnusable(reason="…"),
    UrlUnreachable(),
    UrlTooSlow(),
)

_EITHER = Sentence("either `file` or `url`, not both", "o `file` o `url`, no los dos")


async def receive_recording(
    request: Request, services: Services, folder: Path, *, max_bytes: int, is_free: IsFree = takes_none
) -> Upload:
    """The recording in `folder`, with the other fields of the request; `is_free` as for `read_fields`.

    Raises what receiving a form raises, DownloadFailed, and UploadTooSlow when the client has left.
    """
    has_cache = services.cache is not None
    received = await receive_request(request, folder, max_bytes=max_bytes, digest=has_cache, is_free=is_free)
    if isinstance(received, Upload):
        return received
    url, fields = take_url(received)
    if url is None:
        raise FileMissing
    caller = await caller_of(request)
    uploads: list[Upload] = []

    # Imported with the first address: a start need not know how to fetch.
    from common.download.fetch import fetch

    async def download() -> None:
        limits = limits_of(services.settings, max_bytes=max_bytes)
        with await services.downloading.take(caller.client):
            got = await fetch(url, folder, limits=limits)
        uploads.append(Upload(got.path, got.size_bytes, got.filename, fields, got.sha256))

    if not await run_until_left(download(), request.receive):
        raise UploadTooSlow
    return uploads[0]


async def receive_request(
    request: Request, folder: Path, *, max_bytes: int, digest: bool, is_free: IsFree = takes_none
) -> Upload | Fields:
    """The file with its fields, or the fields alone. Raises OptionInvalid for both a file and a `url`."""
    kind = media_type(request.headers.get("content-type"))
    if kind in {JSON, FORM}:
        return await read_fields(body_of(request), kind, is_free=is_free)
    received = await receive_form(
        body_of(request), request.headers, folder, max_bytes=max_bytes, digest=digest
    )
    if not isinstance(received, Upload):
        return received
    url, fields = take_url(received.fields)
    if url is not None:
        raise OptionInvalid(option="url", expected=_EITHER)
    return received.with_fields(fields)


def take_url(fields: Fields) -> tuple[str | None, Fields]:
    """The address among the fields, and the other fields. Raises OptionInvalid for several addresses."""
    urls = {value.strip() for name, value in fields if name == "url"} - UNSET
    if len(urls) > 1:
        raise OptionInvalid(option="url", expected=ONE_VALUE)
    return next(iter(urls), None), tuple(field for field in fields if field[0] != "url")
