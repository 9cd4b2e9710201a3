"""Acts: who did what, and when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from harkara.console.forms import printable
from harkara.console.visitors import Admin
from harkara.ledger.users.acts import ACTS, list_acts

ROWS = 50

router = APIRouter()


@router.get("/acts")
def acts(visitor: Admin, name: str = "", before: Annotated[int | None, Query(ge=1, le=2**31)] = None) -> HTMLResponse:
    """Show the newest acts, or those before one of them."""
    name = printable(name)
    rows = list_acts(visitor.console.db, name=name or None, before=before, limit=ROWS + 1)
    return visitor.page("acts.html", acts=rows[:ROWS], more=len(rows) > ROWS, name=name, sentences=ACTS)
