"""Types and sizes of fields; every failure is a 400 that names the field and the rule."""

from __future__ import annotations

from typing import Any

from sandbox.responses import invalid_field


def require_object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid_field(field, "must be an object")
    return value


def require_array(value: Any, field: str, *, most: int, least: int = 1) -> list[Any]:
    if not isinstance(value, list):
        raise invalid_field(field, "must be an array")
    if not least <= len(value) <= most:
        raise invalid_field(field, f"must have {least} to {most} entries, has {len(value)}")
    return value


def require_string(value: Any, field: str, *, most: int | None = None) -> str:
    """Require at least one character that is not white space, and at most `most` characters."""
    if not isinstance(value, str):
        raise invalid_field(field, "must be a string")
    if not value.strip():
        raise invalid_field(field, "must not be empty")
    if most is not None and len(value) > most:
        raise invalid_field(field, f"must have at most {most} characters, has {len(value)}")
    return value


def check_optional_string(value: Any, field: str, *, most: int | None = None) -> None:
    if value is not None:
        require_string(value, field, most=most)


def check_number(value: Any, field: str, *, least: float, most: float) -> None:
    """Require a number in the range, which NaN never is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_field(field, "must be a number")
    if not least <= value <= most:
        raise invalid_field(field, f"must be from {least:g} to {most:g}")


def check_unique(ids: list[str], field: str) -> None:
    if len(set(ids)) < len(ids):
        raise invalid_field(field, "must differ from one another")
