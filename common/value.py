"""What all values have in common: frozen, camelCase in JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Value(BaseModel):
    """A frozen value whose JSON is camelCase; unknown fields are refused."""

    # defer_build: a schema is built at its first use, since a start on 0.1 vCPU would pay for each one.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,
        ser_json_inf_nan="null",
    )
