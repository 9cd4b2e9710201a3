"""Carries out the steps of a client in the calling thread."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from harkara.backends import connections
from harkara.client.options import ClientOptions
from harkara.client.steps import ClientSteps
from harkara.steps import Steps, run

if TYPE_CHECKING:  # `import harkara` does not pay for pydantic, nor for occasions
    from harkara.catalogue import Catalogue
    from harkara.occasions import ReminderPlan

T = TypeVar("T")


class SyncCalls(ClientSteps):
    """The part of `Client` that its calls share; its arguments are documented there."""

    def __init__(self, redis_url: str | None = None, **options: Unpack[ClientOptions]) -> None:
        super().__init__(redis_url, **options)
        self._connections = connections(redis_url, self._seconds) if redis_url else None

    def catalogue(self) -> Catalogue:
        """The template catalogue that `send_template` uses.

        Raises NotFound when no worker has published one, Unavailable, and Invalid for a client without Redis and
        `catalogue`.
        """
        return self._run(self._catalogue_steps())

    def plan(self) -> ReminderPlan:
        """The reminder rules with their templates that `save_occasion` uses. Raises as `catalogue` does."""
        return self._run(self._plan_steps())

    def close(self) -> None:
        """Close the connections to Redis and the database."""
        self._backend.close()
        if self._connections:
            self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _run(self, steps: Steps[T]) -> T:
        return run(steps, self._connections)
