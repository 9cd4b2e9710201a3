"""Messages that the recipient answers with a tap: reply buttons and lists."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from harkara.errors import Invalid
from harkara.messages.model import RawMessage, StrictModel
from harkara.messages.parameters import Header, ParameterObject, to_parameter, validate_header
from harkara.messages.text_rules import PrintableRule, TextRule
from harkara.messages.validation import field_path, join_path, require_list

# Chat Mitra docs, Validation Rules: Interactive Messages. A row title may have 24 at WhatsApp.
ButtonTitle = Annotated[str, AfterValidator(TextRule(20))]
RowTitle = Annotated[str, AfterValidator(TextRule(20))]
ButtonId = Annotated[str, AfterValidator(PrintableRule(256))]
_BUTTONS, _ROWS = 3, 10

# WhatsApp Cloud API, interactive messages; Chat Mitra names no limit.
RowId = Annotated[str, AfterValidator(PrintableRule(200))]
RowDescription = Annotated[str, AfterValidator(TextRule(72))]
SectionTitle = Annotated[str, AfterValidator(TextRule(24))]
ButtonsBody = Annotated[str, AfterValidator(TextRule(1_024, lines=True))]
ListBody = Annotated[str, AfterValidator(TextRule(4_096, lines=True))]
Edge = Annotated[str, AfterValidator(TextRule(60))]  # header and footer
ButtonsHeader = Annotated[Header, PlainValidator(partial(validate_header, rule=TextRule(60)))]
_SECTIONS = 10


class Button(StrictModel):
    """A reply button; `id` comes back when it is tapped."""

    id: ButtonId
    title: ButtonTitle

    def __init__(self, id: str, title: str) -> None:
        super().__init__(id=id, title=title)


class Row(StrictModel):
    """A line of a list; `id` comes back when it is chosen."""

    id: RowId
    title: RowTitle
    description: RowDescription | None = None

    def __init__(self, id: str, title: str, description: str | None = None) -> None:
        super().__init__(id=id, title=title, description=description)


class Section(StrictModel):
    """Rows under a title, which is needed as soon as there are two sections."""

    title: SectionTitle | None = None
    rows: Annotated[tuple[Annotated[Row, BeforeValidator(Row.read)], ...], Field(min_length=1)]

    def __init__(self, title: str | None = None, *, rows: Sequence[Row]) -> None:
        super().__init__(title=title, rows=rows)


class Buttons(RawMessage):
    """A question with one to three answers: `Buttons("Coming?", buttons=["Yes", Button("NO", "No, thanks")])`.

    A plain string is both id and title of its button.
    """

    kind: ClassVar[str] = "interactive"

    body: ButtonsBody
    buttons: Annotated[
        tuple[Annotated[Button, BeforeValidator(Button.read)], ...], Field(min_length=1, max_length=_BUTTONS)
    ]
    header: ButtonsHeader | None = None
    footer: Edge | None = None

    def __init__(
        self, body: str, *, buttons: Sequence[Button | str], header: Header | None = None, footer: str | None = None
    ) -> None:
        made = [
            Button(button, button) if isinstance(button, str) else button for button in require_list(buttons, "buttons")
        ]
        super().__init__(body=body, buttons=made, header=header, footer=footer)
        _refuse_repeats([button.id for button in self.buttons], "buttons", "id")
        _refuse_repeats([button.title for button in self.buttons], "buttons", "title")

    @classmethod
    def read(cls, value: object) -> Self:
        """Builds the message from its `interactive` object."""
        shape = _ButtonsShape.read(value)
        return cls(
            shape.body.text,
            buttons=[button.reply for button in shape.action.buttons],
            header=shape.header_value("text", "image", "video", "document"),
            footer=shape.footer.text if shape.footer else None,
        )

    def dump(self) -> dict[str, Any]:
        """The `interactive` object."""
        buttons = [{"type": "reply", "reply": button.dump()} for button in self.buttons]
        return {"type": "button", **_frame(self), "action": {"buttons": buttons}}


class ListMessage(RawMessage):
    """A text with a button that opens up to ten rows, in one section or several.

    `ListMessage("When suits you?", button="Times", sections=[Section(rows=[Row("9", "9:00"), Row("10", "10:00")])])`
    """

    kind: ClassVar[str] = "interactive"

    body: ListBody
    button: ButtonTitle
    sections: Annotated[
        tuple[Annotated[Section, BeforeValidator(Section.read)], ...], Field(min_length=1, max_length=_SECTIONS)
    ]
    header: Edge | None = None
    footer: Edge | None = None

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
        if len(rows) > _ROWS:
            raise Invalid("sections", f"at most {_ROWS} rows in all", f"this has {len(rows)}")
        _refuse_repeats(rows, "sections", "rows.id")
        if len(self.sections) > 1 and any(section.title is None for section in self.sections):
            raise Invalid("sections", "every section needs a title when there are several")

    @classmethod
    def read(cls, value: object) -> Self:
        """Builds the message from its `interactive` object."""
        shape = _ListShape.read(value)
        return cls(
            shape.body.text,
            button=shape.action.button,
            sections=shape.action.sections,
            header=shape.header_value("text"),
            footer=shape.footer.text if shape.footer else None,
        )

    def dump(self) -> dict[str, Any]:
        """The `interactive` object."""
        action = {"button": self.button, "sections": [section.dump() for section in self.sections]}
        return {"type": "list", **_frame(self), "action": action}


def read_interactive(value: object) -> Buttons | ListMessage:
    """Builds whichever of the two an `interactive` object holds."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "button":
        return Buttons.read(value)
    if kind == "list":
        return ListMessage.read(value)
    raise Invalid("type", "must be button or list")


class _Words(StrictModel):
    text: str


class _Reply(StrictModel):
    type: Literal["reply"]
    reply: Annotated[Button, BeforeValidator(Button.read)]


class _ButtonsAction(StrictModel):
    buttons: tuple[_Reply, ...]


class _ListAction(StrictModel):
    button: str
    sections: tuple[Annotated[Section, BeforeValidator(Section.read)], ...]


class _Frame(StrictModel):
    header: ParameterObject | None = None
    body: _Words
    footer: _Words | None = None

    def header_value(self, *types: str) -> Any:
        with field_path("header"):
            return self.header and self.header.get(*types)


class _ButtonsShape(_Frame):
    type: Literal["button"]
    action: _ButtonsAction


class _ListShape(_Frame):
    type: Literal["list"]
    action: _ListAction


def _frame(message: Buttons | ListMessage) -> dict[str, Any]:
    frame: dict[str, Any] = {} if message.header is None else {"header": to_parameter(message.header)}
    frame["body"] = {"text": message.body}
    if message.footer is not None:
        frame["footer"] = {"text": message.footer}
    return frame


def _refuse_repeats(values: Sequence[str], field: str, name: str) -> None:
    if repeats := len(values) - len(set(values)):
        raise Invalid(join_path(field, name), "must not occur twice", f"{repeats} of {len(values)} do")
