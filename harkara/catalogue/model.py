"""The base of the models of the catalogue."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """An unknown key in a file is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
