"""What all messages and their pieces have in common: frozen, closed to unknown fields, silent about their content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from harkara.errors import Invalid

T = TypeVar("T")


class Part(BaseModel):
    """Base of the models here. Building a bad one raises Invalid with the field's path, the rule and a measure."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    unsent: ClassVar[frozenset[str]] = frozenset()
    """Fields that say how a message is handled here and never travel to Chat Mitra."""

    _keys: ClassVar[frozenset[str]]
    _needed: ClassVar[tuple[str, ...]]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        cls._keys = frozenset(cls.model_fields.keys() - cls.unsent)
        cls._needed = tuple(name for name, field in cls.model_fields.items() if field.is_required())

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
            return
        except ValidationError as error:
            problem = _invalid(error.errors(include_url=False)[0])
        raise problem  # outside the handler: pydantic's error holds the content, and would travel along as context

    @classmethod
    def read(cls, value: object) -> Self:
        """Builds the part from its wire object, and refuses a key that is missing or unknown."""
        return value if isinstance(value, cls) else cls(**cls.fields_of(value))

    @classmethod
    def fields_of(cls, value: object, field: str = "") -> dict[str, Any]:
        """The wire object's fields, unchecked; `field` is the object's own name, where no path leads to it."""
        fields = closed(value, cls._keys, field)
        for name in cls._needed:
            if name not in fields:
                raise Invalid(name, "is missing")
        return fields

    def dump(self) -> dict[str, Any]:
        """The wire object: every field that is set, by Chat Mitra's names."""
        return self.model_dump(mode="json", exclude_none=True, exclude=set(self.unsent))

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """A message's content must not reach a log by way of its repr."""
        return iter(())

    def aside(self) -> dict[str, Any]:
        """The unsent fields that say something."""
        return self.model_dump(include=set(self.unsent), exclude_defaults=True) if self.unsent else {}

    def with_aside(self, aside: object) -> Self:
        """The same message with what `aside` returned elsewhere; raises Invalid for anything else."""
        return type(self)(**dict(self) | closed(aside, self.unsent))


class Raw(Part):
    """A message without a template, deliverable while the recipient's 24-hour window is open."""

    kind: ClassVar[str]
    """WhatsApp's name for the type."""

    if TYPE_CHECKING:  # pydantic's mypy plugin would write one that knows no field of the kinds below

        def __init__(self, /, **fields: Any) -> None: ...

    def wire(self) -> dict[str, Any]:
        """The item for `messages`."""
        return {"kind": "raw", "payload": {"type": self.kind, self.kind: self.dump()}}


class under:
    """Puts `path` before the field of an Invalid raised inside."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Invalid):
            raise Invalid(join(self._path, error.field), error.rule, error.measure) from None


def join(path: str, field: str) -> str:
    """`header` and `link` give `header.link`; an empty side or an index needs no dot."""
    return path + field if not path or not field or field.startswith("[") else f"{path}.{field}"


def listed(values: Sequence[T], field: str) -> Sequence[T]:
    """Refuses a lone string where a list is meant: it would pass as a list of its letters."""
    if not isinstance(values, list | tuple):
        raise Invalid(field, "must be a list", type_of(values))
    return values


def closed(value: object, known: Set[str], field: str = "") -> dict[str, Any]:
    """Returns the value if it is an object without unknown keys; `field` is its name where no path leads to it."""
    if not isinstance(value, dict):
        raise Invalid(field, "must be an object", type_of(value))
    for key in value.keys() - known:
        shown = key[:40] if isinstance(key, str) and key.isprintable() else ""
        raise Invalid(shown, f"unknown key; known are {', '.join(sorted(known))}")
    return value


def type_of(value: object) -> str:
    """The measure of a value whose type is wrong."""
    return f"this is of type {type(value).__name__}"


def _invalid(error: ErrorDetails) -> Invalid:
    path = ""
    for step in error["loc"]:
        path = join(path, f"[{step}]" if isinstance(step, int) else step)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Invalid):
        return Invalid(join(path, cause.field), cause.rule, cause.measure)
    match error["type"], error.get("ctx", {}):
        case "missing", _:
            return Invalid(path, "is missing")
        case "extra_forbidden", _:
            return Invalid(path, "unknown key")
        case "too_short", {"min_length": limit, "actual_length": length}:
            return Invalid(path, f"at least {limit}", f"this has {length}")
        case "too_long", {"max_length": limit, "actual_length": length}:
            return Invalid(path, f"at most {limit}", f"this has {length}")
        case _:
            measure = type_of(error["input"]) if error["type"].endswith("_type") else None
            return Invalid(
                path, error["msg"].replace("Input should be", "must be").replace("a valid tuple", "a list"), measure
            )
