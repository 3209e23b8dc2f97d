"""GET /, /admin, /page/{name}, /sw.js, POST /share-target: the page on which people read and correct texts.

It needs no key: what it shows it asks of the API, as any client does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from common.errors import RouteUnknown
from common.http.app import ServicesDep
from common.http.etag import is_known
from common.http.job_links import root_path
from common.http.page_content import INDEX, read_page_file
from common.http.page_policy import page_headers
from common.lambda_entry.handlers import http_handler
from common.services import Services

router = APIRouter()

# The names of these files change with what is in them.
_IMMUTABLE = "public, max-age=31536000, immutable"


@router.get("/", include_in_schema=False)
async def read_page(
    request: Request,
    services: ServicesDep,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """The page for a browser; a program is sent to what the service offers to programs."""
    if "text/html" not in accept.lower():
        location = f"{root_path(request, services.settings)}/docs"
        return Response(status_code=307, headers={"Location": location, "Vary": "Accept"})
    return _respond(request, services, INDEX, cache="no-cache", vary="Accept, Accept-Encoding")


@router.get("/admin", include_in_schema=False)
async def read_dashboard(request: Request, services: ServicesDep) -> Response:
    """The dashboard is a view of the page, which is named after the `#`."""
    return Response(status_code=307, headers={"Location": f"{root_path(request, services.settings)}/#/admin"})


@router.get("/page/{name}", include_in_schema=False)
async def read_file(request: Request, services: ServicesDep, name: str) -> Response:
    """A script, a style or an image of the page."""
    if name == INDEX:
        raise RouteUnknown
    cache = _IMMUTABLE if "-" in name else "no-cache"
    return _respond(request, services, name, cache=cache, vary="Accept-Encoding")


@router.get("/sw.js", include_in_schema=False)
async def read_service_worker(request: Request, services: ServicesDep) -> Response:
    """The service worker, beside the page: its scope is the page, below whichever path a proxy puts it."""
    return _respond(request, services, "sw.js", cache="no-cache", vary="Accept-Encoding")


@router.post("/share-target", include_in_schema=False)
async def miss_share(request: Request, services: ServicesDep) -> Response:
    """The service worker takes what other apps share; without one, the page says that nothing arrived."""
    location = f"{root_path(request, services.settings)}/?shared=lost"
    return Response(status_code=303, headers={"Location": location})


def _respond(request: Request, services: Services, name: str, *, cache: str, vary: str) -> Response:
    file = read_page_file(name, request.headers.get("accept-encoding", ""))
    if file is None:
        raise RouteUnknown
    headers = {
        **page_headers(services.settings),
        "Cache-Control": cache,
        "Vary": vary,
        "ETag": file.etag,
        **({"Content-Encoding": file.encoding} if file.encoding else {}),
    }
    if is_known(file.etag, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers, media_type=file.media_type)
    return Response(file.body, headers=headers, media_type=file.media_type)


handler = http_handler(router)
