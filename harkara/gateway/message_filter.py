"""The filters of a request, as the ledger compares them."""

from __future__ import annotations

from harkara.errors import Invalid
from harkara.gateway.callers import Caller
from harkara.gateway.schemas.messages import MessageSelection
from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.contacts.queries import all_names
from harkara.ledger.database import Database
from harkara.ledger.messages.search import MessageFilter


def message_filter(
    db: Database, caller: Caller, chosen: MessageSelection, to: str | None, to_field: str = "to"
) -> MessageFilter:
    """Return the filter of a caller, who sees the lanes of its token alone.

    `to_field` names the number in errors. Raises Invalid, and NotFound for an unknown campaign.
    """
    given = chosen.model_dump(include=_SAME)
    campaign = None if chosen.campaign is None else get_campaign(db, chosen.campaign, lanes=caller.lanes).id
    return MessageFilter(
        **given,
        states=chosen.state,
        lanes=caller.lanes,
        campaign=campaign,
        occasion=None if chosen.occasion is None else _occasion(chosen.occasion),
        recipients=None if to is None else _names(db, to, caller, to_field),
    )


_SAME = {"lane", "id", "reference", "code", "producer", "template", "flagged", "since", "until"}


def _occasion(text: str) -> tuple[str, str]:
    kind, _, reference = text.partition("/")
    if not kind or not reference:
        raise Invalid("occasion", "must be its kind, a slash and its reference, such as appointment/visit-7")
    return kind, reference


def _names(db: Database, text: str, caller: Caller, field: str) -> set[str]:
    try:
        return all_names(db, text, caller.lanes)
    except Invalid as error:
        raise Invalid(field, error.rule, error.measure) from None
