"""Interactive messages: reply buttons and lists, which the recipient answers with a tap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from harkara.errors import Invalid
from harkara.messages.model import RawMessage, StrictModel
from harkara.messages.parameters import Header, ParameterObject, header_links, to_parameter, validate_header
from harkara.messages.text_rules import PrintableRule, TextRule
from harkara.messages.validation import field_path, join_path, require_list

# Chat Mitra docs, Validation Rules: Interactive Messages. WhatsApp itself allows 24 characters in a row title.
ButtonTitle = Annotated[str, AfterValidator(TextRule(20))]
RowTitle = Annotated[str, AfterValidator(TextRule(20))]
ButtonId = Annotated[str, AfterValidator(PrintableRule(256))]
_MAX_BUTTONS, _MAX_ROWS = 3, 10

# WhatsApp Cloud API, interactive messages; Chat Mitra documents no limit.
RowId = Annotated[str, AfterValidator(PrintableRule(200))]
RowDescription = Annotated[str, AfterValidator(TextRule(72))]
SectionTitle = Annotated[str, AfterValidator(TextRule(24))]
ButtonsBody = Annotated[str, AfterValidator(TextRule(1_024, lines=True))]
ListBody = Annotated[str, AfterValidator(TextRule(4_096, lines=True))]
HeaderOrFooter = Annotated[str, AfterValidator(TextRule(60))]
ButtonsHeader = Annotated[Header, PlainValidator(partial(validate_header, rule=TextRule(60)))]
_MAX_SECTIONS = 10


class Button(StrictModel):
    """A reply button. A tap sends `title` as a message of the recipient, and `id` to the webhook.

    `id` has 1 to 256 characters, `title` at most 20 (Chat Mitra docs, Validation Rules).
    """

    id: ButtonId
    title: ButtonTitle

    def __init__(self, id: str, title: str) -> None:
        super().__init__(id=id, title=title)


class Row(StrictModel):
    """A row of a list. The webhook gets `id` when the recipient chooses the row.

    `title` has at most 20 characters (Chat Mitra docs, Validation Rules). `id` has 1 to 200 and `description`
    at most 72 (WhatsApp Cloud API, interactive messages).
    """

    id: RowId
    title: RowTitle
    description: RowDescription | None = None

    def __init__(self, id: str, title: str, description: str | None = None) -> None:
        super().__init__(id=id, title=title, description=description)


class Section(StrictModel):
    """A group of rows in a list. `title`, of at most 24 characters, is required if the list has several sections."""

    title: SectionTitle | None = None
    rows: Annotated[tuple[Annotated[Row, BeforeValidator(Row.read)], ...], Field(min_length=1)]

    def __init__(self, title: str | None = None, *, rows: Sequence[Row]) -> None:
        super().__init__(title=title, rows=rows)


class Buttons(RawMessage):
    """A text with one to three reply buttons: `Buttons("Coming?", buttons=["Yes", Button("NO", "No, thanks")])`.

    A string in `buttons` is both the id and the title of its button. Ids and titles are unique.
    `body` has at most 1,024 characters, `footer` at most 60. `header` is a text of at most 60 characters, or
    an Image, a Video or a Document without a caption (WhatsApp Cloud API, interactive messages).
    """

    kind: ClassVar[str] = "interactive"

    body: ButtonsBody
    buttons: Annotated[
        tuple[Annotated[Button, BeforeValidator(Button.read)], ...], Field(min_length=1, max_length=_MAX_BUTTONS)
    ]
    header: ButtonsHeader | None = None
    footer: HeaderOrFooter | None = None

    def __init__(
        self, body: str, *, buttons: Sequence[Button | str], header: Header | None = None, footer: str | None = None
    ) -> None:
        made = [
            Button(button, button) if isinstance(button, str) else button for button in require_list(buttons, "buttons")
        ]
        super().__init__(body=body, buttons=made, header=header, footer=footer)
        _require_unique([button.id for button in self.buttons], "buttons", "id")
        _require_unique([button.title for button in self.buttons], "buttons", "title")

    def links(self) -> tuple[tuple[str, str], ...]:
        return header_links(self.header)

    @classmethod
    def read(cls, value: object) -> Self:
        """Build the message from its `interactive` object."""
        parsed = _ButtonsObject.read(value)
        return cls(
            parsed.body.text,
            buttons=[button.reply for button in parsed.action.buttons],
            header=parsed.header_value("text", "image", "video", "document"),
            footer=parsed.footer.text if parsed.footer else None,
        )

    def dump(self) -> dict[str, Any]:
        """Return the `interactive` object."""
        buttons = [{"type": "reply", "reply": button.dump()} for button in self.buttons]
        return {"type": "button", **_dump_common(self), "action": {"buttons": buttons}}


class ListMessage(RawMessage):
    """A text with a button that opens a list of up to ten rows, in one or more sections.

    `ListMessage("When suits you?", button="Times", sections=[Section(rows=[Row("9", "9:00"), Row("10", "10:00")])])`

    `button` has at most 20 characters; row ids are unique (Chat Mitra docs, Validation Rules).
    `body` has at most 4,096 characters, `header` and `footer` at most 60 (WhatsApp Cloud API, interactive messages).
    """

    kind: ClassVar[str] = "interactive"

    body: ListBody
    button: ButtonTitle
    sections: Annotated[
        tuple[Annotated[Section, BeforeValidator(Section.read)], ...], Field(min_length=1, max_length=_MAX_SECTIONS)
    ]
    header: HeaderOrFooter | None = None
    footer: HeaderOrFooter | None = None

    def __init__(
        self,
        body: str,
        *,
        button: str,
        sections: Sequence[Section],
        header: str | None = None,
        footer: str | None = None,
    ) -> None:
        super().__init__(body=body, button=button, sections=sections, header=header, footer=footer)
        rows = [row.id for section in self.sections for row in section.rows]
        if len(rows) > _MAX_ROWS:
            raise Invalid("sections", f"at most {_MAX_ROWS} rows in all", f"this has {len(rows)}")
        _require_unique(rows, "sections", "rows.id")
        if len(self.sections) > 1 and any(section.title is None for section in self.sections):
            raise Invalid("sections", "every section needs a title when there are several")

    @classmethod
    def read(cls, value: object) -> Self:
        """Build the message from its `interactive` object."""
        parsed = _ListObject.read(value)
        return cls(
            parsed.body.text,
            button=parsed.action.button,
            sections=parsed.action.sections,
            header=parsed.header_value("text"),
            footer=parsed.footer.text if parsed.footer else None,
        )

    def dump(self) -> dict[str, Any]:
        """Return the `interactive` object."""
        action = {"button": self.button, "sections": [section.dump() for section in self.sections]}
        return {"type": "list", **_dump_common(self), "action": action}


def read_interactive(value: object) -> Buttons | ListMessage:
    """Build the message from an `interactive` object of either type."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "button":
        return Buttons.read(value)
    if kind == "list":
        return ListMessage.read(value)
    raise Invalid("type", "must be button or list")


