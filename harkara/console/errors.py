"""Pages for errors: what is wrong and what to do next, without a value of the request."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from harkara.console.languages import N_, Language, language_of
from harkara.console.visitors import SignInNeeded, Visitor
from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, Unavailable
from harkara.ledger.users.secrets import new_secret

_STATUS: Mapping[type[HarkaraError], int] = {Invalid: 400, NotFound: 404, Conflict: 409, Unavailable: 503}

_SENTENCES = {
    400: N_("This request is not understood. Go back and try again."),
    403: N_("Your role does not allow this. Ask an admin for another role."),
    404: N_("There is no such page."),
    405: N_("There is no such page."),
    413: N_("This form is too large. Go back, and write less in its fields."),
    500: N_("Something went wrong. The log of the HTTP API says where."),
    503: N_("The ledger cannot be reached. Messages are safe; try again in a minute."),
}

_FORM_EXPIRED = N_("This form is no longer valid. Go back, load the page again, and send it once more.")


def add_error_pages(app: FastAPI) -> None:
    """Answer every error of the console with a page."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(HarkaraError, _harkara_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(Exception, _unexpected)


def sentence(error: HarkaraError, language: Language) -> str:
    """Return what a form says about an error."""
    translate = language.texts.gettext
    if isinstance(error, Invalid):
        return f"{translate(error.field)}: {language.said(error.rule) or error.rule}"
    text = _SENTENCES[503] if isinstance(error, Unavailable) else str(error)
    return language.said(text) or text


async def _sign_in(request: Request, _error: Exception) -> Response:
    """Send a stranger to the sign-in page, and from there back to the page that they asked for.

    A browser sends no cookie with a link from another site. It does with the next request, which comes from here.
    """
    base = request.scope["root_path"]
    if request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return _visitor_of(request).page("arrive.html")
    back = request.url.path.removeprefix(base) if request.method == "GET" else ""
    url = f"{base}/sign-in?next={quote(back)}" if len(back) > 1 else f"{base}/sign-in"
    if "HX-Request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303)


async def _harkara_error(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, HarkaraError)
    visitor = _visitor_of(request)
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    return _page(visitor, status, sentence(error, visitor.language))


async def _http_error(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, HTTPException)
    visitor = _visitor_of(request)
    text = _FORM_EXPIRED if error.detail == "form" else _SENTENCES.get(error.status_code, _SENTENCES[400])
    return _page(visitor, error.status_code, visitor.language.texts.gettext(text))


async def _wrong_request(request: Request, _error: Exception) -> HTMLResponse:
    visitor = _visitor_of(request)
    return _page(visitor, 400, visitor.language.texts.gettext(_SENTENCES[400]))


async def _unexpected(request: Request, _error: Exception) -> HTMLResponse:
    """The middleware of the HTTP API logs the place; the server raises the error again after this page."""
    visitor = _visitor_of(request)
    return _page(visitor, 500, visitor.language.texts.gettext(_SENTENCES[500]))


def _page(visitor: Visitor, status: int, text: str) -> HTMLResponse:
    return visitor.page("error.html", status, sentence=text)


def _visitor_of(request: Request) -> Visitor:
    """Return the visitor that the route found, else a stranger without a look at the ledger, which may have failed."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found or Visitor(request, request.app.state.console, language_of(request, None), new_secret(), False)
