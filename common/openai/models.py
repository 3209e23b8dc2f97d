"""The models: the names that OpenAI's and Groq's SDKs send, and the list that both expect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.errors import ModelUnknown
from common.http.options import MODELS

# OpenAI's name for Whisper, whatever version the server runs.
ALIAS = "whisper-1"
# OpenAI's name for a model that tells speakers apart; here any model does, where a response shows them.
DIARIZING = "gpt-4o-transcribe-diarize"

# When each was published, as Groq and OpenAI list it.
_PUBLISHED = {ALIAS: 1677532384, "whisper-large-v3": 1693721698, "whisper-large-v3-turbo": 1728413088}


@dataclass(frozen=True, slots=True)
class Model:
    """`runs` is the model that the engine runs; None lets the server choose."""

    name: str
    runs: str | None

    def view(self) -> dict[str, Any]:
        created = _PUBLISHED.get(self.name, _PUBLISHED[ALIAS])
        return {"id": self.name, "object": "model", "created": created, "owned_by": "openai"}


def models(server_model: str) -> Iterator[Model]:
    """Every model that a client may name; `server_model` runs where a client names none of them."""
    yield Model(ALIAS, None)
    for name in dict.fromkeys((*MODELS, server_model)):
        yield Model(name, name)


def model_of(name: str, server_model: str) -> Model:
    """Raises ModelUnknown."""
    known = {model.name: model for model in (Model(DIARIZING, None), *models(server_model))}
    if name not in known:
        raise ModelUnknown(model=name[:80], known=", ".join(known))
    return known[name]