class _TextObject(StrictModel):
    text: str


class _Reply(StrictModel):
    type: Literal["reply"]
    reply: Annotated[Button, BeforeValidator(Button.read)]


class _ButtonsAction(StrictModel):
    buttons: tuple[_Reply, ...]


class _ListAction(StrictModel):
    button: str
    sections: tuple[Annotated[Section, BeforeValidator(Section.read)], ...]


class _InteractiveObject(StrictModel):
    header: ParameterObject | None = None
    body: _TextObject
    footer: _TextObject | None = None

    def header_value(self, *types: str) -> Any:
        with field_path("header"):
            return self.header and self.header.get(*types)


class _ButtonsObject(_InteractiveObject):
    type: Literal["button"]
    action: _ButtonsAction


class _ListObject(_InteractiveObject):
    type: Literal["list"]
    action: _ListAction


def _dump_common(message: Buttons | ListMessage) -> dict[str, Any]:
    common: dict[str, Any] = {} if message.header is None else {"header": to_parameter(message.header)}
    common["body"] = {"text": message.body}
    if message.footer is not None:
        common["footer"] = {"text": message.footer}
    return common


def _require_unique(values: Sequence[str], field: str, name: str) -> None:
    if repeats := len(values) - len(set(values)):
        raise Invalid(join_path(field, name), "must not occur twice", f"{repeats} of {len(values)} do")
