"""The base of every part of the schema."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A closed, immutable part of the schema: unknown keys are refused, numbers are not made from strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
