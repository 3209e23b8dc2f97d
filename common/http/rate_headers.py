"""How many requests a client has left, as headers: the IETF's for all answers, OpenAI's for its SDKs.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
"""

from __future__ import annotations

import math

from common.access.rates import Rate

Header = tuple[bytes, bytes]

_OPENAI = ("/v1/", "/openai/")


def rate_headers(rate: Rate, path: str) -> list[Header]:
    full_in = math.ceil(rate.full_in)
    headers = {
        "ratelimit-policy": f'"requests";q={rate.limit};w=60',
        "ratelimit": f'"requests";r={rate.remaining};t={full_in}',
    }
    if path.startswith(_OPENAI):
        headers |= {
            "x-ratelimit-limit-requests": str(rate.limit),
            "x-ratelimit-remaining-requests": str(rate.remaining),
            "x-ratelimit-reset-requests": f"{full_in}s",
        }
    return [(name.encode(), value.encode()) for name, value in headers.items()]
