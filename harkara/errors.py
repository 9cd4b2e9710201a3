"""What can go wrong for a caller, as one tree.

* HarkaraError
  * Invalid      what was handed over breaks a rule; nothing was stored, the same call will fail again
  * Conflict     the reference already belongs to a message with other content
  * NotFound     no message has this id, or nobody has laid down a catalogue of templates
  * Unavailable  Redis or the database cannot be asked now; the same call with the same reference may be repeated
"""

from __future__ import annotations

from typing import Any


class HarkaraError(Exception):
    """Base of every error that Harkara raises on purpose."""


class Invalid(HarkaraError, ValueError):
    """A rule is broken: names the field, the rule and the value's measure, never the value itself."""

    def __init__(self, field: str, rule: str, measure: str | None = None) -> None:
        self.field = field
        self.rule = rule
        self.measure = measure
        super().__init__(f"{field}: {rule}" + (f" ({measure})" if measure else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.field, self.rule, self.measure))


class Conflict(HarkaraError):
    """The reference is taken by a message with another content."""


class NotFound(HarkaraError, LookupError):
    """No message has this id, or there is no catalogue of templates yet."""


class Unavailable(HarkaraError, ConnectionError):
    """A service that is needed did not answer in time; says what, and whether a repeat is safe."""
