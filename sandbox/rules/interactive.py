"""Interactive messages: buttons, lists, links (Chat Mitra docs, Interactive Messages; otherwise WhatsApp's limits)."""

from __future__ import annotations

from typing import Any

from sandbox.responses import invalid_field
from sandbox.rules.field_types import check_optional_string, check_unique, require_array, require_object, require_string
from sandbox.rules.media import check_link, check_media
from sandbox.rules.text import require_plain_string

BODY_MAX = 1_024
HEADER_MAX = FOOTER_MAX = 60
BUTTONS_MAX, BUTTON_TITLE_MAX, BUTTON_ID_MAX = 3, 20, 256
SECTIONS_MAX, SECTION_TITLE_MAX = 10, 24
ROWS_MAX, ROW_TITLE_MAX, ROW_ID_MAX, ROW_DESCRIPTION_MAX = 10, 20, 200, 72


def check_interactive(interactive: Any, field: str) -> None:
    kind = require_object(interactive, field).get("type")
    if not isinstance(kind, str) or kind not in _ACTIONS:
        raise invalid_field(f"{field}.type", f"must be one of {', '.join(_ACTIONS)}")
    _check_part(interactive.get("body"), f"{field}.body", BODY_MAX)
    if "header" in interactive:
        _check_header(interactive["header"], f"{field}.header", text_only=kind == "list")
    if "footer" in interactive:
        _check_part(interactive["footer"], f"{field}.footer", FOOTER_MAX)
    _ACTIONS[kind](require_object(interactive.get("action"), f"{field}.action"), f"{field}.action")


def _check_part(part: Any, field: str, most: int) -> None:
    require_plain_string(require_object(part, field).get("text"), f"{field}.text", most=most)


def _check_header(header: Any, field: str, text_only: bool) -> None:
    kind = require_object(header, field).get("type")
    if kind == "text":
        require_plain_string(header.get("text"), f"{field}.text", most=HEADER_MAX)
    elif kind in ("image", "video", "document") and not text_only:
        check_media(header.get(kind), kind, f"{field}.{kind}")
    else:
        raise invalid_field(f"{field}.type", "must be text" if text_only else "must be text, image, video or document")


def _check_buttons(action: dict[str, Any], field: str) -> None:
    ids = []
    for index, button in enumerate(require_array(action.get("buttons"), f"{field}.buttons", most=BUTTONS_MAX)):
        at = f"{field}.buttons[{index}]"
        if require_object(button, at).get("type") != "reply":
            raise invalid_field(f"{at}.type", "must be reply")
        reply = require_object(button.get("reply"), f"{at}.reply")
        ids.append(require_string(reply.get("id"), f"{at}.reply.id", most=BUTTON_ID_MAX))
        require_string(reply.get("title"), f"{at}.reply.title", most=BUTTON_TITLE_MAX)
    check_unique(ids, f"{field}.buttons, ids")


def _check_list(action: dict[str, Any], field: str) -> None:
    """Allow ten rows in all sections together; a single section needs no title."""
    require_string(action.get("button"), f"{field}.button", most=BUTTON_TITLE_MAX)
    sections = require_array(action.get("sections"), f"{field}.sections", most=SECTIONS_MAX)
    ids: list[str] = []
    for index, section in enumerate(sections):
        at = f"{field}.sections[{index}]"
        if len(sections) > 1 or "title" in require_object(section, at):
            require_string(require_object(section, at).get("title"), f"{at}.title", most=SECTION_TITLE_MAX)
        ids += _row_ids(section, at)
    if len(ids) > ROWS_MAX:
        raise invalid_field(f"{field}.sections", f"must have at most {ROWS_MAX} rows in all, has {len(ids)}")
    check_unique(ids, f"{field}.sections, row ids")


def _row_ids(section: dict[str, Any], field: str) -> list[str]:
    ids = []
    for index, row in enumerate(require_array(section.get("rows"), f"{field}.rows", most=ROWS_MAX)):
        at = f"{field}.rows[{index}]"
        ids.append(require_string(require_object(row, at).get("id"), f"{at}.id", most=ROW_ID_MAX))
        require_string(row.get("title"), f"{at}.title", most=ROW_TITLE_MAX)
        check_optional_string(row.get("description"), f"{at}.description", most=ROW_DESCRIPTION_MAX)
    return ids


def _check_link_button(action: dict[str, Any], field: str) -> None:
    parameters = require_object(action.get("parameters"), f"{field}.parameters")
    require_string(parameters.get("display_text"), f"{field}.parameters.display_text", most=BUTTON_TITLE_MAX)
    check_link(parameters.get("url"), f"{field}.parameters.url")


def _check_location_request(action: dict[str, Any], field: str) -> None:
    if action.get("name") != "send_location":
        raise invalid_field(f"{field}.name", "must be send_location")


_ACTIONS = {
    "button": _check_buttons,
    "list": _check_list,
    "cta_url": _check_link_button,
    "location_request_message": _check_location_request,
}
