"""The shapes a field may have; every failure is a 400 that names the field and the rule."""

from __future__ import annotations

from typing import Any

from sandbox.answers import broken


def a_mapping(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise broken(field, "must be an object")
    return value


def an_array(value: Any, field: str, *, most: int, least: int = 1) -> list[Any]:
    if not isinstance(value, list):
        raise broken(field, "must be an array")
    if not least <= len(value) <= most:
        raise broken(field, f"must have {least} to {most} entries, has {len(value)}")
    return value


def a_string(value: Any, field: str, *, most: int | None = None) -> str:
    """Something to read: at least one character that is not white space, at most `most` characters."""
    if not isinstance(value, str):
        raise broken(field, "must be a string")
    if not value.strip():
        raise broken(field, "must not be empty")
    if most is not None and len(value) > most:
        raise broken(field, f"must have at most {most} characters, has {len(value)}")
    return value


def an_optional_string(value: Any, field: str, *, most: int | None = None) -> None:
    if value is not None:
        a_string(value, field, most=most)


def a_number(value: Any, field: str, *, least: float, most: float) -> None:
    """NaN is in no range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise broken(field, "must be a number")
    if not least <= value <= most:
        raise broken(field, f"must be from {least:g} to {most:g}")


def no_repeats(ids: list[str], field: str) -> None:
    if len(set(ids)) < len(ids):
        raise broken(field, "must differ from one another")
