"""What follows a campaign: the report of each recipient, and a second round to those whose message failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.campaigns.recipient_name import name_position
from harkara.campaigns.status import REPORTED, CampaignSummary, RecipientReport
from harkara.console.errors import sentence
from harkara.console.forms import Form, printable
from harkara.console.languages import N_
from harkara.console.visitors import Operator, SignedIn, Viewer
from harkara.errors import Conflict, Invalid
from harkara.gateway.csv_response import csv_response
from harkara.ledger.campaigns.again import create_second_round
from harkara.ledger.campaigns.queries import get_campaign, report
from harkara.ledger.users.acts import record_done

router = APIRouter()

_REFUSED = N_("This is not possible: the campaign is not over, has a second round already, or the name is taken.")


@router.get("/campaigns/{key}/report.csv")
def download_report(visitor: Viewer, key: str) -> Response:
    """Return what became of each row of the file, without number and name."""
    found = _campaign(visitor, key)
    return _file(found, REPORTED, report(visitor.console.db, found.id, numbers=False))


@router.post("/campaigns/{key}/report.csv")
def download_numbers(visitor: Operator, _form: Form, key: str) -> Response:
    """Return the same with number and name, which is an act of the log."""
    found = _campaign(visitor, key)
    kind = visitor.console.catalogue.kind.get(found.kind)
    record_done(visitor.console.db, visitor.actor, "campaign.reported", found.name, number=found.audience)
    name_at = name_position(kind.body) if kind else None
    lines = report(visitor.console.db, found.id, numbers=True, name_at=name_at)
    return _file(found, RecipientReport._fields, lines)


def _file(found: CampaignSummary, columns: Sequence[str], lines: Iterable[RecipientReport]) -> Response:
    response = csv_response(columns, ([getattr(line, column) for column in columns] for line in lines))
    response.headers["Content-Disposition"] = f'attachment; filename="{found.id}.csv"'
    return response


@router.get("/campaigns/{key}/again")
def ask_page(visitor: Operator, key: str) -> Response:
    found = _campaign(visitor, key)
    return _page(visitor, found, f"{found.name[:76]} (2)")


@router.post("/campaigns/{key}/again")
def repeat(visitor: Operator, form: Form, key: str) -> Response:
    """Create the second round. Consent is checked again, and nothing is sent before it is started."""
    found, name = _campaign(visitor, key), " ".join(printable(form["name"]).split())
    try:
        settings = visitor.console.campaigns()
        plan, _, _ = create_second_round(visitor.console.db, found, name, settings, actor=visitor.actor)
    except Invalid as error:
        return _page(visitor, found, name, sentence(error, visitor.language))
    except Conflict:
        return _page(visitor, found, name, visitor.language.texts.gettext(_REFUSED))
    return visitor.redirect(f"/campaigns/{plan.id}/try?done=campaign.created")


def _page(visitor: SignedIn, found: CampaignSummary, name: str, problem: str | None = None) -> Response:
    return visitor.page("campaign_again.html", 400 if problem else 200, campaign=found, name=name, problem=problem)


def _campaign(visitor: SignedIn, key: str) -> CampaignSummary:
    return get_campaign(visitor.console.db, printable(key), lanes=visitor.user.lanes)
