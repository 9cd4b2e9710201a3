"""Buttons, lists and their kin (Chat Mitra docs, Interactive Messages; WhatsApp's limits where they are silent)."""

from __future__ import annotations

from typing import Any

from sandbox.answers import broken
from sandbox.rules.media import check_link, check_media
from sandbox.rules.shape import a_mapping, a_string, an_array, an_optional_string, no_repeats
from sandbox.rules.text import a_plain_string

BODY_MAX = 1_024
HEADER_MAX = FOOTER_MAX = 60
BUTTONS_MAX, BUTTON_TITLE_MAX, BUTTON_ID_MAX = 3, 20, 256
SECTIONS_MAX, SECTION_TITLE_MAX = 10, 24
ROWS_MAX, ROW_TITLE_MAX, ROW_ID_MAX, ROW_DESCRIPTION_MAX = 10, 20, 200, 72


def check_interactive(interactive: Any, field: str) -> None:
    kind = a_mapping(interactive, field).get("type")
    if not isinstance(kind, str) or kind not in _ACTIONS:
        raise broken(f"{field}.type", f"must be one of {', '.join(_ACTIONS)}")
    _check_part(interactive.get("body"), f"{field}.body", BODY_MAX)
    if "header" in interactive:
        _check_header(interactive["header"], f"{field}.header", text_only=kind == "list")
    if "footer" in interactive:
        _check_part(interactive["footer"], f"{field}.footer", FOOTER_MAX)
    _ACTIONS[kind](a_mapping(interactive.get("action"), f"{field}.action"), f"{field}.action")


def _check_part(part: Any, field: str, most: int) -> None:
    a_plain_string(a_mapping(part, field).get("text"), f"{field}.text", most=most)


def _check_header(header: Any, field: str, text_only: bool) -> None:
    kind = a_mapping(header, field).get("type")
    if kind == "text":
        a_plain_string(header.get("text"), f"{field}.text", most=HEADER_MAX)
    elif kind in ("image", "video", "document") and not text_only:
        check_media(header.get(kind), kind, f"{field}.{kind}")
    else:
        raise broken(f"{field}.type", "must be text" if text_only else "must be text, image, video or document")


def _check_buttons(action: dict[str, Any], field: str) -> None:
    ids = []
    for index, button in enumerate(an_array(action.get("buttons"), f"{field}.buttons", most=BUTTONS_MAX)):
        at = f"{field}.buttons[{index}]"
        if a_mapping(button, at).get("type") != "reply":
            raise broken(f"{at}.type", "must be reply")
        reply = a_mapping(button.get("reply"), f"{at}.reply")
        ids.append(a_string(reply.get("id"), f"{at}.reply.id", most=BUTTON_ID_MAX))
        a_string(reply.get("title"), f"{at}.reply.title", most=BUTTON_TITLE_MAX)
    no_repeats(ids, f"{field}.buttons, ids")


def _check_list(action: dict[str, Any], field: str) -> None:
    """Ten rows in all, however many sections; a section needs a title only beside others."""
    a_string(action.get("button"), f"{field}.button", most=BUTTON_TITLE_MAX)
    sections = an_array(action.get("sections"), f"{field}.sections", most=SECTIONS_MAX)
    ids: list[str] = []
    for index, section in enumerate(sections):
        at = f"{field}.sections[{index}]"
        if len(sections) > 1 or "title" in a_mapping(section, at):
            a_string(a_mapping(section, at).get("title"), f"{at}.title", most=SECTION_TITLE_MAX)
        ids += _row_ids(section, at)
    if len(ids) > ROWS_MAX:
        raise broken(f"{field}.sections", f"must have at most {ROWS_MAX} rows in all, has {len(ids)}")
    no_repeats(ids, f"{field}.sections, row ids")


def _row_ids(section: dict[str, Any], field: str) -> list[str]:
    ids = []
    for index, row in enumerate(an_array(section.get("rows"), f"{field}.rows", most=ROWS_MAX)):
        at = f"{field}.rows[{index}]"
        ids.append(a_string(a_mapping(row, at).get("id"), f"{at}.id", most=ROW_ID_MAX))
        a_string(row.get("title"), f"{at}.title", most=ROW_TITLE_MAX)
        an_optional_string(row.get("description"), f"{at}.description", most=ROW_DESCRIPTION_MAX)
    return ids


def _check_link_button(action: dict[str, Any], field: str) -> None:
    parameters = a_mapping(action.get("parameters"), f"{field}.parameters")
    a_string(parameters.get("display_text"), f"{field}.parameters.display_text", most=BUTTON_TITLE_MAX)
    check_link(parameters.get("url"), f"{field}.parameters.url")


def _check_location_request(action: dict[str, Any], field: str) -> None:
    if action.get("name") != "send_location":
        raise broken(f"{field}.name", "must be send_location")


_ACTIONS = {
    "button": _check_buttons,
    "list": _check_list,
    "cta_url": _check_link_button,
    "location_request_message": _check_location_request,
}
