"""The first page after the sign-in."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from harkara.console.navigation import NAVIGATION
from harkara.console.visitors import Viewer

router = APIRouter()


@router.get("/")
def home(visitor: Viewer) -> RedirectResponse:
    """Redirect to the first page of the navigation that the user may see, or to the user's own account."""
    seen = (entry.path for entry in NAVIGATION if visitor.user.role.permits(entry.role))
    return visitor.redirect(next(seen, "/account"))
