"""Build the message that the options of `harkara send` describe."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import typer

from harkara.errors import Invalid
from harkara.messages import (
    Audio,
    CopyCode,
    Document,
    Envelope,
    Image,
    Message,
    QuickReply,
    Sticker,
    Template,
    Text,
    UrlSuffix,
    Video,
)
from harkara.phone import normalize
from harkara.text_files import BYTE_ORDER_MARK, read_text
from workers.command.deployment import catalogue

Given = Mapping[str, Any]
"""The options of `harkara send` by their Python names; an option that is not given is None or empty."""

Header = str | Image | Video | Document
Button = UrlSuffix | QuickReply | CopyCode

_PLACED = re.compile(r"(\d):(.*)", re.DOTALL)

_GOES_WITH = {
    "caption": ("image", "video", "document"),
    "filename": ("document",),
    "voice": ("audio",),
    "param": ("template",),
    "language": ("template", "kind"),
    "set_": ("kind",),
    "opted_in": ("kind",),
    "header": ("template",),
    "header_image": ("template",),
    "header_video": ("template",),
    "header_document": ("template",),
    "url_suffix": ("template",),
    "quick_reply": ("template",),
    "copy_code": ("template",),
}
_DELIVERY = ("reference", "at", "expires", "lane", "category", "priority", "customer_name")


def envelope(given: Given) -> Envelope:
    """Build and validate the envelope. Raises Invalid, and typer.BadParameter for options that exclude each other."""
    options = {name: given[name] for name in _DELIVERY if given[name] is not None} | {"producer": "command"}
    if given["alt"]:
        options["alt_texts"] = _pairs("alt", given["alt"], "'$name=Guest'")
    if fallback := _fallback(given):
        options["fallback"] = fallback
    source = _source(given)
    if source == "json_file":
        body = _read_json(given["json_file"])
        if given["to"] and isinstance(body, dict):
            body["recipient_mobile_number"] = normalize(given["to"])
        return catalogue().envelope(body, **options)
    if given["to"] is None:
        _wrong("to", "give the recipient's number")
    options["to"] = normalize(given["to"])
    return _of_kind(given, options) if source == "kind" else Envelope(messages=[_BUILD[source](given)], **options)


def _source(given: Given) -> str:
    """Return the one option that holds the message."""
    found = [name for name in (*_BUILD, "kind", "json_file") if given[name] is not None]
    if not found:
        _wrong("text", "give a text, --kind, --template, media such as --image, or --json-file")
    if len(found) > 1:
        _wrong(
            found[1],
            f"cannot be combined with {_option(found[0])}; the text under an image, video or document is its --caption",
        )
    for name, sources in _GOES_WITH.items():
        if given[name] and found[0] not in sources:
            _wrong(name, f"needs {' or '.join(map(_option, sources))}")
    return found[0]


def _of_kind(given: Given, options: dict[str, Any]) -> Envelope:
    kinds = catalogue()
    message = kinds.message(
        given["kind"],
        _pairs("set_", given["set_"] or [], "doctor=Rao"),
        language=given["language"],
        opted_in=given["opted_in"],
    )
    return kinds.find(given["kind"]).with_deadline(Envelope(messages=[message], **options))


def _text(given: Given) -> Text:
    text = given["text"]
    return Text(_stdin("text").removesuffix("\n") if text == "-" else text)


def _template(given: Given) -> Template:
    category = given["category"] or catalogue().category_of(given["template"])
    return Template(
        given["template"],
        given["language"] or "en",
        header=_header(given),
        body=given["param"] or (),
        buttons=_buttons(given),
        category=None if category == "reply" else category,
    )


def _fallback(given: Given) -> Template | None:
    name = given["fallback"]
    if name is not None:
        language, body = given["fallback_language"] or "en", given["fallback_param"] or ()
        return Template(name, language, body=body, category=catalogue().category_of(name))
    for option in ("fallback_param", "fallback_language"):
        if given[option]:
            _wrong(option, "needs --fallback")
    return None


_BUILD: dict[str, Callable[[Given], Message]] = {
    "text": _text,
    "template": _template,
    "image": lambda given: Image(given["image"], caption=given["caption"]),
    "video": lambda given: Video(given["video"], caption=given["caption"]),
    "audio": lambda given: Audio(given["audio"], voice=given["voice"] or None),
    "document": lambda given: Document(given["document"], filename=given["filename"], caption=given["caption"]),
    "sticker": lambda given: Sticker(given["sticker"]),
}


def _header(given: Given) -> Header | None:
    media: dict[str, Callable[[str], Header]] = {
        "header": str,
        "header_image": Image,
        "header_video": Video,
        "header_document": Document,
    }
    found = [name for name in media if given[name] is not None]
    if len(found) > 1:
        _wrong(found[1], f"cannot be combined with {_option(found[0])}; a template has one header")
    return media[found[0]](given[found[0]]) if found else None


def _buttons(given: Given) -> list[Button]:
    """Return the buttons by position; without positions, all must be of one kind."""
    kinds: dict[str, Callable[..., Button]] = {
        "quick_reply": QuickReply,
        "url_suffix": UrlSuffix,
        "copy_code": CopyCode,
    }
    found = [(name, value, _PLACED.fullmatch(value)) for name in kinds for value in given[name] or ()]
    unplaced = [name for name, _, placed in found if placed is None]
    if unplaced and len({name for name, _, _ in found}) > 1:
        _wrong(unplaced[0], "give its position among the template's buttons before it, such as 0:VALUE")
    return [
        kinds[name](placed[2], index=int(placed[1])) if placed else kinds[name](value) for name, value, placed in found
    ]


def _pairs(name: str, pairs: list[str], example: str) -> dict[str, str]:
    if any("=" not in pair for pair in pairs):
        _wrong(name, f"write it as {example}")
    return dict(pair.split("=", 1) for pair in pairs)


def _read_json(name: str) -> Any:
    try:
        text = _stdin("json_file").lstrip(BYTE_ORDER_MARK) if name == "-" else read_text(Path(name))
        return json.loads(text)
    except Invalid as error:
        _wrong("json_file", error.rule)
    except json.JSONDecodeError as error:
        raise Invalid("body", "must be one JSON object", f"line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Invalid("body", "must be one JSON object", "it is nested too deeply") from None


def _stdin(name: str) -> str:
    """Return the text of stdin, which is in UTF-8 whatever the locale says."""
    try:
        return sys.stdin.buffer.read().decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        _wrong(name, "stdin is not in UTF-8; convert it first")


def _option(name: str) -> str:
    return name.upper() if name in ("to", "text") else f"--{name.strip('_').replace('_', '-')}"


def _wrong(name: str, message: str) -> NoReturn:
    raise typer.BadParameter(message, param_hint=_option(name))
