"""The arguments of a lookup: a part of JSON Schema, and the check of what a model gave."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Value = str | int | float | bool

LONGEST = 200
"""Characters of a text, unless its schema has a smaller `maxLength`."""

_OF_A_PERSON = re.compile(r"phone|mobile|msisdn|whats_?app|contact|customer|recipient|person|^number$", re.IGNORECASE)


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


class Argument(BaseModel):
    """One argument. Of JSON Schema it knows type, description, enum, pattern, lengths and limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["string", "integer", "number", "boolean"]
    description: str = Field(default="", max_length=300)
    enum: tuple[Value, ...] | None = None
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    minLength: int = Field(default=0, ge=0)
    maxLength: int = Field(default=LONGEST, ge=1, le=LONGEST)
    minimum: float | None = None
    maximum: float | None = None

    def accepts(self, value: object) -> bool:
        """Return whether the value is one of this type within the limits."""
        match value:
            case bool():
                fits = self.type == "boolean"
            case str():
                fits = self.type == "string" and self._fits_text(value)
            case int() | float():
                fits = self._fits_number(value)
            case _:
                fits = False
        return fits and (self.enum is None or value in self.enum)

    def _fits_text(self, value: str) -> bool:
        fits = self.minLength <= len(value) <= self.maxLength
        return fits and (self.pattern is None or re.fullmatch(self.pattern, value) is not None)

    def _fits_number(self, value: float) -> bool:
        typed = self.type == "number" or (self.type == "integer" and isinstance(value, int))
        least, most = self.minimum, self.maximum
        return typed and (least is None or value >= least) and (most is None or value <= most)


def _of_no_person(properties: dict[str, Argument]) -> dict[str, Argument]:
    if named := next((name for name in properties if _OF_A_PERSON.search(name)), None):
        raise ValueError(f"{named}: a lookup is about the contact of the conversation; its number is added by Harkara")
    return properties


class ArgumentSchema(BaseModel):
    """The arguments of a lookup. No argument may name a person: a customer could give another one's number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    properties: Annotated[dict[str, Argument], AfterValidator(_of_no_person)] = {}
    required: tuple[str, ...] = ()

    def schema_for_model(self) -> dict[str, Any]:
        """Return the JSON schema that the model gets."""
        properties = {name: one.model_dump(mode="json", exclude_unset=True) for name, one in self.properties.items()}
        required = list(self.required)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def problem(self, given: object) -> str | None:
        """Return what is wrong with the arguments, for the model; never a value. None if they fit."""
        if not isinstance(given, dict):
            return "the arguments must be an object"
        if missing := sorted(set(self.required) - given.keys()):
            return f"{missing[0]} is missing"
        if len(given.keys() - self.properties.keys()):
            return "there is an argument that the tool does not have"
        wrong = next((name for name, value in given.items() if not self.properties[name].accepts(value)), None)
        return wrong and f"{wrong} is not as the schema demands"
