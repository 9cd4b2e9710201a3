"""Reply buttons and lists."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harkara.errors import Invalid
from harkara.messages import Button, Buttons, Image, ListMessage, Row, Section, Sticker
from tests.unit.messages.deferred import deferred

IMAGE = "https://example.com/a.jpg"


def test_buttons_have_the_shape_that_chat_mitra_accepts() -> None:
    message = Buttons("Coming?", buttons=[Button("YES", "Yes"), "No"], header="Monday, 9:00", footer="Care Clinic")
    assert message.wire()["payload"] == {
        "type": "interactive",
        "interactive": {
            "type": "button",
            "header": {"type": "text", "text": "Monday, 9:00"},
            "body": {"text": "Coming?"},
            "footer": {"text": "Care Clinic"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "YES", "title": "Yes"}},
                    {"type": "reply", "reply": {"id": "No", "title": "No"}},
                ]
            },
        },
    }


def test_a_header_may_be_an_image() -> None:
    message = Buttons("Coming?", buttons=["Yes"], header=Image(IMAGE))
    assert message.dump()["header"] == {"type": "image", "image": {"link": IMAGE}}


def test_a_list_has_the_shape_that_chat_mitra_accepts() -> None:
    message = ListMessage(
        "When?",
        button="Choose",
        sections=[Section("Monday", rows=[Row("r1", "9:00", "with Dr Rao"), Row("r2", "10:00")])],
    )
    assert message.wire()["payload"] == {
        "type": "interactive",
        "interactive": {
            "type": "list",
            "body": {"text": "When?"},
            "action": {
                "button": "Choose",
                "sections": [
                    {
                        "title": "Monday",
                        "rows": [
                            {"id": "r1", "title": "9:00", "description": "with Dr Rao"},
                            {"id": "r2", "title": "10:00"},
                        ],
                    }
                ],
            },
        },
    }


def rows(count: int) -> list[Row]:
    return [Row(str(number), "9:00") for number in range(count)]


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (deferred(Button, "a", "x" * 21), "title: at most 20 characters (this has 21)"),
        (deferred(Button, "x" * 257, "a"), "id: 1 to 256 characters (this has 257)"),
        (deferred(Buttons, "?", buttons=[]), "buttons: at least 1 (this has 0)"),
        (deferred(Buttons, "?", buttons=["a", "b", "c", "d"]), "buttons: at most 3 (this has 4)"),
        (deferred(Buttons, "?", buttons="Yes"), "buttons: must be a list (this is of type str)"),
        (deferred(Buttons, "?", buttons=[5]), "buttons[0]: must be an object (this is of type int)"),
        (
            deferred(Buttons, "?", buttons=[Button("a", "Yes"), Button("a", "No")]),
            "buttons.id: must not occur twice (1 of 2 do)",
        ),
        (
            deferred(Buttons, "?", buttons=[Button("a", "Yes"), Button("b", "Yes")]),
            "buttons.title: must not occur twice (1 of 2 do)",
        ),
        (deferred(Buttons, "x" * 1_025, buttons=["a"]), "body: at most 1,024 characters (this has 1,025)"),
        (deferred(Buttons, "?", buttons=["a"], header="x" * 61), "header: at most 60 characters (this has 61)"),
        (deferred(Buttons, "?", buttons=["a"], footer="x" * 61), "footer: at most 60 characters (this has 61)"),
        (
            deferred(Buttons, "?", buttons=["a"], header=Sticker("https://example.com/a.webp")),
            "header: must be a text, an Image, a Video or a Document (this is of type Sticker)",
        ),
        (
            deferred(Buttons, "?", buttons=["a"], header=Image(IMAGE, caption="no")),
            "header.caption: a header has no caption; move it to the body",
        ),
        (deferred(Row, "a", "x" * 21), "title: at most 20 characters (this has 21)"),
        (deferred(Row, "x" * 201, "a"), "id: 1 to 200 characters (this has 201)"),
        (deferred(Row, "a", "a", "x" * 73), "description: at most 72 characters (this has 73)"),
        (deferred(Section, "x" * 25, rows=rows(1)), "title: at most 24 characters (this has 25)"),
        (deferred(Section, rows=[]), "rows: at least 1 (this has 0)"),
        (
            deferred(ListMessage, "?", button="x" * 21, sections=[Section(rows=rows(1))]),
            "button: at most 20 characters (this has 21)",
        ),
        (
            deferred(ListMessage, "x" * 4_097, button="a", sections=[Section(rows=rows(1))]),
            "body: at most 4,096 characters (this has 4,097)",
        ),
        (deferred(ListMessage, "?", button="a", sections=[]), "sections: at least 1 (this has 0)"),
        (
            deferred(ListMessage, "?", button="a", sections=[Section(rows=rows(11))]),
            "sections: at most 10 rows in all (this has 11)",
        ),
        (
            deferred(ListMessage, "?", button="a", sections=[Section("a", rows=rows(1)), Section("b", rows=rows(2))]),
            "sections.rows.id: must not occur twice (1 of 3 do)",
        ),
        (
            deferred(
                ListMessage, "?", button="a", sections=[Section("a", rows=rows(1)), Section(rows=[Row("x", "x")])]
            ),
            "sections: every section needs a title when there are several",
        ),
    ],
)
def test_an_invalid_message_cannot_be_built(build: Callable[[], object], complaint: str) -> None:
    with pytest.raises(Invalid) as error:
        build()
    assert str(error.value) == complaint
