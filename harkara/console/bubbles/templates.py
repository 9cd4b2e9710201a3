"""Bubbles of template messages, and of kinds whose values are not known yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harkara.catalogue import Catalogue, Kind
from harkara.catalogue.approved_text import ApprovedText
from harkara.console.bubbles.bubble import HIDDEN, FileLabel, Label, MessageBubble
from harkara.console.bubbles.media import medium_of, name_of_link
from harkara.console.languages import N_
from harkara.messages import CopyCode, QuickReply, Template, UrlSuffix

UNKNOWN_TEXT = N_("The text of this template is not in config/templates.toml. Its name and its values:")

_ICONS = {"url": "link", "quick_reply": "reply", "copy_code": "copy"}


def bubble_of_template(message: Template, catalogue: Catalogue, *, secret: bool = False) -> MessageBubble:
    """Return the bubble of a template message. With `secret`, or if its kind is for codes, all values are hidden."""
    kind = _kind_of(message, catalogue)
    secret = secret or message.category == "authentication" or _is_secret(message.name, catalogue)
    header = message.header if isinstance(message.header, str) else None
    medium = None if message.header is None or isinstance(message.header, str) else medium_of(message.header)
    values = [header, *message.body]
    header, *body = [value and HIDDEN for value in values] if secret else values
    if kind is None or kind.text is None:
        lines = (f"{message.name} ({message.language})", *filter(None, (header, *body)))
        return MessageBubble(note=UNKNOWN_TEXT, medium=medium, body="\n".join(lines), buttons=_unnamed_buttons(message))
    return _filled(kind, kind.text, medium, header, [value or "" for value in body])


def bubble_of_kind(kind: Kind, values: Mapping[str, str] | None = None) -> MessageBubble:
    """Return the bubble of a kind of the catalogue, filled by the values that are known, by name of the parameter.

    The other parameters stand as their names in braces. The values of a kind for one-time codes are never shown.
    A value need not be valid: `Catalogue.message` says what is wrong with it.
    """
    known = {name: HIDDEN if kind.category == "authentication" else text for name, text in (values or {}).items()}
    shown = {name: known.get(name) or f"{{{name}}}" for name in kind.parameters}
    spec = kind.header
    medium = (
        FileLabel(spec.type, name_of_link(shown[spec.parameter])) if spec.parameter and spec.type != "text" else None
    )
    header = shown[spec.parameter] if spec.parameter and spec.type == "text" else None
    open_slots = frozenset(name for name in kind.parameters if not known.get(name))
    if kind.text is None:
        lines = (f"{kind.name} ({kind.language})", *filter(None, (header, *(shown[name] for name in kind.body))))
        return MessageBubble(note=UNKNOWN_TEXT, medium=medium, body="\n".join(lines), slots=open_slots)
    return _filled(kind, kind.text, medium, header, [shown[name] for name in kind.body], open_slots)


def _filled(
    kind: Kind,
    text: ApprovedText,
    medium: FileLabel | None,
    header: str | None,
    body: Sequence[str],
    slots: frozenset[str] = frozenset(),
) -> MessageBubble:
    preview = text.fill(header, body)
    icons = {button.index: _ICONS[button.type] for button in kind.buttons}
    buttons = tuple(Label(icons.get(index, "link"), label) for index, label in enumerate(preview.buttons))
    return MessageBubble(
        medium=medium, header=preview.header, body=preview.body, footer=preview.footer, buttons=buttons, slots=slots
    )


def _kind_of(message: Template, catalogue: Catalogue) -> Kind | None:
    found = [kind for kind in catalogue.kind.values() if kind.name == message.name and kind.speaks(message.language)]
    return next((kind for kind in found if kind.text), None)


def _is_secret(name: str, catalogue: Catalogue) -> bool:
    return any(kind.name == name and kind.category == "authentication" for kind in catalogue.kind.values())


def _unnamed_buttons(message: Template) -> tuple[Label, ...]:
    """Return a button without a label for each value of a button. The values themselves may be codes and links."""
    icons = {UrlSuffix: "link", CopyCode: "copy", QuickReply: "reply"}
    return tuple(Label(icons[type(button)], "…") for button in message.buttons)
