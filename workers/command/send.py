"""`harkara send`: hand over one message, and optionally wait for its outcome."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import HarkaraError, Unavailable
from harkara.message_status import MessageStatus
from harkara.messages import Category, Envelope, Text
from harkara.states import UNSENT, State
from workers.command.closed_window import closed_window
from workers.command.compose import envelope
from workers.command.deployment import backend, check_lane
from workers.command.options import AsJson, time_option
from workers.command.output import ERROR, emit, note
from workers.command.preview import note_previews, note_problems, preview, preview_fields

if TYPE_CHECKING:
    from harkara.backends.ledger import LedgerBackend

EXAMPLES = """
Example: harkara send 9876543210 "Your order is ready" --reference order-1042

Example: harkara send 9876543210 --kind otp_verification --set code=482913 --set minutes=5 --set purpose="the login"

Example: harkara send 9876543210 --template visit_tomorrow --param Asha --param 10:30 --at +2h

Give the position of a button among the template's buttons, from 0, before its value: --url-suffix 1:track/1042
"""

_POLL_SECONDS = 0.2
_ADVISED_LENGTH = 1_000
_OPEN = UNSENT | {State.SENDING}
_ARRIVED = {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ}


def _content(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="What to send, instead of TEXT")


def _of_template(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="With --template")


def _of_kind(help_text: str, *names: str) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel="With --kind")


def _of_medium(help_text: str, *names: str) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel="With media")


def _delivery(help_text: str, **more: Any) -> Any:
    return typer.Option(help=help_text, rich_help_panel="Delivery", **more)


def _window(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="When the 24-hour window is closed")


def _time(help_text: str) -> Any:
    return time_option(help_text, rich_help_panel="Delivery")


def send(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Argument(metavar="TO", help="Recipient's number.")] = None,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Text; - reads it from stdin.")] = None,
    kind: Annotated[str | None, _content("Kind of template; `harkara templates` lists them.")] = None,
    template: Annotated[str | None, _content("Name of an approved template.")] = None,
    image: Annotated[str | None, _content("Public link to a JPG, PNG or WEBP.")] = None,
    video: Annotated[str | None, _content("Public link to an MP4 or 3GP.")] = None,
    audio: Annotated[str | None, _content("Public link to an MP3, OGG or OPUS.")] = None,
    document: Annotated[str | None, _content("Public link to a PDF, Office file or TXT.")] = None,
    sticker: Annotated[str | None, _content("Public link to a WEBP.")] = None,
    json_file: Annotated[str | None, _content("File with a request in Chat Mitra's format; - reads stdin.")] = None,
    set_: Annotated[list[str] | None, _of_kind("Parameter, as NAME=VALUE; repeat it for each.", "--set")] = None,
    opted_in: Annotated[bool, _of_kind("The recipient agreed to marketing.", "--opted-in")] = False,
    param: Annotated[list[str] | None, _of_template("Parameter of the body; repeat it in order.")] = None,
    header: Annotated[str | None, _of_template("Parameter of a text header.")] = None,
    header_image: Annotated[str | None, _of_template("Public link for the header.")] = None,
    header_video: Annotated[str | None, _of_template("Public link for the header.")] = None,
    header_document: Annotated[str | None, _of_template("Public link for the header.")] = None,
    url_suffix: Annotated[list[str] | None, _of_template("Last part of a button's link.")] = None,
    quick_reply: Annotated[list[str] | None, _of_template("Payload that comes back when a button is tapped.")] = None,
    copy_code: Annotated[list[str] | None, _of_template("Code that a button copies.")] = None,
    language: Annotated[str | None, _of_template("Language; default en, or the kind's.")] = None,
    caption: Annotated[str | None, _of_medium("Caption of an image, video or document.")] = None,
    filename: Annotated[str | None, _of_medium("Name of the document that the recipient sees.")] = None,
    voice: Annotated[bool, _of_medium("Send an OGG as a voice note.", "--voice")] = False,
    reference: Annotated[str | None, _delivery("Your name for the message: the same one twice is one message.")] = None,
    at: Annotated[datetime | None, _time("Earliest time to send: ISO 8601 with a zone, or +2h.")] = None,
    expires: Annotated[datetime | None, _time("Latest time to send.")] = None,
    lane: Annotated[str | None, _delivery("Account to send from.")] = None,
    category: Annotated[Category | None, _delivery("Category of the template at Meta.")] = None,
    priority: Annotated[
        int | None, _delivery("0 is sent first; by default the category decides.", min=0, max=3)
    ] = None,
    customer_name: Annotated[str | None, _delivery("Value of $name in a template.")] = None,
    fallback: Annotated[str | None, _window("Template that is sent instead.")] = None,
    fallback_param: Annotated[list[str] | None, _window("Parameter of its body; repeat it in order.")] = None,
    fallback_language: Annotated[str | None, _window("Its language; default en.")] = None,
    alt: Annotated[list[str] | None, _delivery("Value of a placeholder, such as '$city=Pune'.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the request body, and what the customer reads; send nothing.")
    ] = False,
    wait: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Seconds to wait for the outcome, at most.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hand over a message and print its id. With --wait, exits with 0 only if Chat Mitra accepts it."""
    wanted = envelope(ctx.params)  # the parameters above, by name
    check_lane(wanted.lane)
    _note_length(wanted)
    shown = preview(wanted.messages)
    if not dry_run:
        note_problems(shown)
        _hand_over(wanted, wait, as_json)
    elif as_json:
        emit({"dry_run": True, "body": wanted.body(), "previews": [preview_fields(each) for each in shown]})
    else:
        typer.echo(wanted.body_json())
        note_previews(shown)


def _note_length(wanted: Envelope) -> None:
    """Note a text that is longer than Chat Mitra advises (docs, Best Practices); it is sent all the same."""
    longest = max((len(each.body) for each in wanted.messages if isinstance(each, Text)), default=0)
    if longest >= _ADVISED_LENGTH:
        note(f"The text has {longest:,} characters; Chat Mitra advises fewer than {_ADVISED_LENGTH:,}.")


def _hand_over(wanted: Envelope, wait: float | None, as_json: bool) -> None:
    with backend() as opened:
        receipt = opened.enqueue([wanted])[0]
        if isinstance(receipt, HarkaraError):
            raise receipt
        result = {"id": receipt.id, "reference": wanted.reference, "new": receipt.new}
        if not as_json:
            typer.echo(receipt.id)
        if not receipt.new:
            note("This reference exists already; no second message is sent.")
        elif advice := closed_window(wanted):
            note(advice)
        if wait is not None:
            result |= _follow(opened, receipt.id, wait)
    if as_json:
        emit(result)
    if wait is not None and result["state"] not in _ARRIVED:
        raise typer.Exit(ERROR)


def _follow(opened: LedgerBackend, identity: str, seconds: float) -> MessageStatus:
    """Follow the message until its outcome is known or the time is over; print each change on stderr."""
    end = time.monotonic() + seconds
    before = None
    while True:
        try:
            found = opened.status(identity)
        except Unavailable as error:
            raise Unavailable(f"{identity} is accepted, but its state cannot be read: {error}") from error
        if (now := (found.state, found.reason)) != before:
            note(": ".join(filter(None, now)))
            before = now
        if found.state not in _OPEN:
            return found
        if time.monotonic() >= end:
            note(
                f"No outcome after {seconds:g} s; the message is accepted, ask later with `harkara status {identity}`."
            )
            return found
        time.sleep(_POLL_SECONDS)
