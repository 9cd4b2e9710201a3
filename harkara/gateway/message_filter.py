"""The filters of a request, as the ledger compares them."""

from __future__ import annotations

from harkara.errors import Invalid
from harkara.gateway.callers import Caller
from harkara.gateway.schemas.messages import MessageSelection
from harkara.ledger.database import Database
from harkara.ledger.messages.named_filter import named_filter
from harkara.ledger.messages.search import MessageFilter

_SAME = {"lane", "id", "reference", "code", "producer", "template", "flagged", "since", "until", "campaign", "occasion"}


def message_filter(
    db: Database, caller: Caller, chosen: MessageSelection, to: str | None, to_field: str = "to"
) -> MessageFilter:
    """Return the filter of a caller, who sees the lanes of its token alone.

    `to_field` names the number in errors. Raises Invalid, and NotFound for an unknown campaign.
    """
    given = chosen.model_dump(include=_SAME)
    try:
        return named_filter(db, lanes=caller.lanes, states=chosen.state, to=to, **given)
    except Invalid as error:
        raise Invalid(to_field if error.field == "to" else error.field, error.rule, error.measure) from None
