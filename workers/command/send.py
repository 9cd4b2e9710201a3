"""`harkara send`: hands one message over, and waits for its outcome if asked to."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import HarkaraError, Unavailable
from harkara.messages import Category, Envelope
from harkara.states import UNSENT, State
from harkara.status import MessageStatus
from workers.command.compose import envelope
from workers.command.deployment import check_lane, door
from workers.command.options import AsJson, time_option
from workers.command.output import ERROR, emit, note

if TYPE_CHECKING:
    from harkara.backends.ledger import LedgerBackend

EXAMPLES = """
Example: harkara send 9876543210 "Your order is ready" --reference order-1042

Example: harkara send 9876543210 --kind otp_verification --set code=482913 --set minutes=5 --set purpose="the login"

Example: harkara send 9876543210 --template visit_tomorrow --param Asha --param 10:30 --at +2h --wait 60

A button's value may name its place among the template's buttons, counted from 0: --url-suffix 1:track/1042
"""

_LOOK_SECONDS = 0.2
_OPEN = UNSENT | {State.SENDING}
_ARRIVED = {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ}


def _content(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="What to send, instead of TEXT")


def _of_template(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="With --template")


def _of_kind(help_text: str, *names: str) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel="With --kind")


def _of_medium(help_text: str, *names: str) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel="With a medium")


def _delivery(help_text: str, **more: Any) -> Any:
    return typer.Option(help=help_text, rich_help_panel="Delivery", **more)


def _window(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="When they have not written for 24 hours")


def _time(help_text: str) -> Any:
    return time_option(help_text, rich_help_panel="Delivery")


def send(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Argument(metavar="TO", help="The recipient's number.")] = None,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The text; - reads it from stdin.")] = None,
    kind: Annotated[str | None, _content("A kind of template; `harkara templates` lists them.")] = None,
    template: Annotated[str | None, _content("Name of an approved template.")] = None,
    image: Annotated[str | None, _content("Public link to a JPG, PNG or WEBP.")] = None,
    video: Annotated[str | None, _content("Public link to an MP4 or 3GP.")] = None,
    audio: Annotated[str | None, _content("Public link to an MP3, OGG or OPUS.")] = None,
    document: Annotated[str | None, _content("Public link to a PDF, Office file or TXT.")] = None,
    sticker: Annotated[str | None, _content("Public link to a WEBP.")] = None,
    json_file: Annotated[str | None, _content("Any kind: a file (- is stdin) in Chat Mitra's request shape.")] = None,
    set_: Annotated[list[str] | None, _of_kind("A parameter, as NAME=VALUE; repeat it for each.", "--set")] = None,
    opted_in: Annotated[bool, _of_kind("The recipient agreed to marketing.", "--opted-in")] = False,
    param: Annotated[list[str] | None, _of_template("A parameter of the body; repeat it in order.")] = None,
    header: Annotated[str | None, _of_template("The parameter of a text header.")] = None,
    header_image: Annotated[str | None, _of_template("Public link for the header.")] = None,
    header_video: Annotated[str | None, _of_template("Public link for the header.")] = None,
    header_document: Annotated[str | None, _of_template("Public link for the header.")] = None,
    url_suffix: Annotated[list[str] | None, _of_template("What completes the link of a button.")] = None,
    quick_reply: Annotated[list[str] | None, _of_template("What comes back when a button is tapped.")] = None,
    copy_code: Annotated[list[str] | None, _of_template("What a button copies.")] = None,
    language: Annotated[str | None, _of_template("Its language; else en, or what the kind says.")] = None,
    caption: Annotated[str | None, _of_medium("Words under an image, video or document.")] = None,
    filename: Annotated[str | None, _of_medium("The document's name as the recipient sees it.")] = None,
    voice: Annotated[bool, _of_medium("Show an OGG as a voice note.", "--voice")] = False,
    reference: Annotated[str | None, _delivery("Your name for it: the same one twice is one message.")] = None,
    at: Annotated[datetime | None, _time("Not before: ISO 8601 with a zone, or a time from now.")] = None,
    expires: Annotated[datetime | None, _time("Not after: by then it helps nobody.")] = None,
    lane: Annotated[str | None, _delivery("The account to send from.")] = None,
    category: Annotated[Category | None, _delivery("The template's category at Meta.")] = None,
    priority: Annotated[int | None, _delivery("0 goes first; else by category.", min=0, max=3)] = None,
    customer_name: Annotated[str | None, _delivery("Fills $name in a template.")] = None,
    fallback: Annotated[str | None, _window("Name of the template that goes instead.")] = None,
    fallback_param: Annotated[list[str] | None, _window("A parameter of its body; repeat it in order.")] = None,
    fallback_language: Annotated[str | None, _window("Its language; else en.")] = None,
    alt: Annotated[list[str] | None, _delivery("Fills a placeholder, such as '$city=Pune'.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the exact body and send nothing.")] = False,
    wait: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Wait so long for the outcome.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hand a message over and print its id. With --wait, ends with 0 only when Chat Mitra has taken it."""
    wanted = envelope(ctx.params)  # the parameters above, by name
    check_lane(wanted.lane)
    if not dry_run:
        _hand_over(wanted, wait, as_json)
    elif as_json:
        emit({"dry_run": True, "body": wanted.body()})
    else:
        typer.echo(wanted.body_json())


def _hand_over(wanted: Envelope, wait: float | None, as_json: bool) -> None:
    with door() as way_in:
        receipt = way_in.enqueue([wanted])[0]
        if isinstance(receipt, HarkaraError):
            raise receipt
        told = {"id": receipt.id, "reference": wanted.reference, "new": receipt.new}
        if not as_json:
            typer.echo(receipt.id)
        if not receipt.new:
            note("This reference was handed over before: it stays one message.")
        if wait is not None:
            told |= _watch(way_in, receipt.id, wait)
    if as_json:
        emit(told)
    if wait is not None and told["state"] not in _ARRIVED:
        raise typer.Exit(ERROR)


def _watch(way_in: LedgerBackend, identity: str, seconds: float) -> MessageStatus:
    """Follows the message until its fate is known or the time is over, and tells each change on stderr."""
    end = time.monotonic() + seconds
    before = None
    while True:
        try:
            found = way_in.status(identity)
        except Unavailable as error:
            raise Unavailable(f"{identity} is kept, but cannot be followed: {error}") from error
        if (now := (found.state, found.reason)) != before:
            note(": ".join(filter(None, now)))
            before = now
        if found.state not in _OPEN:
            return found
        if time.monotonic() >= end:
            note(f"Not known after {seconds:g} s; it is kept, and `harkara status {identity}` tells more later.")
            return found
        time.sleep(_LOOK_SECONDS)
