"""The filters of a search for messages, as options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.states import State
from workers.command.options import time_option

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.ledger.messages.search import MessageFilter


@dataclass(frozen=True, slots=True)
class Filters:
    """The options as they were given."""

    state: Annotated[
        list[State] | None, typer.Option(metavar="STATE", help="State, such as failed; repeat it for several.")
    ] = None
    lane: Annotated[str | None, typer.Option(help="Lane.")] = None
    to: Annotated[str | None, typer.Option(help="Recipient's number, in any notation.")] = None
    id: Annotated[str | None, typer.Option("--id", help="Id of the message, or Chat Mitra's job id.")] = None
    reference: Annotated[str | None, typer.Option(help="Your reference.")] = None
    code: Annotated[str | None, typer.Option(help="Code, such as 131049 or expired.")] = None
    producer: Annotated[str | None, typer.Option(help="Application that handed the message over.")] = None
    template: Annotated[str | None, typer.Option(help="Template.")] = None
    campaign: Annotated[str | None, typer.Option(help="Id or name of the campaign.")] = None
    occasion: Annotated[
        str | None, typer.Option(metavar="KIND/REFERENCE", help="Occasion whose reminders they are.")
    ] = None
    flagged: Annotated[bool, typer.Option("--flagged", help="Only messages that may have been sent twice.")] = False
    since: Annotated[datetime | None, time_option("Handed over since this time, such as -2h.")] = None
    until: Annotated[datetime | None, time_option("Handed over before this time.")] = None

    @property
    def given(self) -> bool:
        """Whether one is given besides the lane, which also says whose reference is meant."""
        return any((asdict(self) | {"lane": None}).values())

    def wanted(self, db: Database) -> MessageFilter:
        """Return the filter for the ledger. Raises NotFound for the campaign, and Invalid for the number."""
        from harkara.ledger.campaigns.queries import get_campaign
        from harkara.ledger.contacts.queries import all_names
        from harkara.ledger.messages.search import MessageFilter

        kind, slash, reference = (self.occasion or "").partition("/")
        if self.occasion and not (kind and reference):
            raise typer.BadParameter("is KIND/REFERENCE, such as appointment/visit-7", param_hint="--occasion")
        return MessageFilter(
            id=self.id,
            states=self.state or (),
            lane=self.lane,
            recipients=None if self.to is None else all_names(db, self.to),
            reference=self.reference,
            code=self.code,
            producer=self.producer,
            template=self.template,
            campaign=None if self.campaign is None else get_campaign(db, self.campaign).id,
            occasion=(kind, reference) if slash else None,
            flagged=self.flagged,
            since=self.since,
            until=self.until,
        )


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of Filters to a command, which gets them as its parameter `filters`."""
    options = inspect.signature(Filters, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True)
    parameters = [each for name, each in own.parameters.items() if name != "filters"]

    @wraps(command)
    def run(**given: Any) -> None:
        filters = Filters(**{name: given.pop(name) for name in options})
        command(filters=filters, **given)

    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*parameters, *options.values())]
    run.__signature__ = own.replace(parameters=keyword)  # type: ignore[attr-defined]  # typer reads the options from it
    return run
