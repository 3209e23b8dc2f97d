"""The models under the names that OpenAI's and Groq's SDKs ask for, and as both list them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.errors import ModelUnknown
from common.http.options import MODELS

# OpenAI's own name for "Whisper, whichever you serve".
ALIAS = "whisper-1"

# When each was published, as Groq and OpenAI list it.
_PUBLISHED = {ALIAS: 1677532384, "whisper-large-v3": 1693721698, "whisper-large-v3-turbo": 1728413088}


@dataclass(frozen=True, slots=True)
class Model:
    """`runs` is what the engine is asked for; None is the server's own choice."""

    name: str
    runs: str | None

    def view(self) -> dict[str, Any]:
        created = _PUBLISHED.get(self.name, _PUBLISHED[ALIAS])
        return {"id": self.name, "object": "model", "created": created, "owned_by": "openai"}


def models(server_model: str) -> Iterator[Model]:
    """Every model that may be asked for; `server_model` is the one that runs where none is named."""
    yield Model(ALIAS, None)
    for name in dict.fromkeys((*MODELS, server_model)):
        yield Model(name, name)


def model_of(name: str, server_model: str) -> Model:
    """Raises ModelUnknown."""
    known = {model.name: model for model in models(server_model)}
    if name not in known:
        raise ModelUnknown(model=name[:80], known=", ".join(known))
    return known[name]
