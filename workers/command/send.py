"""`harkara send`: hands one message over, and waits for its outcome if asked to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import HarkaraError, Unavailable
from harkara.messages import Category
from harkara.states import UNSENT, State
from workers.command.compose import envelope
from workers.command.deployment import check_lane, door
from workers.command.options import AsJson, moment
from workers.command.output import answer, note

if TYPE_CHECKING:
    from harkara.doors.ledger import LedgerDoor

EXAMPLES = """
Example: harkara send 9876543210 "Your order is ready" --reference order-1042

Example: harkara send 9876543210 --template visit_tomorrow --param Asha --param 10:30 --at +2h --wait 60

A button's value may name its place among the template's buttons, counted from 0: --url-suffix 1:track/1042
"""

_OPEN = UNSENT | {State.SENDING}
_ARRIVED = {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ}


def _content(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="What to send, instead of TEXT")


def _of_template(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="With --template")


def _of_medium(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel="With a medium")


def _delivery(help_text: str, **more: Any) -> Any:
    return typer.Option(help=help_text, rich_help_panel="Delivery", **more)


def send(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Argument(help="The recipient's number.", show_default=False)] = None,
    text: Annotated[str | None, typer.Argument(help="The text; - reads it from stdin.", show_default=False)] = None,
    template: Annotated[str | None, _content("Name of an approved template.")] = None,
    image: Annotated[str | None, _content("Public link to a JPG, PNG or WEBP.")] = None,
    video: Annotated[str | None, _content("Public link to an MP4 or 3GP.")] = None,
    audio: Annotated[str | None, _content("Public link to an MP3, OGG or OPUS.")] = None,
    document: Annotated[str | None, _content("Public link to a PDF, Office file or TXT.")] = None,
    sticker: Annotated[str | None, _content("Public link to a WEBP.")] = None,
    json_file: Annotated[str | None, _content("Any kind: a file (- is stdin) in Chat Mitra's request shape.")] = None,
    param: Annotated[list[str] | None, _of_template("A parameter of the body; repeat it in order.")] = None,
    header: Annotated[str | None, _of_template("The parameter of a text header.")] = None,
    header_image: Annotated[str | None, _of_template("Public link for the header.")] = None,
    header_video: Annotated[str | None, _of_template("Public link for the header.")] = None,
    header_document: Annotated[str | None, _of_template("Public link for the header.")] = None,
    url_suffix: Annotated[list[str] | None, _of_template("What completes the link of a button.")] = None,
    quick_reply: Annotated[list[str] | None, _of_template("What comes back when a button is tapped.")] = None,
    copy_code: Annotated[list[str] | None, _of_template("What a button copies.")] = None,
    language: Annotated[str | None, _of_template("Its language; en if not given.")] = None,
    caption: Annotated[str | None, _of_medium("Words under an image, video or document.")] = None,
    filename: Annotated[str | None, _of_medium("The document's name as the recipient sees it.")] = None,
    voice: Annotated[bool, _of_medium("Show an OGG as a voice note.")] = False,
    reference: Annotated[str | None, _delivery("Your name for it: the same one twice is one message.")] = None,
    at: Annotated[Any, _delivery("Not before: ISO 8601 with a zone, or +2h.", parser=moment, metavar="TIME")] = None,
    expires: Annotated[Any, _delivery("Not after.", parser=moment, metavar="TIME")] = None,
    lane: Annotated[str | None, _delivery("The account to send from.")] = None,
    category: Annotated[Category | None, _delivery("The template's category at Meta.")] = None,
    priority: Annotated[int | None, _delivery("0 is most urgent; from the category if not given.", min=0, max=3)] = None,
    customer_name: Annotated[str | None, _delivery("Fills $name in a template.")] = None,
    alt: Annotated[list[str] | None, _delivery("Fills a placeholder, such as '$city=Pune'.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the exact body and send nothing.")] = False,
    wait: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Wait so long for the outcome.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hand a message over and print its id. With --wait, ends with 0 only when Chat Mitra has taken it."""
    wanted = envelope(ctx.params)
    check_lane(wanted.lane)
    if dry_run:
        answer({"dry_run": True, "body": wanted.body()}, lambda: typer.echo(wanted.body_json()), as_json=as_json)
        return
    with door() as way_in:
        receipt = way_in.hand_over([wanted])[0]
        if isinstance(receipt, HarkaraError):
            raise receipt
        told = {"id": receipt.id, "reference": wanted.reference, "new": receipt.new}
        if not as_json:
            typer.echo(receipt.id)
        if wait is not None:
            told |= _watch(way_in, receipt.id, wait)
    if as_json:
        answer(told, lambda: None, as_json=True)
    if wait is not None and told["state"] not in _ARRIVED:
        raise typer.Exit(1)
