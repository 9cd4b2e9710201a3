"""Checks of JSON values, and the path of the field in the error that they raise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from pydantic_core import ErrorDetails

from harkara.errors import Invalid

T = TypeVar("T")


_LISTS = (list, tuple)  # `list | tuple` would make a new type in each call

_handed_over: ContextVar[bool] = ContextVar("handed_over", default=False)


@contextmanager
def as_handed_over() -> Iterator[None]:
    """Within the block, build a message that was valid when it was handed over.

    Rules that an earlier release did not have, and rules about the time, do not apply: the message would be lost.
    """
    token = _handed_over.set(True)
    try:
        yield
    finally:
        _handed_over.reset(token)


def handed_over() -> bool:
    """Whether the message that is being built was handed over before."""
    return _handed_over.get()


class field_path:
    """Put `path` in front of the field of every Invalid that the block raises."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Invalid):
            raise Invalid(join_path(self._path, error.field), error.rule, error.measure) from None


def join_path(path: str, field: str) -> str:
    """Join two parts of a path: `header` and `link` give `header.link`, `body` and `[0]` give `body[0]`."""
    return path + field if not path or not field or field.startswith("[") else f"{path}.{field}"


def require_list(values: Sequence[T], field: str) -> Sequence[T]:
    """Return the list or tuple, or raise Invalid. A lone string would otherwise pass as a list of its letters."""
    if not isinstance(values, _LISTS):
        raise Invalid(field, "must be a list", type_measure(values))
    return values


def require_object(value: object, known: Set[str], field: str = "") -> dict[str, Any]:
    """Return the value if it is an object with `known` keys alone, or raise Invalid.

    `field` names the object in an error when no path leads to it.
    """
    if not isinstance(value, dict):
        raise Invalid(field, "must be an object", type_measure(value))
    for key in value.keys() - known:
        shown = key[:40] if isinstance(key, str) and key.isprintable() else ""
        raise Invalid(shown, f"unknown key; known are {', '.join(sorted(known))}")
    return value


def type_measure(value: object) -> str:
    """Return the measure for an Invalid about a value of the wrong type."""
    return f"this is of type {type(value).__name__}"


def to_invalid(error: ErrorDetails) -> Invalid:
    """Translate one of pydantic's errors."""
    path = ""
    for step in error["loc"]:
        path = join_path(path, f"[{step}]" if isinstance(step, int) else step)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Invalid):
        return Invalid(join_path(path, cause.field), cause.rule, cause.measure)
    match error["type"], error.get("ctx", {}):
        case "missing", _:
            return Invalid(path, "is missing")
        case "extra_forbidden", _:
            return Invalid(path, "unknown key")
        case "too_short", {"min_length": limit, "actual_length": length}:
            return Invalid(path, f"at least {limit}", f"this has {length}")
        case "too_long", {"max_length": limit, "actual_length": length}:
            return Invalid(path, f"at most {limit}", f"this has {length}")
    rule = error["msg"].replace("Input should be", "must be").replace("a valid tuple", "a list")
    return Invalid(path, rule, type_measure(error["input"]) if error["type"].endswith("_type") else None)
