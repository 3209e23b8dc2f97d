"""AWS's signature version 4 in an address: one method on one key, for anyone who has the address, for a time.

Pure. obstore signs its own requests, but neither an address that bounds an upload's size nor a list of half
uploads. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from common.bucket.address import BucketAddress

_ALGORITHM = "AWS4-HMAC-SHA256"


def presign(
    address: BucketAddress,
    method: str,
    key: str,
    *,
    now: float,
    seconds: int,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """An address that allows one method on one key. The bucket refuses other values of `headers`."""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{at[:8]}/{address.region}/s3/aws4_request"
    parts = urlsplit(address.url)
    path = f"{parts.path}/{quote(key)}"
    signed = {"host": parts.netloc, **{name.lower(): value for name, value in (headers or {}).items()}}
    names = ";".join(sorted(signed))
    parameters = {
        **(query or {}),
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{address.key_id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": names,
    }
    encoded = urlencode(sorted(parameters.items()), quote_via=quote, safe="")
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = f"{method}\n{path}\n{encoded}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = _sign(address, scope, f"{_ALGORITHM}\n{at}\n{scope}\n{digest}")
    return f"{parts.scheme}://{parts.netloc}{path}?{encoded}&X-Amz-Signature={signature}"


def _sign(address: BucketAddress, scope: str, text: str) -> str:
    key = f"AWS4{address.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
