"""The errors that a caller can get, as one tree.

* HarkaraError
  * Invalid      the call breaks a rule; nothing was stored, and the same call will fail again
  * Conflict     the reference already belongs to a message with other content
  * NotFound     no message has this id, or no catalogue of templates was published
  * Unavailable  Redis or the database does not answer; the same call with the same reference may be repeated
    * OtherDeployment  this Redis belongs to another ledger, or the ledger to another Redis; nothing was done
"""

from __future__ import annotations

from typing import Any, ClassVar


class HarkaraError(Exception):
    """Base of every error that Harkara raises on purpose."""

    stops_all: ClassVar[bool] = False
    """See the function of this name."""


class Invalid(HarkaraError, ValueError):
    """A rule is broken: names the field, the rule and the measured value, never the value itself."""

    def __init__(self, field: str, rule: str, measure: str | None = None) -> None:
        self.field = field
        self.rule = rule
        self.measure = measure
        super().__init__(f"{field}: {rule}" + (f" ({measure})" if measure else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.field, self.rule, self.measure))


class Conflict(HarkaraError):
    """The reference belongs to a message with other content, or the state of the message forbids the command."""


class NotFound(HarkaraError, LookupError):
    """No message has this id, or no catalogue of templates was published."""


class Unavailable(HarkaraError, ConnectionError):
    """A required service did not answer in time; the message says which, and whether a repeat is safe."""

    stops_all = True

    outage: str | None = None
    """What is wrong with the service and what an operator does about it, the same for every call that meets it."""


class OtherDeployment(Unavailable):
    """The Redis and the ledger of this process do not belong together; the message says what to do."""


def stops_all(error: Exception) -> bool:
    """Return whether the cause is a service and not what was written: no other write succeeds, and a repeat may."""
    return isinstance(error, HarkaraError) and error.stops_all
