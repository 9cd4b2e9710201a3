"""`harkara consent out` and `in`: record a choice that a customer made to a member of staff."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.command.deployment import check_lane, ledger
from workers.command.options import AsJson, By, actor, time_option
from workers.command.output import emit, print_line

if TYPE_CHECKING:
    from harkara.inbound.contact import ConsentAction

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="Customer's number, or the user id of a callback.")]
Proof = Annotated[str, typer.Option(help="How you know: which form, which call, which words.")]
Marketing = Annotated[bool, typer.Option("--marketing", help="Marketing only; without it, all messages.")]
When: Any = Annotated[datetime | None, time_option("When the customer said so; default now.")]
Lane = Annotated[str, typer.Option(help="Account that it concerns.")]


def out(
    number: Number,
    proof: Proof,
    marketing: Marketing = False,
    at: When = None,
    lane: Lane = "default",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record an opt-out: messages that wait are cancelled, and new ones are refused."""
    _record("opt-out", number, proof, marketing, at, lane, by, as_json)


def in_(
    number: Number,
    proof: Proof,
    marketing: Marketing = False,
    at: When = None,
    lane: Lane = "default",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record an opt-in: new messages are accepted. Cancelled messages stay cancelled."""
    _record("opt-in", number, proof, marketing, at, lane, by, as_json)


def _record(
    action: ConsentAction,
    number: str,
    proof: str,
    marketing: bool,
    at: datetime | None,
    lane: str,
    by: str | None,
    as_json: bool,
) -> None:
    from harkara.inbound.contact import ConsentChoice
    from harkara.ledger.contacts.consent import record_consent
    from harkara.ledger.contacts.queries import find_name, list_contacts

    check_lane(lane)
    category = "marketing" if marketing else "everything"
    with ledger() as db:
        to = find_name(db, number, [lane])
        choice = ConsentChoice.parse(
            to, action=action, category=category, how="operator", proof=proof, at=at or datetime.now(UTC)
        )
        withdrawn = record_consent(db, lane, [choice], made_at=None if at else [time.monotonic()], by=actor(by))
        stopped = list_contacts(db, to, lane)[0].stopped
    if as_json:
        emit({"lane": lane, "stopped": stopped, "withdrawn": len(withdrawn)})
    else:
        print_line(f"Recorded. This customer now gets {_GETS[stopped]}; messages cancelled: {len(withdrawn)}")


_GETS = {None: "messages", "marketing": "no marketing", "everything": "no messages"}
