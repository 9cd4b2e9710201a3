"""The options of `harkara send`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from harkara.categories import Category
from workers.command.options import time_option


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


To = Annotated[str | None, typer.Argument(metavar="TO", help="Recipient's number.")]
Words = Annotated[str | None, typer.Argument(metavar="TEXT", help="Text; - reads it from stdin.")]
Kind = Annotated[str | None, _content("Kind of template; `harkara templates` lists them.")]
TemplateName = Annotated[str | None, _content("Name of an approved template.")]
ImageLink = Annotated[str | None, _content("Public link to a JPG, PNG or WEBP.")]
VideoLink = Annotated[str | None, _content("Public link to an MP4 or 3GP.")]
AudioLink = Annotated[str | None, _content("Public link to an MP3, OGG or OPUS.")]
DocumentLink = Annotated[str | None, _content("Public link to a PDF, Office file or TXT.")]
StickerLink = Annotated[str | None, _content("Public link to a WEBP.")]
JsonFile = Annotated[str | None, _content("File with a request in Chat Mitra's format; - reads stdin.")]
Set = Annotated[list[str] | None, _of_kind("Parameter, as NAME=VALUE; repeat it for each.", "--set")]
OptedIn = Annotated[bool, _of_kind("The recipient agreed to marketing.", "--opted-in")]
Parameters = Annotated[list[str] | None, _of_template("Parameter of the body; repeat it in order.")]
HeaderText = Annotated[str | None, _of_template("Parameter of a text header.")]
HeaderLink = Annotated[str | None, _of_template("Public link for the header.")]
UrlSuffixes = Annotated[list[str] | None, _of_template("Last part of a button's link.")]
QuickReplies = Annotated[list[str] | None, _of_template("Payload that comes back when a button is tapped.")]
CopyCodes = Annotated[list[str] | None, _of_template("Code that a button copies.")]
Language = Annotated[str | None, _of_template("Language; default en, or the kind's.")]
Caption = Annotated[str | None, _of_medium("Caption of an image, video or document.")]
Filename = Annotated[str | None, _of_medium("Name of the document that the recipient sees.")]
Voice = Annotated[bool, _of_medium("Send an OGG as a voice note.", "--voice")]
Reference = Annotated[str | None, _delivery("Your name for the message: the same one twice is one message.")]
At = Annotated[datetime | None, _time("Earliest time to send: ISO 8601 with a zone, or +2h.")]
Expires = Annotated[datetime | None, _time("Latest time to send.")]
SendLane = Annotated[str | None, _delivery("Account to send from.")]
CategoryAtMeta = Annotated[
    Category | None,
    _delivery("Category of the template: authentication, reply, utility or marketing.", metavar="CATEGORY"),
]
Priority = Annotated[int | None, _delivery("0 is sent first; by default the category decides.", min=0, max=3)]
CustomerName = Annotated[str | None, _delivery("Value of $name in a template.")]
Fallback = Annotated[str | None, _window("Template that is sent instead.")]
FallbackParameters = Annotated[list[str] | None, _window("Parameter of its body; repeat it in order.")]
FallbackLanguage = Annotated[str | None, _window("Its language; default en.")]
AltTexts = Annotated[list[str] | None, _delivery("Value of a placeholder, such as '$city=Pune'.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the request body, and what the customer reads; send nothing.")
]
WaitSeconds = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="Seconds to wait for the outcome, at most.")
]
