"""What the page may do in a browser: its Content-Security-Policy and the headers beside it. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from common.settings import Settings

# No inline script or style: https://www.w3.org/TR/CSP3/
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src {connect}; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_OTHERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), display-capture=(self), "
    "camera=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def page_headers(settings: Settings) -> dict[str, str]:
    """The security headers of the page, for a server with these settings."""
    connect = " ".join(("'self'", *_other_origins(settings)))
    return {"Content-Security-Policy": _POLICY.format(connect=connect), **_OTHERS}


def _other_origins(settings: Settings) -> list[str]:
    """Where the page sends requests besides its own server: live events, recordings and the
    list of them may be elsewhere.
    """
    addresses = [address for address in (settings.websocket_url, settings.convex_page_url) if address]
    if settings.convex_page_url:  # it pushes the list; "https:" does not allow "wss:"
        addresses.append(settings.convex_page_url.replace("http", "ws", 1))
    if settings.audio_url:
        addresses.append(settings.aws_endpoint_url_s3 or f"https://s3.{settings.aws_region}.amazonaws.com")
    if settings.audio_bucket:
        region = f".s3.{settings.aws_region}.amazonaws.com"
        addresses += [f"https://{settings.audio_bucket}{end}" for end in (region, ".s3.amazonaws.com")]
    return [f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, addresses)]
