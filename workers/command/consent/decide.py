"""`harkara consent out` and `in`: what somebody wants, as it was told to a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.phone import normalize
from workers.command.deployment import check_lane, ledger
from workers.command.options import AsJson, time_option
from workers.command.output import emit, say

if TYPE_CHECKING:
    from harkara.inbound.contact import ConsentAction

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The person's number.")]
Proof = Annotated[str, typer.Option(help="How it is known: which form, which call, in which words.")]
Marketing = Annotated[bool, typer.Option("--marketing", help="Of marketing alone; else of everything.")]
When: Any = Annotated[datetime | None, time_option("When they said so; now, if not given.")]
Lane = Annotated[str, typer.Option(help="The account that it is about.")]


def out(
    number: Number,
    proof: Proof,
    marketing: Marketing = False,
    at: When = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Somebody wants no more messages: what waits for them is withdrawn, and nothing more is accepted."""
    _keep("opt-out", number, proof, marketing, at, lane, as_json)


def in_(
    number: Number,
    proof: Proof,
    marketing: Marketing = False,
    at: When = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Somebody wants messages again, or marketing: new ones may go. What was withdrawn stays so."""
    _keep("opt-in", number, proof, marketing, at, lane, as_json)


def _keep(
    what: ConsentAction,
    number: str,
    proof: str,
    marketing: bool,
    at: datetime | None,
    lane: str,
    as_json: bool,
) -> None:
    from harkara.inbound.contact import ConsentChoice
    from harkara.ledger.contacts.consent import record_consent
    from harkara.ledger.contacts.queries import list_contacts

    check_lane(lane)
    to = normalize(number)
    category = "marketing" if marketing else "everything"
    said = at or datetime.now(UTC)
    wish = ConsentChoice.parse(to, action=what, category=category, how="operator", proof=proof, at=said)
    with ledger() as db:
        withdrawn = record_consent(db, lane, [wish])
        stopped = list_contacts(db, to, lane)[0].stopped
    if as_json:
        emit({"lane": lane, "stopped": stopped, "withdrawn": len(withdrawn)})
    else:
        say(f"Kept. This person now gets {_GETS[stopped]}; messages withdrawn: {len(withdrawn)}")


_GETS = {None: "messages", "marketing": "no marketing", "everything": "no messages"}
