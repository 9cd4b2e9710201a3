"""`harkara send`: hand over one message, and optionally wait for its outcome."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from harkara.errors import HarkaraError, Unavailable
from harkara.states import UNSENT, State
from workers.command import send_options as options
from workers.command.deployment import backend, check_lane
from workers.command.options import AsJson, example
from workers.command.output import ERROR, emit, note

if TYPE_CHECKING:
    from harkara.backends.ledger import LedgerBackend
    from harkara.message_status import MessageStatus
    from harkara.messages import Envelope

EXAMPLES = "\n\n".join(
    (
        example('harkara send 9876543210 "Your order is ready" --reference order-1042'),
        example(
            "harkara send 9876543210 --kind otp_verification --set code=482913",
            '--set minutes=5 --set purpose="the login"',
        ),
        example("harkara send 9876543210 --template visit_tomorrow", "--param Asha --param 10:30 --at +2h"),
        "Give the position of a button among the template's buttons, from 0, before its value: "
        "--url-suffix 1:track/1042",
    )
)

_POLL_SECONDS = 0.2
_ADVISED_LENGTH = 1_000
_OPEN = UNSENT | {State.SENDING}
_ARRIVED = {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ}


def send(
    ctx: typer.Context,
    to: options.To = None,
    text: options.Words = None,
    kind: options.Kind = None,
    template: options.TemplateName = None,
    image: options.ImageLink = None,
    video: options.VideoLink = None,
    audio: options.AudioLink = None,
    document: options.DocumentLink = None,
    sticker: options.StickerLink = None,
    json_file: options.JsonFile = None,
    set_: options.Set = None,
    opted_in: options.OptedIn = False,
    param: options.Parameters = None,
    header: options.HeaderText = None,
    header_image: options.HeaderLink = None,
    header_video: options.HeaderLink = None,
    header_document: options.HeaderLink = None,
    url_suffix: options.UrlSuffixes = None,
    quick_reply: options.QuickReplies = None,
    copy_code: options.CopyCodes = None,
    language: options.Language = None,
    caption: options.Caption = None,
    filename: options.Filename = None,
    voice: options.Voice = False,
    reference: options.Reference = None,
    at: options.At = None,
    expires: options.Expires = None,
    lane: options.SendLane = None,
    category: options.CategoryAtMeta = None,
    priority: options.Priority = None,
    customer_name: options.CustomerName = None,
    fallback: options.Fallback = None,
    fallback_param: options.FallbackParameters = None,
    fallback_language: options.FallbackLanguage = None,
    alt: options.AltTexts = None,
    dry_run: options.DryRun = False,
    wait: options.WaitSeconds = None,
    as_json: AsJson = False,
) -> None:
    """Hand over a message and print its id. With --wait, exits with 0 only if Chat Mitra accepts it."""
    from workers.command.compose import envelope
    from workers.command.preview import note_previews, note_problems, preview, preview_fields

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
    from harkara.messages import Text

    longest = max((len(each.body) for each in wanted.messages if isinstance(each, Text)), default=0)
    if longest >= _ADVISED_LENGTH:
        note(f"The text has {longest:,} characters; Chat Mitra advises fewer than {_ADVISED_LENGTH:,}.")


def _note_closed_window(wanted: Envelope) -> None:
    from workers.command.closed_window import closed_window, command_to_write

    if advice := closed_window(wanted):
        note(advice)
        if command := command_to_write(wanted):
            note("In the sandbox, write as this person:")
            typer.echo(f"  {command}", err=True)  # in one line, so that it can be copied


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
        else:
            _note_closed_window(wanted)
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
